#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# A FIFO, a link, a device, garbage, ... in place of a file is refused, named and not touched.
. "${0%/*}/lib.sh"
. "${0%/*}/damage.sh"

damage files
