# SPDX-License-Identifier: GPL-2.0-or-later
#
#   make            build/ckptfs
#   make demo       set up, build, and show the main job on a real program
#   make check      set up, build, and run the tests
#   make install    PREFIX=/usr/local DESTDIR=
#   make lint bench fuzz check-asan check-tsan uninstall clean

VERSION := 0.1.0
PREFIX  ?= /usr/local
# mount(8) looks for its helpers in /sbin only (libmount, MOUNT(8) "EXTERNAL HELPERS").
SBINDIR ?= /sbin
DESTDIR ?=
BUILD   ?= build

CC      ?= cc
CFLAGS  ?= -O2 -g
PKGS    := fuse3 libproc2 zlib libxxhash
WARN    := -Wall -Wextra -Werror -Wstrict-prototypes -Wmissing-prototypes -Wshadow=local
CPPFLAGS_ALL = -D_GNU_SOURCE -D_FILE_OFFSET_BITS=64 -DCKPT_VERSION='"$(VERSION)"' -Isrc -I$(BUILD) \
	$(shell pkg-config --cflags $(PKGS) 2>/dev/null) $(CPPFLAGS)
CFLAGS_ALL = -std=gnu11 -pthread $(WARN) $(CFLAGS) $(SANITIZE)
LIBS    = $(shell pkg-config --libs $(PKGS)) -pthread

SRCS    := $(wildcard src/*.c)
OBJS    := $(patsubst src/%.c,$(BUILD)/%.o,$(SRCS)) $(BUILD)/stub.o $(BUILD)/program.o $(BUILD)/again_code.o \
	$(BUILD)/blank_blob.o
LIBOBJS := $(filter-out $(BUILD)/main.o $(BUILD)/fs_%.o,$(OBJS))

.PHONY: all
all: $(BUILD)/ckptfs

$(BUILD)/ckptfs: $(OBJS)
	$(CC) $(CFLAGS_ALL) $(LDFLAGS) -o $@ $^ $(LIBS)

$(BUILD)/%.o: src/%.c | $(BUILD)
	$(CC) $(CPPFLAGS_ALL) $(CFLAGS_ALL) -MMD -MP -c -o $@ $<

# The program a skeleton runs until it is a process again: a few instructions, no libc.
$(BUILD)/blank: src/blank.S | $(BUILD)
	$(CC) -nostdlib -static -Wl,--build-id=none -Wl,-z,noexecstack -Wl,-z,noseparate-code \
		-Wl,-Ttext-segment=0x10000 -o $@ $<
$(BUILD)/blank32: src/blank32.S | $(BUILD)
	$(CC) -m32 -nostdlib -static -Wl,--build-id=none -Wl,-z,noexecstack -Wl,-z,noseparate-code \
		-Wl,-Ttext-segment=0x10000 -o $@ $<
$(BUILD)/stub.o $(BUILD)/program.o: $(BUILD)/%.o: src/%.S | $(BUILD)
	$(CC) -c -o $@ $<
$(BUILD)/again_code.o: src/again.S | $(BUILD)
	$(CC) -c -o $@ $<
$(BUILD)/blank_blob.o: src/blank_blob.S $(BUILD)/blank $(BUILD)/blank32
	$(CC) -I$(BUILD) -c -o $@ $<

$(BUILD):
	mkdir -p $@

-include $(wildcard $(BUILD)/*.d)

# ---- tests ----

# Programs that the scripts under tests/ checkpoint, and the little tools they use: one .c file
# each, never built with a sanitizer.
VICTIMS := $(patsubst tests/victims/%.c,$(BUILD)/victims/%,$(wildcard tests/victims/*.c))

$(BUILD)/victims/%: tests/victims/%.c $(wildcard tests/victims/*.h) | $(BUILD)
	@mkdir -p $(@D)
	$(CC) -D_GNU_SOURCE -D_FILE_OFFSET_BITS=64 -std=gnu11 -pthread $(WARN) $(CFLAGS) -o $@ $< -lm

# The 32-bit one, freestanding: only some machines have a C library for it. Where one is, some of the
# others are built with it too.
$(BUILD)/victims/bare32: tests/bare32.c | $(BUILD)
	@mkdir -p $(@D)
	$(CC) -m32 -ffreestanding -nostdlib -static -fno-pie -no-pie -fno-stack-protector \
		-std=gnu11 $(WARN) $(CFLAGS) -o $@ $<

VICTIMS32 := $(addprefix $(BUILD)/victims32/,counter signals timers shm_anon rseq pipes membarrier \
	many_vmas locks heap stack files file_shared file_private)
$(BUILD)/victims32/%: tests/victims/%.c tests/victims/victim.h | $(BUILD)
	@mkdir -p $(@D)
	$(CC) -m32 -idirafter /usr/include/$(shell $(CC) -print-multiarch) -D_GNU_SOURCE \
		-D_FILE_OFFSET_BITS=64 -std=gnu11 -pthread $(WARN) $(CFLAGS) -o $@ $< -lm
.PHONY: victims32
victims32: | $(BUILD)
	@if echo 'int main(void) { return 0; }' | $(CC) -m32 -x c -o $(BUILD)/m32 - 2>/dev/null; then \
		$(MAKE) --no-print-directory -s $(VICTIMS32); fi

# Lets allocations of the daemon fail; not beside a sanitizer's own allocator.
$(BUILD)/failalloc.so: tests/fault/failalloc.c | $(BUILD)
	$(CC) -D_GNU_SOURCE -std=gnu11 $(WARN) $(CFLAGS) -fPIC -shared -o $@ $<

# Some of them linked in other ways, and with another C library where there is one.
KINDS := static static-pie $(shell command -v musl-gcc >/dev/null && echo musl musl-static)
KIND_VICTIMS := anon counter heap shm_anon signals stack
VICTIMS_OF_KINDS := $(foreach k,$(KINDS),$(addprefix $(BUILD)/victims-$k/,$(KIND_VICTIMS)))
VICTIM_HEADERS := tests/victims/victim.h tests/victims/layout.h
victim_cc = @mkdir -p $(@D); $1 -D_GNU_SOURCE -D_FILE_OFFSET_BITS=64 -std=gnu11 -pthread $(WARN) $(CFLAGS) \
	-o $@ $< -lm

$(BUILD)/victims-static/%: tests/victims/%.c $(VICTIM_HEADERS) | $(BUILD)
	$(call victim_cc,$(CC) -static)
$(BUILD)/victims-static-pie/%: tests/victims/%.c $(VICTIM_HEADERS) | $(BUILD)
	$(call victim_cc,$(CC) -static-pie)
$(BUILD)/victims-musl/%: tests/victims/%.c $(VICTIM_HEADERS) | $(BUILD)
	$(call victim_cc,musl-gcc)
$(BUILD)/victims-musl-static/%: tests/victims/%.c $(VICTIM_HEADERS) | $(BUILD)
	$(call victim_cc,musl-gcc -static)

# Prints every file and key of the tree, for the comparison with ckptfs(5).
$(BUILD)/list_keys: tests/list_keys.c $(LIBOBJS)
	$(CC) $(CPPFLAGS_ALL) $(CFLAGS_ALL) $(LDFLAGS) -o $@ $^ $(LIBS)

# Damages a tree in memory, byte by byte.
$(BUILD)/tree_damage: tests/tree_damage.c tests/memory_tree.h $(LIBOBJS)
	$(CC) $(CPPFLAGS_ALL) $(CFLAGS_ALL) $(LDFLAGS) -o $@ $(filter %.c %.o,$^) $(LIBS)

# Changes a process in place without a mount.
$(BUILD)/applier: tests/applier.c $(LIBOBJS)
	$(CC) $(CPPFLAGS_ALL) $(CFLAGS_ALL) $(LDFLAGS) -o $@ $^ $(LIBS)

# Not -Isrc: <check.h> is libcheck's, not ours.
$(BUILD)/unit: $(wildcard tests/unit/*.c) $(LIBOBJS)
	$(CC) $(patsubst -Isrc,-iquote src,$(CPPFLAGS_ALL)) $(CFLAGS_ALL) $(shell pkg-config --cflags check) $(LDFLAGS) -o $@ \
		$(filter %.c %.o,$^) $(LIBS) $(shell pkg-config --libs check)

.PHONY: setup demo check tests check-integrity check-asan check-tsan lint bench
setup:
	@bash tests/setup.sh check

# The set-up may bring what this file needs when it is read: hence make once more.
demo:
	@bash tests/setup.sh build
	@$(MAKE) --no-print-directory -s all
	@BUILD=$(BUILD) bash tests/demo.sh

check:
	@bash tests/setup.sh check
	@$(MAKE) --no-print-directory tests
	@BUILD=$(BUILD) bash tests/run $(TESTS)

tests: all $(VICTIMS) $(VICTIMS_OF_KINDS) $(BUILD)/victims/bare32 victims32 $(BUILD)/list_keys \
	$(BUILD)/tree_damage $(BUILD)/applier $(BUILD)/unit $(if $(SANITIZE),,$(BUILD)/failalloc.so)

# All bits of all bytes, where make check takes a sample: hours.
check-integrity:
	@bash tests/setup.sh check
	@$(MAKE) --no-print-directory tests
	@DAMAGE_SECONDS=0 DAMAGE_ALL_BITS=1 BUILD=$(BUILD) bash tests/run -t 20000 \
		any-byte-of-a-tree-is-judged damaged-bits-make-no-process \
		truncated-files-make-no-process strange-files-make-no-process \
		strange-names-make-no-process huge-trees-take-no-memory

check-asan:
	CKPT_TEST_SLOWER=3 ASAN_OPTIONS=abort_on_error=0:detect_stack_use_after_return=0 \
	UBSAN_OPTIONS=print_stacktrace=1 $(MAKE) check BUILD=build/asan \
		SANITIZE="-fsanitize=address,undefined -fno-sanitize-recover=undefined"

check-tsan:
	CKPT_TEST_SLOWER=4 TSAN_OPTIONS=halt_on_error=0:second_deadlock_stack=1 \
	$(MAKE) check BUILD=build/tsan SANITIZE="-fsanitize=thread"

lint:
	@bash tests/setup.sh lint
	clang-format --dry-run -Werror src/*.[ch] tests/*.[ch] tests/unit/*.c tests/fuzz/*.[ch] \
		tests/victims/*.[ch]
	@# one at a time: version 14 carries va_list states from file to file
	set -e; for f in src/*.c; do clang-tidy --quiet $$f -- $(CPPFLAGS_ALL) -std=gnu11; done 2>&1 | \
		{ ! grep -E "warning:|error:"; }
	cppcheck --quiet --error-exitcode=1 --inline-suppr --enable=warning,performance,portability \
		--suppressions-list=.cppcheck -D__x86_64__ -D_GNU_SOURCE -Isrc src
	shellcheck $(wildcard tests/*.sh) tests/run .ci/run $(wildcard mount-examples/*.sh)

# Fuzz targets: one .c file each in tests/fuzz, the program built by clang for libFuzzer in
# build/fuzz. wrap: the parsers of /proc open what the target gives them.
FUZZERS := $(patsubst tests/fuzz/%.c,$(BUILD)/%,$(wildcard tests/fuzz/*.c))
FUZZ_FLAGS := -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=undefined

.PHONY: fuzz fuzzers
fuzz:
	@bash tests/setup.sh fuzz
	@$(MAKE) --no-print-directory tests
	@$(MAKE) --no-print-directory -j$$(nproc) -s BUILD=$(BUILD)/fuzz CC=clang \
		WARN="-Wall -Wextra -Werror" SANITIZE="$(FUZZ_FLAGS)" fuzzers
	@BUILD=$(BUILD) bash tests/fuzz.sh $(TARGETS)

fuzzers: $(FUZZERS)

$(BUILD)/libckpt.a: $(LIBOBJS)
	rm -f $@
	ar rcs $@ $^

$(BUILD)/proc: LDFLAGS += -Wl,--wrap=fopen
$(FUZZERS): $(BUILD)/%: tests/fuzz/%.c tests/fuzz/fuzz.h tests/memory_tree.h $(BUILD)/libckpt.a
	$(CC) $(CPPFLAGS_ALL) $(CFLAGS_ALL) -Wno-unused-function -fsanitize=fuzzer $(LDFLAGS) \
		-o $@ $< $(BUILD)/libckpt.a $(LIBS)

bench:
	@bash tests/setup.sh check
	@$(MAKE) --no-print-directory -s all $(BUILD)/victims/reaper $(BUILD)/victims/spawn \
		$(BUILD)/victims/ballast
	@BUILD=$(BUILD) bash tests/bench.sh

# ---- installation ----

.PHONY: install uninstall
MANDIR ?= $(PREFIX)/share/man

install: all
	install -D -m 755 $(BUILD)/ckptfs $(DESTDIR)$(PREFIX)/bin/ckptfs
	sed 's|@PREFIX@|$(PREFIX)|' src/mount.fuse.ckptfs.sh >$(BUILD)/mount.fuse.ckptfs
	install -D -m 755 $(BUILD)/mount.fuse.ckptfs $(DESTDIR)$(SBINDIR)/mount.fuse.ckptfs
	install -D -m 644 man/ckptfs.1 $(DESTDIR)$(MANDIR)/man1/ckptfs.1
	install -D -m 644 man/ckptfs.5 $(DESTDIR)$(MANDIR)/man5/ckptfs.5

uninstall:
	rm -f $(DESTDIR)$(PREFIX)/bin/ckptfs $(DESTDIR)$(SBINDIR)/mount.fuse.ckptfs \
		$(DESTDIR)$(MANDIR)/man1/ckptfs.1 $(DESTDIR)$(MANDIR)/man5/ckptfs.5

.PHONY: clean
clean:
	rm -rf $(BUILD)
