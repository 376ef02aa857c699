#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Neighbours that the kernel would merge now are two mappings as before.
. "${0%/*}/lib.sh"

survives layouts apart
