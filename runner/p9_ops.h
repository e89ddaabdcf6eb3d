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

/* p9_names.c */
p9_operation p9_mkdir, p9_symlink, p9_mknod, p9_link, p9_renameat, p9_unlinkat;

#endif
