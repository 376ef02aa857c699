#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Anonymous memory: full, with holes, zeros, read-only, executable, PROT_NONE, locked.
. "${0%/*}/lib.sh"

survives anon
