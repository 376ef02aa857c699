#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Shared file mappings: writes reach the file.
. "${0%/*}/lib.sh"

survives file_shared "$T/mapped"
