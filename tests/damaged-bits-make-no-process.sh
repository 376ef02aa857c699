#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# A bit at any byte of any file: refused by the digest; in an edited file by its parser, or restored.
. "${0%/*}/lib.sh"
. "${0%/*}/damage.sh"

damage bits
