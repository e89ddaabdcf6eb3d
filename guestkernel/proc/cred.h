/* SPDX-License-Identifier: Apache-2.0
 *
 * Credentials (credentials(7), capabilities(7)): each thread has its own. A new thread or process begins with a copy;
 * the calls that change them change the calling thread's alone, and a C library that promises more tells its other
 * threads. What a process as a whole is asked for is its leader's.
 */
#ifndef GUESTKERNEL_PROC_CRED_H
#define GUESTKERNEL_PROC_CRED_H

#include "guestkernel/types.h"

struct process;

/* Supplementary groups: never changed once a credential points to them, so copies share them. */
struct cred_groups {
	u32 refs, count;
	u32 ids[];
};

struct cred {
	u32 uid, euid, suid, fsuid, gid, egid, sgid, fsgid;
	struct cred_groups *groups; /* with a reference, or NULL: none */
	u64 cap_effective, cap_permitted, cap_inheritable, cap_bounding, cap_ambient;
	bool no_new_privs;
	u32 securebits;
};

extern const struct cred cred_kernel; /* root with all capabilities */

bool cred_has_cap(int cap); /* of the current thread */
bool cred_in_group(u32 gid);
/* *to = *from with a reference of its own to the groups; what *to held before is dropped. */
void cred_copy(struct cred *to, const struct cred *from);
/* Room for `count` groups with one reference; NULL: no memory. */
struct cred_groups *cred_groups_create(u32 count);
void cred_groups_put(struct cred_groups *groups); /* NULL is harmless */
static inline u32 cred_group_count(const struct cred *c)
{
	return c->groups ? c->groups->count : 0;
}
/* The leader's. A process that was waited for has no leader any more: the kernel's own, which nobody else may touch. */
const struct cred *process_cred(const struct process *p);

#endif
