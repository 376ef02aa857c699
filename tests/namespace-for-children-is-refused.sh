#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# A process whose children would go to a namespace of their own.
. "${0%/*}/lib.sh"

mount_ckpt
start odd children-pid-namespace
fails_with "not supported" freeze
log_has "pid_for_children namespace"
finish
