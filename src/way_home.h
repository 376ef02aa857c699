/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Between remote.c and the stub of a task that is out of its frozen control group.
 *
 * The task gets the means to move itself home: its group's cgroup.procs, as we opened it. The
 * kernel asks who opened it, not who writes (kernel/cgroup/cgroup.c, __cgroup_procs_write). It can
 * fail, for lack of descriptors for one; then there is the guardian. In two groups at once it would
 * be frozen by the first before it gets to the other.
 */
#ifndef CKPT_WAY_HOME_H
#define CKPT_WAY_HOME_H

#include <stdint.h>
#include "remote.h"

/* slot: of the stub, where it looks for the address of the descriptors, 0 if there are none. The
 * scratch memory is there, and the task outside. Closed before the scratch memory goes. */
void ckpt_way_home_open(struct ckpt_remote *r, uint64_t slot);
void ckpt_way_home_close(struct ckpt_remote *r, uint64_t slot);

#endif
