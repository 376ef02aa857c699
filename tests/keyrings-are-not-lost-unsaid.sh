#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Keys in a process's own keyrings can't be captured; those of its session are said to be lost; its
# user's are found again. To ask makes no keyring. A restored process has none of the daemon's keys.
. "${0%/*}/lib.sh"

cat >ckptfs-with-key <<END
#!/bin/sh
exec $VICTIMS/keys run $CKPTFS "\$@"
END
chmod +x ckptfs-with-key
daemon=$CKPTFS CKPTFS=$T/ckptfs-with-key
mount_ckpt allow_other
[[ $(readlink "/proc/$DAEMON/exe") = "$(readlink -f "$daemon")" ]] || skip "$(cat "$T"/daemon.err*)"

for kind in process thread; do
	start keys "$kind"
	fails_with "not supported" freeze
	log_has "can't be captured: $kind keyring with 1 keys"
	finish
	rm "$GO"
done

start keys session
log_clear_mark
freeze
thaw
log_since_has "process $PID: its session keyring is not kept, nor the 1 keys in it"
finish
rm "$GO"

for kind in empty-session user; do
	start keys "$kind"
	log_clear_mark
	checkpoint
	! log_since | grep keyring || fail "$kind: nothing is lost"
	restore
	restored
	finish
	rm "$GO"
done

# The kernel keeps a user's keyrings for some minutes: one who never had any.
uid=$((100000 + SRANDOM % 1000000000))
RUN_WITH=(setpriv --reuid "$uid" --regid "$uid" --clear-groups)
start keys none
freeze
thaw
finish
rm "$GO"
chmod 755 "$T"
start keys user
checkpoint
restore # by root: the user's keyring, not root's
restored
finish
