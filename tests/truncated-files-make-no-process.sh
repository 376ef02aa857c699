#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# A tree with a file cut off, at any line or page or within one, is refused by the file's name.
. "${0%/*}/lib.sh"
. "${0%/*}/damage.sh"

damage cuts
