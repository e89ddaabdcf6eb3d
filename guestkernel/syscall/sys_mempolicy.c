/* SPDX-License-Identifier: Apache-2.0
 *
 * System calls on where memory lies: get_mempolicy(2), set_mempolicy(2), set_mempolicy_home_node(2), mbind(2),
 * migrate_pages(2), move_pages(2). There is one node, number 0, as on an ordinary PC: a thread's policy is kept and
 * told again, and changes nothing.
 */
#include "guestkernel/fs/procfs.h"
#include "guestkernel/lib.h"
#include "guestkernel/limits.h"
#include "guestkernel/mm/page.h"
#include "guestkernel/mm/uaccess.h"
#include "guestkernel/mm/vm.h"
#include "guestkernel/proc/process.h"
#include "guestkernel/syscall/syscall.h"

#include <linux/capability.h>
#include <linux/mempolicy.h>

#define NODES_LIMIT 1024 /* node numbers that a mask may have, as in Debian's kernel */
#define MODE_FLAGS  (MPOL_F_STATIC_NODES | MPOL_F_RELATIVE_NODES | MPOL_F_NUMA_BALANCING)
#define THE_NODE    1ull

/* A mask of nodes of the program; max is one more than its bits. Bits from 64 on only count as nodes that are not
 * there. */
static int get_nodes(u64 mask, u64 max, u64 *nodes)
{
	u64 word;

	*nodes = 0;
	if (!mask || max <= 1)
		return 0;
	max--;
	if (max > PAGE_SIZE * 8)
		return -EINVAL;
	for (u64 bit = 0; bit < max; bit += 64) {
		if (get_user(word, user(mask + bit / 8)))
			return -EFAULT;
		if (max - bit < 64)
			word &= (1ull << (max - bit)) - 1;
		if (bit >= NODES_LIMIT && word)
			return -EINVAL;
		if (bit)
			*nodes |= word ? 1ull << 63 : 0;
		else
			*nodes = word;
	}
	return 0;
}

static int put_nodes(u64 mask, u64 max, u64 nodes)
{
	u64 bytes = (max - 1 + 63) / 64 * 8;

	if (bytes > PAGE_SIZE)
		return -EINVAL;
	for (u64 at = 0; at < bytes; at += 8, nodes = 0)
		if (put_user(user(mask + at), nodes))
			return -EFAULT;
	return 0;
}

/* What set_mempolicy and mbind agree about; *policy is filled. */
static int decode(u64 mode, u64 mask, u64 max, struct mempolicy *policy)
{
	u32 flags = (u32)mode & MODE_FLAGS, both = MPOL_F_STATIC_NODES | MPOL_F_RELATIVE_NODES;
	u64 nodes;

	mode = (u32)mode & ~(u32)MODE_FLAGS;
	if (mode >= MPOL_MAX || (flags & both) == both || (flags & MPOL_F_NUMA_BALANCING && mode != MPOL_BIND))
		return -EINVAL;
	int r = get_nodes(mask, max, &nodes);
	if (r)
		return r;
	if (mode == MPOL_DEFAULT && nodes)
		return -EINVAL;
	if (mode == MPOL_PREFERRED && !nodes) {
		if (flags & both)
			return -EINVAL;
		mode = MPOL_LOCAL;
	} else if (mode == MPOL_LOCAL) {
		if (nodes || flags & both)
			return -EINVAL;
	} else if (mode != MPOL_DEFAULT && !(flags & MPOL_F_RELATIVE_NODES ? nodes : nodes & THE_NODE)) {
		return -EINVAL;
	}
	*policy = (struct mempolicy){.mode = (u16)mode, .flags = (u16)flags};
	if (flags & both)
		policy->nodes = nodes; /* as the program gave them */
	else if (mode != MPOL_DEFAULT && mode != MPOL_LOCAL)
		policy->nodes = THE_NODE;
	if (mode == MPOL_DEFAULT)
		policy->flags = 0;
	return 0;
}

SYSCALL(set_mempolicy)
{
	struct mempolicy policy;
	int r = decode(a, b, c, &policy);

	if (!r)
		current->mempolicy = policy;
	return r;
}

/* What MPOL_F_NODE asks for: the node of a page, or that of the next page of an interleaved policy. */
static int which_node(const struct mempolicy *policy, u64 flags)
{
	return flags & MPOL_F_ADDR || policy->mode == MPOL_INTERLEAVE ? 0 : -EINVAL;
}

SYSCALL(get_mempolicy)
{
	static const struct mempolicy none = {0};
	const struct mempolicy *policy = &current->mempolicy;
	u64 nodes;
	int mode;

	if (e & ~(u64)(MPOL_F_NODE | MPOL_F_ADDR | MPOL_F_MEMS_ALLOWED) || (b && c < 1))
		return -EINVAL;
	if (e & MPOL_F_MEMS_ALLOWED) {
		if (e & (MPOL_F_NODE | MPOL_F_ADDR))
			return -EINVAL;
		mode = 0;
		nodes = THE_NODE;
	} else {
		if (e & MPOL_F_ADDR) {
			struct vma *vma = mm_find(current->mm, d);
			if (!vma || vma->start > d)
				return -EFAULT;
			policy = &none; /* ranges have none of their own */
		} else if (d) {
			return -EINVAL;
		}
		mode = e & MPOL_F_NODE ? which_node(policy, e) : policy->mode | policy->flags;
		nodes = policy->nodes;
		if (mode < 0)
			return mode;
	}
	if (a && put_user(user(a), mode))
		return -EFAULT;
	return b ? put_nodes(b, c, nodes) : 0;
}

/* Is each byte of [start, end) mapped, or, if `some` suffices, any? */
static bool covered(struct mm *mm, u64 start, u64 end, bool some)
{
	struct vma *vma = mm_find(mm, start);

	if (some)
		return vma && vma->start < end;
	while (vma && vma->start <= start && vma->end < end) {
		start = vma->end;
		vma = mm_find(mm, start);
	}
	return vma && vma->start <= start;
}

SYSCALL(mbind)
{
	struct mempolicy policy;
	u64 end = a + PAGE_UP(b);

	if ((u32)f & ~(u32)(MPOL_MF_STRICT | MPOL_MF_MOVE | MPOL_MF_MOVE_ALL))
		return -EINVAL;
	int r = decode(c, d, e, &policy);
	if (r)
		return r;
	if (f & MPOL_MF_MOVE_ALL && !cred_has_cap(CAP_SYS_NICE))
		return -EPERM;
	if (a & ~PAGE_MASK || end < a)
		return -EINVAL;
	if (end == a)
		return 0;
	return covered(current->mm, a, end, policy.mode == MPOL_DEFAULT) ? 0 : -EFAULT;
}

SYSCALL(set_mempolicy_home_node)
{
	if (a & ~PAGE_MASK || d)
		return -EINVAL;
	if (c >= NODES_LIMIT || c != 0)
		return -EINVAL;
	return a + PAGE_UP(b) < a ? -EINVAL : 0;
}

static struct process *target(u64 pid, int *r)
{
	struct process *p = (int)pid ? process_find((int)pid) : current->process;

	*r = !p ? -ESRCH : proc_may_inspect(p) ? 0 : -EPERM;
	return p;
}

SYSCALL(migrate_pages)
{
	u64 from, to;
	int r = get_nodes(c, b, &from);

	if (!r)
		r = get_nodes(d, b, &to);
	if (r)
		return r;
	target(a, &r);
	if (r)
		return r;
	return to & ~THE_NODE && !cred_has_cap(CAP_SYS_NICE) ? -EPERM : to & THE_NODE ? 0 : -EINVAL;
}

/* Where a page is: node 0, -ENOENT when it is not in memory, -EFAULT when nothing is mapped. */
static int node_of_page(struct mm *mm, u64 addr)
{
	struct vma *vma = mm_find(mm, addr);

	if (!vma || vma->start > addr)
		return -EFAULT;
	return pt_lookup(&mm->pt, addr).present ? 0 : -ENOENT;
}

static long move_each(struct mm *mm, u64 count, u64 pages, u64 nodes, u64 statuses)
{
	u64 addr;
	int node = 0, status;

	for (u64 i = 0; i < count; i++) {
		if (get_user(addr, user(pages + i * 8)) || (nodes && get_user(node, user(nodes + i * 4))))
			return -EFAULT;
		if (node)
			return -ENODEV;
		status = node_of_page(mm, addr);
		if (put_user(user(statuses + i * 4), status))
			return -EFAULT;
		if (current->killed)
			return -EINTR;
	}
	return 0;
}

SYSCALL(move_pages)
{
	int r;

	if ((u32)f & ~(u32)(MPOL_MF_MOVE | MPOL_MF_MOVE_ALL))
		return -EINVAL;
	if (f & MPOL_MF_MOVE_ALL && !cred_has_cap(CAP_SYS_NICE))
		return -EPERM;
	struct process *p = target(a, &r);
	if (r)
		return r;
	struct mm *mm = process_mm_get(p);
	if (!mm)
		return -EINVAL;
	r = (int)move_each(mm, b, c, d, e);
	mm_put(mm);
	return r;
}
