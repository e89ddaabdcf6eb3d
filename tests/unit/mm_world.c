/* SPDX-License-Identifier: Apache-2.0
 *
 * See mm_world.h.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <fcntl.h>
#include "guestkernel/lib.h"
#include "tests/unit/mm_world.h"

unsigned world_oom_kills, world_faults;
bool world_oom_answer, world_caps;
void (*world_oom_hook)(void);
static u64 frames_before;

/* ---- what memory code calls elsewhere ---- */

bool oom_kill(void)
{
	world_oom_kills++;
	if (world_oom_hook)
		world_oom_hook();
	return world_oom_answer;
}
void sched_yield_cpu(void) {}
bool cred_has_cap(int cap)
{
	return world_caps;
}
void file_get(struct file *file)
{
	file->refs++;
}
void file_put(struct file *file)
{
	struct world_file *f = container_of(file, struct world_file, file);

	if (--file->refs)
		return;
	if (f->inode.mappings.next && !list_empty(&f->inode.mappings))
		abort();
	for (int i = 0; i < WORLD_FILE_PAGES; i++)
		if (f->pages[i]) {
			page_clear_cache(f->pages[i]);
			page_put(f->pages[i]);
		}
	if (f->freed)
		*f->freed = true;
	free(f);
}

/* ---- files ---- */

u8 world_pattern(u64 index)
{
	return (u8)(index * 37 + 11);
}

static int get_page(struct inode *inode, u64 index, bool create, struct page **page)
{
	struct world_file *f = container_of(inode, struct world_file, inode);

	*page = NULL;
	if (index >= WORLD_FILE_PAGES)
		return -EIO;
	if (!f->pages[index]) {
		if (!create)
			return 0;
		f->pages[index] = page_alloc(0, ALLOC_ZERO);
		if (!f->pages[index])
			return -ENOMEM;
		page_set_cache(f->pages[index], inode, index);
		*(u8 *)page_virt(f->pages[index]) = world_pattern(index);
	}
	page_get(f->pages[index]);
	*page = f->pages[index];
	return 0;
}

static const struct inode_ops world_inode_ops = {.get_page = get_page};
static const struct file_ops world_file_ops = {0};

struct world_file *world_file(u64 bytes, u32 flags)
{
	struct world_file *f = calloc(1, sizeof(*f));

	f->file = (struct file){.refs = 1, .flags = flags, .ops = &world_file_ops, .inode = &f->inode};
	f->inode.refs = 1;
	f->inode.mode = K_S_IFREG | 0644;
	f->inode.size = bytes;
	f->inode.ops = &world_inode_ops;
	return f;
}

int shmem_file_create(u64 size, struct file **file)
{
	struct world_file *f = world_file(size, O_RDWR);

	*file = &f->file;
	return 0;
}

/* ---- what a CPU remembers ---- */

/* A translation lookaside buffer: what a CPU may go on using until it is told to forget it. */
static struct {
	paddr_t root; /* 0: empty */
	u64 page;
	paddr_t pa;
	u32 prot;
} tlb[2][1024]; /* of two CPUs */
unsigned world_cpu;

static unsigned tlb_slot(paddr_t root, u64 page)
{
	return (unsigned)((page + root / 4096 * 7) % ARRAY_SIZE(tlb[0]));
}

static void tlb_flush(struct pagetable *pt, u64 start, u64 end)
{
	for (unsigned i = 0; i < ARRAY_SIZE(tlb[0]); i++)
		for (unsigned cpu = 0; cpu < ARRAY_SIZE(tlb); cpu++)
			if (tlb[cpu][i].root == pt->root && tlb[cpu][i].page >= start >> PAGE_SHIFT &&
			    tlb[cpu][i].page << PAGE_SHIFT < end)
				tlb[cpu][i].root = 0;
}

/* Aborts when the CPU could still use a translation that is no longer in the tables. */
static void tlb_check(struct mm *mm, u64 addr, u32 access, struct pte pte)
{
	unsigned i = tlb_slot(mm->pt.root, addr >> PAGE_SHIFT);
	paddr_t pa = PAGE_DOWN(pte.pa + (pte.huge ? addr & (HUGE_SIZE - 1) : 0));

	if (tlb[world_cpu][i].root == mm->pt.root && tlb[world_cpu][i].page == addr >> PAGE_SHIFT &&
	    tlb[world_cpu][i].prot & access && (!pte.present || !(pte.prot & access) || pa != tlb[world_cpu][i].pa)) {
		fprintf(stderr, "a stale translation of %lx\n", (unsigned long)addr);
		abort();
	}
	if (!pte.present || !(pte.prot & access))
		return;
	tlb[world_cpu][i].root = mm->pt.root;
	tlb[world_cpu][i].page = addr >> PAGE_SHIFT;
	tlb[world_cpu][i].pa = pa;
	tlb[world_cpu][i].prot = pte.prot;
}

/* ---- life ---- */

static u64 free_frames(void)
{
	struct page_stats s;

	page_stats(&s);
	return s.free;
}

void world_init(u64 memory_bytes)
{
	stub_init(memory_bytes);
	page_init(1ul << 20, memory_bytes, memory_bytes);
	world_oom_kills = world_faults = 0;
	world_oom_answer = false;
	world_oom_hook = NULL;
	world_caps = true;
	memset(tlb, 0, sizeof(tlb));
	stub_flush_hook = tlb_flush;
	/* One object of each class, so that the slab that stays is not counted as lost. */
	for (size_t bytes = 32; bytes <= 2048; bytes += 32)
		kfree(kmalloc(bytes));
	frames_before = free_frames();
	stub_thread.mm = mm_create();
}

bool world_exit(void)
{
	mm_put(stub_thread.mm);
	stub_thread.mm = NULL;
	bool clean = free_frames() == frames_before && stub_tables_used == 0;

	stub_exit();
	return clean;
}

/* ---- accesses ---- */

static int access_byte(struct mm *mm, u64 addr, u32 access, u8 **byte)
{
	int signo, code;

	for (int tries = 0; tries < 4; tries++) {
		struct pte pte = pt_lookup(&mm->pt, addr);

		tlb_check(mm, addr, access, pte);
		if (pte.present && pte.prot & access) {
			*byte = (u8 *)phys_to_virt(pte.pa) + (addr & ((pte.huge ? HUGE_SIZE : PAGE_SIZE) - 1));
			return 0;
		}
		world_faults++;
		int r = mm_fault(mm, addr, access, &signo, &code);

		if (r)
			return r == -EFAULT ? WORLD_SIGNAL(signo, code) : r;
	}
	abort(); /* a fault that is handled again and again */
}
int world_read(struct mm *mm, u64 addr, u8 *value)
{
	u8 *byte;
	int r = access_byte(mm, addr, PT_READ, &byte);

	if (!r)
		*value = *byte;
	return r;
}
int world_write(struct mm *mm, u64 addr, u8 value)
{
	u8 *byte;
	int r = access_byte(mm, addr, PT_WRITE, &byte);

	if (!r)
		*byte = value;
	return r;
}
int world_exec(struct mm *mm, u64 addr)
{
	u8 *byte;

	return access_byte(mm, addr, PT_EXEC, &byte);
}

/* ---- invariants ---- */

static int tree_height(const struct vma *v, bool *bad)
{
	if (!v)
		return 0;
	int left = tree_height(v->left, bad), right = tree_height(v->right, bad);
	const struct vma *prev = vma_prev(v);
	u64 gap = v->start - (prev ? prev->end : 0);

	gap = MAX(gap, MAX(v->left ? v->left->max_gap : 0, v->right ? v->right->max_gap : 0));
	if (left - right > 1 || right - left > 1 || v->height != 1 + MAX(left, right) || v->max_gap != gap)
		*bad = true;
	return 1 + MAX(left, right);
}

struct tally {
	struct mm *mm;
	u64 anon, cache;
	const char *error;
};

static enum pt_action tally_leaf(void *arg, u64 va, struct pte pte, u32 *prot)
{
	struct tally *t = arg;
	struct vma *vma = vma_find(t->mm, va);
	struct page *head = page_head(page_of(pte.pa));
	u64 n = pte.huge ? 512 : 1;

	*(head->flags & PAGE_F_CACHE ? &t->cache : &t->anon) += n;
	if (!vma || vma->start > va || vma->end < va + n * PAGE_SIZE)
		t->error = "a page outside of any VMA";
	else if (pte.prot & ~prot_to_pt(vma->prot))
		t->error = "a page with more rights than its VMA";
	else if (pte.prot & PT_WRITE && !(vma->flags & VMA_SHARED) &&
		 !(pte.huge ? page_last(head) : page_exclusive(head)))
		t->error = "a shared page that is writable in a private mapping";
	else if (!head->refs && page_addr(head) >= 2ul << 20)
		t->error = "a free page is mapped";
	return PT_KEEP;
}

const char *world_check(struct mm *mm)
{
	struct tally t = {.mm = mm};
	u64 at = 0, pages = 0, locked = 0;
	unsigned count = 0;
	bool bad = false;
	struct vma *vma;

	list_for_each (vma, &mm->vmas, link) {
		if (vma->start < at || vma->end <= vma->start || vma->start % PAGE_SIZE || vma->end % PAGE_SIZE)
			return "VMAs overlap or are empty";
		if (vma_find(mm, vma->start) != vma || vma_find(mm, vma->end - 1) != vma)
			return "a VMA that the index does not find";
		at = vma->end;
		count++;
		pages += (vma->end - vma->start) >> PAGE_SHIFT;
		locked += vma->flags & VMA_LOCKED ? (vma->end - vma->start) >> PAGE_SHIFT : 0;
	}
	tree_height(mm->root, &bad);
	if (bad)
		return "the index is out of balance or its gaps are wrong";
	if (count != mm->count || pages != mm->total_pages || locked != mm->locked_pages)
		return "counts of VMAs or their pages are wrong";
	pt_walk_range(&mm->pt, 0, USER_END, tally_leaf, &t);
	if (t.anon + t.cache != mm_rss_pages(mm))
		return "resident pages are miscounted";
	return t.error;
}
