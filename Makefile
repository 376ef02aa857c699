# SPDX-License-Identifier: GPL-2.0-or-later
#
#   make            build/ckptfs
#   make demo       set up, build, and show the main job on a real program
#   make check      set up, build, and run the tests
#   make install    PREFIX=/usr/local DESTDIR=
#   make lint bench check-asan check-tsan uninstall clean

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
OBJS    := $(patsubst src/%.c,$(BUILD)/%.o,$(SRCS)) $(BUILD)/blank_blob.o
LIBOBJS := $(filter-out $(BUILD)/main.o $(BUILD)/fs_ops.o,$(OBJS))

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
$(BUILD)/blank_blob.o: src/blank_blob.S $(BUILD)/blank
	$(CC) -I$(BUILD) -c -o $@ $<

$(BUILD):
	mkdir -p $@

-include $(wildcard $(BUILD)/*.d)

.PHONY: clean
clean:
	rm -rf $(BUILD)
