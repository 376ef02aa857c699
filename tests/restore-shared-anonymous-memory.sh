#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Shared anonymous memory, one object mapped several times.
. "${0%/*}/lib.sh"

survives shm_anon
