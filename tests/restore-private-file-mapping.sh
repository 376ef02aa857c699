#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Private file mappings with written pages and with others.
. "${0%/*}/lib.sh"

survives file_private "$T/mapped"
