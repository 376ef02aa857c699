/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Where ckptfs is mounted, ours and others'. Whoever serves a request of such a mount must not
 * look up names on it: the request may hold the lock that the answer needs.
 */
#ifndef CKPT_MOUNTS_H
#define CKPT_MOUNTS_H

#include <stdbool.h>
#include <sys/types.h>

/* Whether st_dev is that of a ckptfs mount. */
bool ckpt_is_ckptfs(dev_t dev);

/* Whether looking the absolute path up would touch a ckptfs mount; symbolic links are followed,
 * and no name on such a mount is asked for. A path that is too long or turns in circles is one. */
bool ckpt_path_enters_ckptfs(const char *path);

#endif
