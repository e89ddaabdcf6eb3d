/* SPDX-License-Identifier: Apache-2.0
 *
 * Credentials as objects: copies, shared groups, what the current thread may do. Who may change them to what is
 * sys_cred.c's.
 */
#include "guestkernel/mm/page.h"
#include "guestkernel/proc/process.h"

#define CAP_FULL_SET ((1ull << 41) - 1) /* CAP_LAST_CAP is 40 */

const struct cred cred_kernel = {
    .cap_effective = CAP_FULL_SET, .cap_permitted = CAP_FULL_SET, .cap_bounding = CAP_FULL_SET};

bool cred_has_cap(int cap)
{
	return current->cred.cap_effective >> cap & 1;
}

bool cred_in_group(u32 gid)
{
	const struct cred *c = &current->cred;
	u32 i;

	if (c->fsgid == gid)
		return true;
	for (i = 0; i < cred_group_count(c); i++)
		if (c->groups->ids[i] == gid)
			return true;
	return false;
}

struct cred_groups *cred_groups_create(u32 count)
{
	struct cred_groups *groups = kmalloc(sizeof(*groups) + count * sizeof(u32));

	if (groups)
		*groups = (struct cred_groups){.refs = 1, .count = count};
	return groups;
}

void cred_groups_put(struct cred_groups *groups)
{
	if (groups && !--groups->refs)
		kfree(groups);
}

void cred_copy(struct cred *to, const struct cred *from)
{
	struct cred_groups *old = to->groups;

	if (from->groups)
		from->groups->refs++;
	*to = *from;
	cred_groups_put(old);
}

const struct cred *process_cred(const struct process *p)
{
	return p->leader ? &p->leader->cred : &cred_kernel;
}
