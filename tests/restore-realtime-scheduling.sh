#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# A real-time task that resets its policy on fork.
. "${0%/*}/lib.sh"

survives state rr=3 nice=4 umask=077 io_flusher
