/* SPDX-License-Identifier: Apache-2.0
 *
 * fork(2): a copy of an address space that shares its pages until one side writes.
 */
#include "guestkernel/fs/vfs.h"
#include "guestkernel/lib.h"
#include "guestkernel/mm/fault.h"
#include "guestkernel/mm/region.h"

#define BATCH 64

/* Entries on their way to the child: a run of 4 KiB pages with the same protection. */
struct copier {
	const struct mm *parent;
	struct mm *child;
	bool shared; /* VMA_SHARED: both sides keep write permission */
	u32 allowed; /* what the VMA allows */
	u64 start;   /* of the run */
	unsigned count;
	u32 prot;
	paddr_t pages[BATCH];
	bool revoked; /* the parent lost write permission somewhere: flush */
	int error;
};

static void run_flush(struct copier *c)
{
	if (!c->count || c->error)
		return;
	c->error = pt_map_batch(&c->child->pt, c->start, c->pages, (int)c->count, c->prot);
	for (unsigned i = 0; i < c->count; i++) {
		struct page *page = page_head(page_of(c->pages[i]));

		/* A failed batch may have mapped some; those have their reference dropped when the child is torn down.
		 */
		if (c->error) {
			struct pte pte = pt_lookup(&c->child->pt, c->start + i * PAGE_SIZE);

			if (!pte.present || pte.pa != c->pages[i])
				continue;
		}
		page_get(page);
		rss_add(c->child, page, 1);
	}
	c->count = 0;
}

static void copy_huge(struct copier *c, u64 va, struct pte pte, u32 prot)
{
	struct page *head = page_head(page_of(pte.pa));

	run_flush(c);
	if (!c->error)
		c->error = pt_map(&c->child->pt, va, pte.pa, HUGE_SIZE, prot);
	if (c->error)
		return;
	page_get(head);
	rss_add(c->child, head, HUGE_SIZE / PAGE_SIZE);
}

/* A page that this process or a child wrote to soon after earlier forks: a copy now, writable on both sides, is much
 * cheaper than a fault. Did it? */
static bool copy_hot(struct copier *c, u64 va, struct pte pte)
{
	struct page *copy;

	if (c->shared || pte.huge || !(c->allowed & PT_WRITE) || !mm_is_hot(c->parent, va) || !page_plenty(1))
		return false;
	copy = copy_of(pte.pa);
	if (!copy)
		return false;
	run_flush(c);
	if (c->error || (c->error = pt_map(&c->child->pt, va, page_addr(copy), PAGE_SIZE, c->allowed))) {
		page_put(copy);
		return true;
	}
	rss_add(c->child, copy, 1);
	return true;
}

static enum pt_action copy_leaf(void *arg, u64 va, struct pte pte, u32 *prot)
{
	struct copier *c = arg;
	if (pte.linked) {
		if (!(va & (HUGE_SIZE - 1)) && !pt_link(&c->child->pt, va, page_of(pte.linked)))
			tables_count(c->child, 1);
		return PT_KEEP;
	}
	u32 child_prot = c->shared ? pte.prot : pte.prot & ~PT_WRITE;

	if (c->error || copy_hot(c, va, pte))
		return PT_KEEP;
	if (pte.huge) {
		copy_huge(c, va, pte, child_prot);
	} else {
		if (c->count == BATCH || c->prot != child_prot || va != c->start + c->count * PAGE_SIZE)
			run_flush(c);
		if (!c->count) {
			c->start = va;
			c->prot = child_prot;
		}
		c->pages[c->count++] = pte.pa;
	}
	if (child_prot == pte.prot)
		return PT_KEEP;
	c->revoked = true;
	*prot = child_prot;
	return PT_SETPROT;
}

static int copy_vma(struct mm *mm, struct mm *child, const struct vma *vma, bool *revoked)
{
	struct vma *copy = vma_create(vma->prot, vma->flags & ~VMA_LOCKED, vma->file, vma->pgoff, vma->name);
	struct copier c = {.parent = mm,
			   .child = child,
			   .shared = vma->flags & (VMA_SHARED | VMA_FIXED_PAGES),
			   .allowed = prot_to_pt(vma->prot)};

	if (!copy)
		return -ENOMEM;
	vma_place(child, copy, vma->start, vma->end);
	if (vma->flags & VMA_WIPEONFORK)
		return 0;
	pt_walk_range(&mm->pt, vma->start, vma->end, copy_leaf, &c);
	run_flush(&c);
	*revoked |= c.revoked;
	return c.error;
}

static void copy_layout(const struct mm *mm, struct mm *child)
{
	child->brk_start = mm->brk_start;
	child->brk = mm->brk;
	child->mmap_top = mm->mmap_top;
	child->stack_top = mm->stack_top;
	child->arg_start = mm->arg_start;
	child->arg_end = mm->arg_end;
	child->env_start = mm->env_start;
	child->env_end = mm->env_end;
	child->vdso = mm->vdso;
	child->exe = mm->exe;
	if (child->exe)
		file_get(child->exe);
	memcpy(child->auxv, mm->auxv, sizeof(child->auxv));
}

struct mm *mm_clone(struct mm *mm)
{
	struct mm *child = mm_create();
	bool revoked = false;
	struct vma *vma;
	int r = 0;

	if (!child)
		return NULL;
	mm_share_hot(mm, child);
	copy_layout(mm, child);
	list_for_each (vma, &mm->vmas, link) {
		if (vma->flags & VMA_DONTFORK)
			continue;
		r = copy_vma(mm, child, vma, &revoked);
		if (r)
			break;
	}
	if (revoked)
		pt_flush(&mm->pt, 0, USER_END);
	if (!r)
		return child;
	mm_put(child);
	return NULL;
}
