/* SPDX-License-Identifier: Apache-2.0
 *
 * The operations of 9P2000.L on shared trees, one function a request. Each fills the body of the reply and returns 0 or
 * -errno, after which the body does not matter. `fid` is the one that the request names first.
 */
#ifndef RUNNER_P9_OPS_H
#define RUNNER_P9_OPS_H

#include "runner/p9_tree.h"

#define P9_KEPT_MODE 01777u /* set-id bits mean nothing in a share, and are not made */

typedef int p9_operation(struct p9_session *session, struct p9_fid *fid, const struct p9_request *request,
			 struct p9_reply *reply);

/* p9_attr.c */
p9_operation p9_getattr, p9_setattr, p9_statfs, p9_readlink;
/* The fields of Rgetattr: what fstat has said of the fid's file. */
void p9_put_attributes(const struct p9_session *session, const struct p9_fid *fid, const struct stat *st,
		       struct p9_reply *reply);

/* p9_look.c */
p9_operation p9_look;

/* p9_ops.c: one step of a walk. *to, which may be *from, becomes the file of this name below `from`; its descriptor is
 * a new one and the caller's. Returns 0 or -errno: *to is as it was then. */
int p9_walk_step(struct p9_session *session, const struct p9_fid *from, struct p9_string string, struct p9_fid *to,
		 struct stat *st);

/* p9_names.c */
p9_operation p9_mkdir, p9_symlink, p9_mknod, p9_link, p9_renameat, p9_unlinkat;

#endif
