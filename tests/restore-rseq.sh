#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The kernel keeps the restartable-sequences area up to date.
. "${0%/*}/lib.sh"

survives rseq
