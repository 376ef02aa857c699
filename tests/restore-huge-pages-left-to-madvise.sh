#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# thp_disable with its flags.
. "${0%/*}/lib.sh"

survives odd thp
