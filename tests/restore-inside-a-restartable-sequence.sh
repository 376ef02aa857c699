#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# A process frozen inside a restartable sequence is sent to its abort handler.
. "${0%/*}/lib.sh"

survives odd rseq
