#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Pipes whose two ends the process holds itself, as xz does: contents, capacity, flags.
. "${0%/*}/lib.sh"

survives pipes
