/* SPDX-License-Identifier: Apache-2.0
 * Memory policies as numactl(8), libnuma and programs with thread pools of their own use them, on a machine of one node
 * or, as far as it is the same there, of several.
 * area: Memory
 */
#include <linux/mempolicy.h>
#include <sys/mman.h>

#include "probe.h"

static unsigned long nodes[16]; /* 1024 bits */
static int mode;

static long get(void *m, void *mask, unsigned long max, void *addr, unsigned long flags)
{
	return syscall(SYS_get_mempolicy, m, mask, max, addr, flags);
}

static long set(unsigned m, const void *mask, unsigned long max)
{
	return syscall(SYS_set_mempolicy, m, mask, max);
}

static void reading(void)
{
	char *page = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	theme("get_mempolicy");
	CHECK_THAT(get(NULL, NULL, 0, NULL, 0) == 0, "asks whether there are policies at all");
	CHECK_THAT(get(&mode, nodes, 1024, NULL, 0) == 0 && mode == MPOL_DEFAULT && nodes[0] == 0, "the default");
	CHECK_THAT(get(&mode, nodes, 1024, NULL, MPOL_F_MEMS_ALLOWED) == 0 && nodes[0] & 1, "node 0 may be used");
	page[0] = 1;
	CHECK_THAT(get(&mode, NULL, 0, page, MPOL_F_NODE | MPOL_F_ADDR) == 0 && mode >= 0, "the node of a page");
	CHECK_THAT(get(&mode, nodes, 1024, page, MPOL_F_ADDR) == 0 && mode == MPOL_DEFAULT, "the policy of a page");
	CHECK_ERRNO(get(&mode, NULL, 0, NULL, 1u << 10), EINVAL);
	CHECK_ERRNO(get(&mode, NULL, 0, page, 0), EINVAL);
	CHECK_ERRNO(get(&mode, NULL, 0, NULL, MPOL_F_NODE), EINVAL);
	CHECK_ERRNO(get(&mode, NULL, 0, NULL, MPOL_F_MEMS_ALLOWED | MPOL_F_NODE), EINVAL);
	CHECK_ERRNO(get(&mode, NULL, 0, unmapped_address(), MPOL_F_ADDR), EFAULT);
	CHECK_ERRNO(get(unmapped_address(), NULL, 0, NULL, 0), EFAULT);
	CHECK_ERRNO(get(NULL, unmapped_address(), 1024, NULL, 0), EFAULT);
	munmap(page, 8192);
}

static int kept(unsigned m, unsigned long mask)
{
	return set(m, &mask, 64) == 0 && get(&mode, nodes, 1024, NULL, 0) == 0 && mode == (int)m && nodes[0] == mask;
}

static int inherited(void)
{
	unsigned long node0 = 1;
	if (set(MPOL_BIND, &node0, 64) != 0)
		return 0;
	pid_t child = fork();
	if (child == 0)
		_exit(get(&mode, nodes, 1024, NULL, 0) != 0 || mode != MPOL_BIND);
	int status = -1;
	return waitpid(child, &status, 0) == child && status == 0;
}

static void setting(void)
{
	unsigned long node0 = 1, none = 0, far[32] = {0};
	theme("set_mempolicy");
	CHECK_IN_CHILD_THAT(kept(MPOL_BIND, 1), "bind");
	CHECK_IN_CHILD_THAT(kept(MPOL_INTERLEAVE, 1), "interleave");
	CHECK_IN_CHILD_THAT(kept(MPOL_PREFERRED, 1), "preferred");
	CHECK_IN_CHILD_THAT(kept(MPOL_LOCAL, 0), "local");
	CHECK_IN_CHILD_THAT(set(MPOL_PREFERRED, NULL, 0) == 0 && get(&mode, NULL, 0, NULL, 0) == 0 &&
				mode == MPOL_LOCAL,
			    "preferred without a node is local");
	CHECK_IN_CHILD_THAT(kept(MPOL_BIND, 1) && set(MPOL_DEFAULT, NULL, 0) == 0 &&
				get(&mode, nodes, 1024, NULL, 0) == 0 && mode == MPOL_DEFAULT,
			    "and back");
	CHECK_IN_CHILD_THAT(kept(MPOL_BIND | MPOL_F_STATIC_NODES, 1), "static nodes");
	CHECK_IN_CHILD_THAT(kept(MPOL_INTERLEAVE, 1) && get(&mode, NULL, 0, NULL, MPOL_F_NODE) == 0 && mode == 0,
			    "the next node of an interleaved policy");
	CHECK_IN_CHILD_THAT(inherited(), "a child has its parent's");
	CHECK_ERRNO(set(100, NULL, 0), EINVAL);
	CHECK_ERRNO(set(MPOL_BIND | MPOL_F_STATIC_NODES | MPOL_F_RELATIVE_NODES, &node0, 64), EINVAL);
	CHECK_ERRNO(set(MPOL_BIND, &none, 64), EINVAL);
	CHECK_ERRNO(set(MPOL_BIND, NULL, 0), EINVAL);
	CHECK_ERRNO(set(MPOL_DEFAULT, &node0, 64), EINVAL);
	CHECK_ERRNO(set(MPOL_LOCAL, &node0, 64), EINVAL);
	CHECK_ERRNO(set(MPOL_BIND, unmapped_address(), 64), EFAULT);
	CHECK_ERRNO(set(MPOL_BIND, &node0, 1ul << 40), EINVAL);
	far[0] = far[31] = 1;
	CHECK_ERRNO(set(MPOL_BIND, far, 2048), EINVAL);
}

static void ranges(void)
{
	unsigned long node0 = 1;
	char *pages = mmap(NULL, 3 * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	void *list[3] = {pages, pages + 4096, unmapped_address()};
	int status[3] = {9, 9, 9}, here[1] = {0}, nowhere[1] = {1000};
	theme("mbind, move_pages, migrate_pages");
	CHECK(syscall(SYS_mbind, pages, 3 * 4096, MPOL_BIND, &node0, 64, 0) == 0);
	CHECK(syscall(SYS_mbind, pages, 100, MPOL_DEFAULT, NULL, 0, 0) == 0);
	CHECK_THAT(syscall(SYS_mbind, pages, 0, MPOL_BIND, &node0, 64, 0) == 0, "mbind of nothing");
	CHECK_ERRNO(syscall(SYS_mbind, pages + 1, 4096, MPOL_BIND, &node0, 64, 0), EINVAL);
	CHECK_ERRNO(syscall(SYS_mbind, pages, 4096, MPOL_BIND, &node0, 64, 1u << 20), EINVAL);
	CHECK_ERRNO(syscall(SYS_mbind, pages, 4096, 99, &node0, 64, 0), EINVAL);
	CHECK_ERRNO(syscall(SYS_mbind, 1ul << 40, 4096, MPOL_BIND, &node0, 64, 0), EFAULT);
	pages[0] = 1;
	CHECK_THAT(syscall(SYS_move_pages, 0, 3, list, NULL, status, 0) == 0 && status[0] >= 0 &&
		       status[1] >= -ENOENT && status[2] == -EFAULT,
		   "move_pages tells where pages are");
	CHECK_THAT(syscall(SYS_move_pages, 0, 1, list, here, status, MPOL_MF_MOVE) == 0 && status[0] == 0,
		   "move_pages to where a page is");
	CHECK_ERRNO(syscall(SYS_move_pages, 0, 1, list, nowhere, status, MPOL_MF_MOVE), ENODEV);
	CHECK_ERRNO(syscall(SYS_move_pages, 0, 1, list, NULL, status, 1u << 20), EINVAL);
	CHECK_ERRNO(syscall(SYS_move_pages, 0, 1, unmapped_address(), NULL, status, 0), EFAULT);
	CHECK_ERRNO(syscall(SYS_move_pages, 0x3fffffff, 1, list, NULL, status, 0), ESRCH);
	CHECK_THAT(syscall(SYS_migrate_pages, 0, 64, &node0, &node0) == 0, "migrate_pages to the same node");
	CHECK_ERRNO(syscall(SYS_migrate_pages, 0x3fffffff, 64, &node0, &node0), ESRCH);
	munmap(pages, 3 * 4096);
}

int main(void)
{
	reading();
	setting();
	ranges();
	return finish();
}
