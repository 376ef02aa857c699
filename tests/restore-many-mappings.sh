#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# A thousand mappings.
. "${0%/*}/lib.sh"

survives many_vmas
