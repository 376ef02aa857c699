#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# A terabyte of shared memory with three pages in it.
. "${0%/*}/lib.sh"

survives layouts sparse
