#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Protection keys, and memory that can be executed but not read.
. "${0%/*}/lib.sh"

survives pkeys
