#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Descriptors: flags, shared and separate offsets, directories, O_PATH, devices.
. "${0%/*}/lib.sh"

survives files "$T/files"
