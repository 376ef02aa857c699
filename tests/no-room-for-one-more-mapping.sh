#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# A process that has as many mappings as it may have is refused by name, and goes on.
. "${0%/*}/lib.sh"

mount_ckpt
start layouts over
fails_with "not supported" freeze
log_has 'mappings.*vm.max_map_count'
finish
