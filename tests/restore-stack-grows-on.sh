#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# A deep stack, and another mapping that grows downwards.
. "${0%/*}/lib.sh"

survives stack
