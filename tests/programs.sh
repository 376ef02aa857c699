# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
#
# Real programs, stopped mid-way: a test sources this file after lib.sh and calls midway PROGRAM
# with a way to copy (cp, rsync, tar). The program must end as an undisturbed run of it does.

# Every program: PROGRAM_input prepares $T/in and $T/args, PROGRAM_command says what to run, and
# PROGRAM_midway is true when enough, but not all, of the work is done.

xz_input() {
	"$PYTHON" - >in <<-'END'
		import random
		random.seed(1)
		words = ["%x" % random.getrandbits(28) for _ in range(20000)]
		for _ in range(36000):
		    print(" ".join(random.choice(words) for _ in range(14)))
	END
}
xz_command() { command=(xz -9 -c); }
xz_midway() { read_past "$1" 0 1500000; }

sha256sum_input() {
	head -c 1000000 /dev/urandom >in
	truncate -s 800M in
}
sha256sum_command() { command=(sha256sum); }
sha256sum_midway() { read_past "$1" 0 300000000; }

python3_input() {
	cat >in <<-'END'
		import hashlib, random, sys
		random.seed(7)
		table, digest = {}, hashlib.sha256()
		for i in range(3600000):
		    key = random.randrange(50000)
		    table.setdefault(key, []).append(i * random.random())
		    if i % 4000 == 0:
		        digest.update(repr(sorted(table[key])).encode())
		        print(i, digest.hexdigest())
		        if i % 80000 == 0:
		            sys.stdout.flush()
		print(sum(sum(v) for v in table.values()), len(table), digest.hexdigest())
	END
}
python3_command() { command=(env PYTHONHASHSEED=0 "$PYTHON" -); }
python3_midway() { used_cpu "$1" 60 && [[ -s out ]]; }

perl_input() {
	cat >in <<-'END'
		use strict; use warnings;
		my ($x, %seen, @last) = (12345);
		for my $i (1 .. 5000000) {
		    $x = ($x * 1103515245 + 12345) % 2147483648;
		    my $key = sprintf("%05d", $x % 40000);
		    $seen{$key} .= chr(33 + $x % 90) if length($seen{$key} // "") < 60;
		    push @last, $key;
		    shift @last if @last > 100;
		    print "$i $key $seen{$key} @last[-3 .. -1]\n" if $i % 20000 == 0;
		}
		print join(",", map { "$_=$seen{$_}" } grep { /7$/ } sort keys %seen), "\n";
	END
}
perl_command() { command=(env PERL_HASH_SEED=0 perl -); }
perl_midway() { used_cpu "$1" 60 && [[ -s out ]]; }

sqlite3_input() {
	cat >in <<-'END'
		PRAGMA temp_store=memory;
		CREATE TABLE t(i INTEGER PRIMARY KEY, a INT, b TEXT);
		BEGIN;
		WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 900000)
		  INSERT INTO t SELECT i, (i * 7919) % 100003, hex(i * 31) FROM n;
		COMMIT;
		SELECT count(*), sum(a), max(b) FROM t;
		CREATE INDEX t_a ON t(a);
		SELECT sum(x.a * length(y.b)) FROM t x JOIN t y ON x.a = y.i;
		BEGIN;
		UPDATE t SET b = b || a WHERE i % 3 = 0;
		DELETE FROM t WHERE a % 11 = 0;
		COMMIT;
		SELECT count(*), sum(length(b)), min(a), max(a) FROM t;
		PRAGMA integrity_check;
	END
}
sqlite3_command() {
	rm -f data.db data.db-journal
	command=(sqlite3 -batch data.db)
}
sqlite3_midway() { used_cpu "$1" 40; }

# copy HOW FROM TO: FROM/ becomes TO/ with that tool.
copy() {
	local how=$1 from=$2 to=$3
	case $how in
	cp) cp -a "$from" "${to%/*}/" ;;
	rsync) rsync -a "$from" "${to%/*}/" ;;
	tar)
		tar -C "${from%/*}" -cf job.tar "${from##*/}"
		tar -C "${to%/*}" -xf job.tar
		;;
	esac
}

# run_to_end OUT: the undisturbed run.
run_to_end() {
	"$1_command"
	spawn -i in -o "$2" -e "$2.err" "${command[@]}"
	wait_for 100 "the undisturbed run" exited "$PID"
	[[ $(<"exits/$PID") = 0 ]] || fail "undisturbed: $(<"exits/$PID") $(cat "$2.err")"
}

midway_or_ended() { exited "$PID" || "$program"_midway "$PID" 2>/dev/null; }

midway() {
	local command how
	program=$1
	how=$2
	mount_ckpt
	"${program}_input"
	run_to_end "$program" want
	[[ ! -e data.db ]] || mv data.db want.db
	"${program}_command"
	spawn -i in -o out -e out.err "${command[@]}"
	wait_for 60 "$program to be half-way" midway_or_ended
	freeze
	mkdir -p dump
	copy "$how" "$MNT/$PID" "$T/dump/$PID"
	cp out out.then
	kill_and_reap
	cmp -s out want && fail "$program had ended before it was stopped"
	copy "$how" "$T/dump/$PID" "$MNT/restore/$PID"
	wait_for 100 "$program to end" exited "$PID"
	[[ $(<"exits/$PID") = 0 ]] || fail "exit status $(<"exits/$PID"): $(cat out.err)"
	cmp out want
	cmp out.err want.err
	if [[ -e want.db ]]; then
		cmp data.db want.db
	fi
}
