/* SPDX-License-Identifier: Apache-2.0
 *
 * Four-level page tables: the only place that reads or writes entries (SDM vol. 3, 4.5).
 *
 * Leaves are made accessed (and dirty when writable) from the start: nobody here looks at those bits, and hosts that
 * shadow guest page tables map neighbours of a touched page ahead only when they are marked accessed.
 */
#include "guestkernel/arch/cpu.h"
#include "guestkernel/arch/private.h"
#include "guestkernel/lib.h"
#include "guestkernel/mm/page.h"

#define P	  0x1ull
#define RW	  0x2ull
#define U	  0x4ull
#define A	  0x20ull
#define D	  0x40ull
#define PS	  0x80ull
#define NX	  (1ull << 63)
#define SOFT_NONE 0x200ull /* present in the walk but no access: PROT_NONE keeps its page (P is clear) */
#define LINKED	  0x400ull /* in a page directory: the table below belongs to somebody else, see pt_link() */
#define ADDR	  0x000ffffffffff000ull

#define LEVELS	4
#define ENTRIES 512

static u64 *table_at(u64 entry)
{
	return phys_to_virt(entry & ADDR);
}

static unsigned index_at(u64 va, int level)
{
	return (va >> (PAGE_SHIFT + 9 * (level - 1))) & (ENTRIES - 1);
}

static u64 leaf_bits(u32 prot)
{
	if (!(prot & (PT_READ | PT_WRITE | PT_EXEC)))
		return SOFT_NONE;
	u64 bits = P | U | A;
	if (prot & PT_WRITE)
		bits |= RW | D;
	if (!(prot & PT_EXEC))
		bits |= NX;
	return bits;
}

static bool is_leaf(u64 entry, int level)
{
	return level == 1 || (entry & PS);
}

static struct pte describe(u64 entry, int level)
{
	struct pte pte = {0};
	if (!(entry & (P | SOFT_NONE)))
		return pte;
	pte.present = true;
	pte.huge = level == 2;
	pte.dirty = entry & D;
	pte.pa = entry & ADDR & ~(level == 2 ? HUGE_SIZE - 1 : 0);
	if (entry & P)
		pte.prot = PT_READ | (entry & RW ? PT_WRITE : 0) | (entry & NX ? 0 : PT_EXEC);
	return pte;
}

int pt_create(struct pagetable *pt)
{
	struct page *page = page_alloc_table();
	if (!page)
		return -ENOMEM;
	u64 *root = page_virt(page);
	u64 *kernel = phys_to_virt(boot->page_table_root);
	/* Only what differs: a host that shadows this page from its last use as a root traps each write. */
	for (unsigned i = ENTRIES / 2; i < ENTRIES; i++)
		if (root[i] != kernel[i])
			root[i] = kernel[i];
	pt->root = page_addr(page);
	pt->cpus = 0;
	pt->dying = false;
	return 0;
}

static void free_table(u64 *table, int level)
{
	if (level > 1) {
		unsigned n = level == LEVELS ? ENTRIES / 2 : ENTRIES;
		for (unsigned i = 0; i < n; i++) {
			if (!(table[i] & P) || is_leaf(table[i], level))
				continue;
			if (table[i] & LINKED)
				page_put(page_of(table[i] & ADDR));
			else
				free_table(table_at(table[i]), level - 1);
		}
	}
	page_put(page_of(virt_to_phys(table)));
}

bool pt_holds_kernel(u64 root)
{
	const u64 *table = phys_to_virt(root), *kernel = phys_to_virt(boot->page_table_root);
	return table[ENTRIES - 1] && table[ENTRIES - 1] == kernel[ENTRIES - 1];
}

void pt_get_root(u64 root)
{
	page_get(page_of(root));
}

void pt_put_root(u64 root)
{
	struct page *page = page_of(root);
	if (page_last(page))
		free_table(phys_to_virt(root), LEVELS);
	else
		page_put(page);
}

void pt_destroy(struct pagetable *pt)
{
	cpu_disown_pagetable(pt);
	pt_put_root(pt->root);
	pt->root = 0;
}

/* The table of `level` (1: page table, 2: page directory) that covers va; made when missing. A huge leaf in the way is
 * split. NULL: no memory. */
static u64 *table_for(struct pagetable *pt, u64 va, int level, bool make)
{
	u64 *table = phys_to_virt(pt->root);
	for (int l = LEVELS; l > level; l--) {
		u64 *entry = &table[index_at(va, l)];
		if (l == 2 && (*entry & PS) && (*entry & (P | SOFT_NONE))) {
			struct page *page = make ? page_alloc_table() : NULL;
			if (!page)
				return NULL;
			u64 *small = page_virt(page);
			u64 base = *entry & ADDR & ~(HUGE_SIZE - 1), bits = *entry & ~ADDR & ~PS;
			for (unsigned i = 0; i < ENTRIES; i++)
				small[i] = (base + i * PAGE_SIZE) | bits;
			*entry = page_addr(page) | P | RW | U | A;
		} else if (!(*entry & P)) {
			struct page *page = make ? page_alloc_table() : NULL;
			if (!page)
				return NULL;
			*entry = page_addr(page) | P | RW | U | A;
		}
		kassert(!make || !(*entry & LINKED)); /* its owner alone changes what is below */
		table = table_at(*entry);
	}
	return table;
}

int pt_map(struct pagetable *pt, u64 va, paddr_t pa, u64 size, u32 prot)
{
	int level = size == HUGE_SIZE ? 2 : 1;
	u64 *table = table_for(pt, va, level, true);
	if (!table)
		return -ENOMEM;
	u64 *entry = &table[index_at(va, level)];
	struct page *emptied = level == 2 && (*entry & P) && !(*entry & PS) ? page_of(*entry & ADDR) : NULL;
	*entry = pa | leaf_bits(prot) | (level == 2 ? PS : 0);
	if (emptied) {
		/* A CPU may still hold a pointer to the table, from when it had entries. */
		cpu_flush_tables(pt, va, va + PAGE_SIZE);
		page_put(emptied);
	}
	return 0;
}

int pt_map_batch(struct pagetable *pt, u64 va, const paddr_t *pages, int n, u32 prot)
{
	u64 bits = leaf_bits(prot);
	u64 *table = NULL;
	for (int i = 0; i < n; i++, va += PAGE_SIZE) {
		unsigned at = index_at(va, 1);
		if (at == 0)
			table = NULL;
		if (!pages[i])
			continue;
		if (!table)
			table = table_for(pt, va, 1, true);
		if (!table)
			return -ENOMEM;
		table[at] = pages[i] | bits;
	}
	return 0;
}

struct page *pt_make_table(paddr_t first, u32 prot)
{
	struct page *page = page_alloc_table();
	u64 *table = page ? page_virt(page) : NULL;
	for (unsigned i = 0; table && i < ENTRIES; i++)
		table[i] = (first + i * PAGE_SIZE) | leaf_bits(prot);
	return page;
}

int pt_link(struct pagetable *pt, u64 va, struct page *table)
{
	u64 *directory = table_for(pt, va, 2, true);
	if (!directory)
		return -ENOMEM;
	u64 *entry = &directory[index_at(va, 2)];
	if (*entry)
		return -EEXIST;
	page_get(table);
	*entry = page_addr(table) | P | RW | U | A | LINKED;
	return 0;
}

unsigned pt_unlink_range(struct pagetable *pt, u64 start, u64 end)
{
	struct page *gone[16];
	unsigned n = 0;
	u64 va = start & ~(HUGE_SIZE - 1);
	for (; va < end && n < ARRAY_SIZE(gone); va += HUGE_SIZE) {
		u64 *directory = table_for(pt, va, 2, false);
		if (!directory) { /* nothing as far as one directory reaches */
			va |= HUGE_SIZE * (ENTRIES - 1);
			continue;
		}
		u64 *entry = &directory[index_at(va, 2)];
		if (!(*entry & LINKED) || is_leaf(*entry, 2))
			continue;
		gone[n++] = page_of(*entry & ADDR);
		*entry = 0;
	}
	if (!n)
		return 0;
	cpu_flush_tables(pt, start & ~(HUGE_SIZE - 1), va);
	for (unsigned i = 0; i < n; i++)
		page_put(gone[i]);
	return n + (va < end ? pt_unlink_range(pt, va, end) : 0);
}

struct pte pt_lookup(const struct pagetable *pt, u64 va)
{
	const u64 *table = phys_to_virt(pt->root);
	for (int level = LEVELS;; level--) {
		u64 entry = table[index_at(va, level)];
		if (level == 1 || (level == 2 && (entry & PS)) || !(entry & P))
			return describe(level <= 2 ? entry : 0, level);
		table = table_at(entry);
	}
}

static void visit_leaf(u64 *entry, int level, u64 va, paddr_t linked, pt_visit fn, void *arg)
{
	struct pte pte = describe(*entry, level);
	u32 prot = pte.prot;
	pte.linked = linked;
	enum pt_action action = fn(arg, va, pte, &prot);
	kassert(action == PT_KEEP || !linked);
	switch (action) {
	case PT_KEEP:
		break;
	case PT_CLEAR:
		*entry = 0;
		break;
	case PT_SETPROT:
		*entry = pte.pa | leaf_bits(prot) | (level == 2 ? PS : 0);
		break;
	}
}

int pt_walk_range(struct pagetable *pt, u64 start, u64 end, pt_visit fn, void *arg)
{
	for (u64 va = start; va < end;) {
		/* Descend as far as entries exist; skip what an absent entry covers. */
		u64 *table = phys_to_virt(pt->root);
		int level = LEVELS;
		paddr_t linked = 0;
		u64 *entry;
		for (;; level--) {
			entry = &table[index_at(va, level)];
			if (!(*entry & (P | SOFT_NONE)) || is_leaf(*entry, level))
				break;
			if (level == 2 && *entry & LINKED)
				linked = *entry & ADDR;
			table = table_at(*entry);
		}
		u64 span = 1ull << (PAGE_SHIFT + 9 * (level - 1));
		u64 base = va & ~(span - 1);
		if (!(*entry & (P | SOFT_NONE))) {
			va = base + span;
			continue;
		}
		if (level == 2 && (base < start || base + span > end)) {
			if (!table_for(pt, va, 1, true))
				return -ENOMEM;
			continue;
		}
		if (linked && pt->dying) { /* the owner of the table drops what is in it */
			va = (va | (HUGE_SIZE - 1)) + 1;
			continue;
		}
		visit_leaf(entry, level, base, linked, fn, arg);
		va = base + span;
		if (level > 1)
			continue;
		/* The rest of this table without walking down again. */
		for (unsigned i = index_at(base, 1) + 1; i < ENTRIES && va < end; i++, va += PAGE_SIZE)
			if (table[i] & (P | SOFT_NONE))
				visit_leaf(&table[i], 1, va, linked, fn, arg);
	}
	return 0;
}

/* Unlinks tables that hold nothing; they wait on `freed`. True when this table is empty afterwards. */
static bool prune(u64 *table, int level, u64 base, u64 start, u64 end, struct list *freed)
{
	bool empty = true;
	u64 span = 1ull << (PAGE_SHIFT + 9 * (level - 1));
	unsigned first = level == LEVELS || start > base ? index_at(start, level) : 0;
	unsigned n = level == LEVELS ? ENTRIES / 2 : ENTRIES;
	for (unsigned i = 0; i < first && empty; i++)
		empty = !table[i];
	for (unsigned i = first; i < n; i++) {
		u64 va = base + i * span;
		if (va >= end && !empty)
			break;
		if (!table[i])
			continue;
		if (level > 1 && !is_leaf(table[i], level) && !(table[i] & LINKED) && va < end && va + span > start) {
			u64 *lower = table_at(table[i]);
			if (prune(lower, level - 1, va, start, end, freed)) {
				table[i] = 0;
				list_push(freed, &page_of(virt_to_phys(lower))->link);
				continue;
			}
		}
		empty = false;
	}
	return empty;
}

void pt_free_range(struct pagetable *pt, u64 start, u64 end)
{
	struct list freed;
	list_init(&freed);
	prune(phys_to_virt(pt->root), LEVELS, 0, start, end, &freed);
	if (list_empty(&freed))
		return;
	/* A CPU may hold pointers to these tables until it is flushed. */
	cpu_flush_tables(pt, 0, USER_END);
	struct page *page, *next;
	list_for_each_safe (page, next, &freed, link) {
		list_remove(&page->link);
		page_put(page);
	}
}
