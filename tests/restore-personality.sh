#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# A process with its personality set before exec.
. "${0%/*}/lib.sh"

RUN_WITH=(setarch x86_64 -R -3)
survives state umask=022
