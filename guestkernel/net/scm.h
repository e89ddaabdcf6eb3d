/* SPDX-License-Identifier: Apache-2.0
 *
 * What control messages of AF_UNIX carry: descriptors and credentials (unix(7)).
 */
#ifndef GUESTKERNEL_NET_SCM_H
#define GUESTKERNEL_NET_SCM_H

#include "guestkernel/net/socket.h"

#define SCM_FILES_MAX 253 /* descriptors a message: as on Linux */

struct scm_files {
	struct list link;
	unsigned count;
	bool queued; /* lies in the queue of a socket: counted by unix_gc.c */
	struct file *files[];
};

struct scm {
	bool has_cred; /* given by the sender, not only its own */
	struct k_ucred cred;
	struct scm_files *files;
};

/* Reads the control messages of a send; *scm is always valid to free. The credentials are the sender's own unless it
 * gave some. -EINVAL, -EBADF, -EPERM, -ETOOMANYREFS, -ENOMEM */
int scm_parse(const struct socket_msg *msg, struct scm *scm);
/* Drops the references. Closing a socket may drop descriptors in flight in turn: this never nests. NULL is harmless. */
void scm_files_free(struct scm_files *files);
/* Another set of references to the same files (MSG_PEEK); NULL: no memory. */
struct scm_files *scm_files_copy(const struct scm_files *files);
/* Gives a receive the sender's credentials (SO_PASSCRED). */
void scm_put_cred(struct socket_msg *msg, const struct k_ucred *cred, bool known);
/* Installs received files and writes SCM_RIGHTS behind the control_used bytes that are already at `control` in the
 * program's memory; takes over files. -EFAULT (nothing is installed then) */
int scm_deliver(struct socket_msg *msg, struct scm_files *files, user_ptr control, bool cloexec);
/* The current process's. */
struct k_ucred scm_own_cred(void);

#endif
