#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Restored inside a handler on the alternate stack, it returns from it.
. "${0%/*}/lib.sh"

survives signals handler
