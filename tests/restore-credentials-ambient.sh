#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# An ordinary user with inheritable, ambient and bounded capabilities and no_new_privs.
. "${0%/*}/lib.sh"

RUN_WITH=(setpriv --reuid 1234 --regid 2345 --groups "10,20,30"
	--inh-caps "-all,+net_raw,+chown" --ambient-caps "-all,+net_raw"
	--bounding-set "-all,+net_raw,+chown,+kill")
survives state umask=022 nnp
