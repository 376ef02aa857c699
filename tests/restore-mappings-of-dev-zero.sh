#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# /dev/zero, mapped privately and shared.
. "${0%/*}/lib.sh"

survives guards zero
