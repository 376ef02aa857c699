#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# What would take memory or time without bound if it were believed is refused in bounds.
. "${0%/*}/lib.sh"
. "${0%/*}/damage.sh"

damage sizes
