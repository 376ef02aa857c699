#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# A process whose system calls are dispatched to itself would get SIGSYS for ours.
. "${0%/*}/lib.sh"

mount_ckpt
start odd dispatch
fails_with "not supported" freeze
log_has "syscall user dispatch"
finish
