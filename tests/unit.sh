#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The tables, codecs, page selection, manifest and sources, without a mount.
. "${0%/*}/lib.sh"

"$BUILD/unit"
