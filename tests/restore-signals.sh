#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Signal actions, mask, queued signals with their values, alternate stack.
. "${0%/*}/lib.sh"

survives signals
