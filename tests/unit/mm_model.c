/* SPDX-License-Identifier: Apache-2.0
 *
 * See mm_model.h.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <signal.h>
#include <fcntl.h>
#include "tests/unit/mm_model.h"
#include "tests/unit/mm_world.h"

#define BASE	      0x7000000000ul /* 2 MiB-aligned */
#define PAGES	      4096u
#define END	      (BASE + PAGES * PAGE_SIZE)
#define SPACES	      3
#define SHARED_PAGES  300u /* of the file that is mapped shared */
#define PRIVATE_PAGES 200u /* of the one that is mapped private */

enum kind { NOTHING, ANON, PRIVATE_FILE, SHARED_FILE };

struct cell {
	u8 kind, prot;
	bool own; /* value is the page's own (written since mapped); else zero or the file's */
	u8 value;
	u16 index; /* in the file */
};

struct model {
	model_source source;
	void *arg;
	bool ended;
	struct mm *mm[SPACES];
	struct cell cell[SPACES][PAGES];
	u8 shared_value[SHARED_PAGES];
	struct world_file *shared_file, *private_file;
	unsigned step;
	u32 hot; /* page touched last: touched again often, by another CPU or address space */
};

static void fail(struct model *m, const char *what)
{
	fprintf(stderr, "step %u: %s\n", m->step, what);
	abort();
}

static u32 choose(struct model *m, u32 below)
{
	u32 value = 0;

	if (!m->ended && !m->source(m->arg, &value))
		m->ended = true;
	return below ? value % below : 0;
}

/* A random stretch: mostly short, sometimes many 2 MiB, at times aligned to them. */
static void choose_range(struct model *m, u32 *first, u32 *count)
{
	u32 shape = choose(m, 8);

	*first = choose(m, PAGES);
	*count = shape < 5 ? 1 + choose(m, 40) : 1 + choose(m, 1800);
	if (shape == 7) {
		*first &= ~511u;
		*count = (*count + 511) & ~511u;
	}
	if (*count > PAGES - *first)
		*count = PAGES - *first;
}

static u64 address(u32 page)
{
	return BASE + (u64)page * PAGE_SIZE;
}

static u8 expected(const struct model *m, const struct cell *c)
{
	if (c->kind == SHARED_FILE)
		return m->shared_value[c->index];
	if (c->own)
		return c->value;
	return c->kind == PRIVATE_FILE ? world_pattern(c->index) : 0;
}

/* What an access must give: 0 or a signal. */
static int verdict(const struct cell *c, bool write)
{
	u32 limit = c->kind == SHARED_FILE ? SHARED_PAGES : c->kind == PRIVATE_FILE ? PRIVATE_PAGES : ~0u;

	if (c->kind == NOTHING)
		return WORLD_SIGNAL(SIGSEGV, SEGV_MAPERR);
	if (write ? !(c->prot & PROT_WRITE) : !c->prot)
		return WORLD_SIGNAL(SIGSEGV, SEGV_ACCERR);
	return c->index >= limit ? WORLD_SIGNAL(SIGBUS, BUS_ADRERR) : 0;
}

static void touch(struct model *m, int s, u32 page, bool write)
{
	struct cell *c = &m->cell[s][page];
	int want = verdict(c, write), got;
	u8 value = (u8)choose(m, 256), seen;

	world_cpu = choose(m, 2);
	got = write ? world_write(m->mm[s], address(page), value) : world_read(m->mm[s], address(page), &seen);
	if (got == -ENOMEM) {
		if (want)
			fail(m, "out of memory instead of a signal");
		return;
	}
	if (got != want)
		fail(m, "an access had another result than it should");
	if (got)
		return;
	if (!write && seen != expected(m, c))
		fail(m, "wrong contents");
	if (!write)
		return;
	c->own = true;
	c->value = value;
	if (c->kind == SHARED_FILE)
		m->shared_value[c->index] = value;
}

static void op_mmap(struct model *m, int s)
{
	static const u8 prots[] = {
	    PROT_READ | PROT_WRITE, PROT_READ | PROT_WRITE, PROT_READ, PROT_NONE, PROT_READ | PROT_EXEC, PROT_WRITE};
	u32 first, count, offset = 0, flags = MAP_FIXED;
	u8 prot = prots[choose(m, sizeof(prots))];
	enum kind kind = ANON + choose(m, 5) % 3;
	struct file *file = NULL;

	choose_range(m, &first, &count);
	if (kind != ANON) {
		file = kind == SHARED_FILE ? &m->shared_file->file : &m->private_file->file;
		offset = choose(m, 250);
		if (count > 250)
			count = 250;
	}
	flags |= kind == SHARED_FILE ? MAP_SHARED : MAP_PRIVATE;
	if (kind == ANON && choose(m, 8) == 0 && count < 64)
		flags |= MAP_POPULATE;
	long r = mm_mmap(m->mm[s], address(first), (u64)count * PAGE_SIZE, prot, flags, file, offset);

	if (r == -ENOMEM) { /* the old mappings may be gone, or not: make sure */
		if (mm_munmap(m->mm[s], address(first), (u64)count * PAGE_SIZE))
			return;
	} else if (r != (long)address(first)) {
		fail(m, "mmap at a fixed address failed");
	}
	for (u32 i = 0; i < count; i++)
		m->cell[s][first + i] =
		    (struct cell){.kind = r < 0 ? NOTHING : (u8)kind, .prot = prot, .index = (u16)(offset + i)};
	for (u32 i = 0; kind == ANON && i < count; i++)
		m->cell[s][first + i].index = 0;
}

static void op_munmap(struct model *m, int s)
{
	u32 first, count;

	choose_range(m, &first, &count);
	if (mm_munmap(m->mm[s], address(first), (u64)count * PAGE_SIZE))
		return;
	memset(&m->cell[s][first], 0, count * sizeof(struct cell));
}

static void op_mprotect(struct model *m, int s)
{
	u32 first, count, prot = choose(m, 8);
	bool hole = false;

	choose_range(m, &first, &count);
	int r = mm_mprotect(m->mm[s], address(first), (u64)count * PAGE_SIZE, prot);

	for (u32 i = 0; i < count; i++)
		hole |= m->cell[s][first + i].kind == NOTHING;
	if (r && r != -ENOMEM)
		fail(m, "mprotect: wrong error");
	if (!r && hole)
		fail(m, "mprotect passed a hole");
	/* Splitting may have failed before anything changed; with a hole, what comes before it has changed. */
	for (u32 i = 0; i < count && m->cell[s][first + i].kind != NOTHING; i++) {
		struct vma *vma = mm_find(m->mm[s], address(first + i));

		if (!r || (hole && vma && vma->prot == prot))
			m->cell[s][first + i].prot = (u8)prot;
	}
}

static void op_dontneed(struct model *m, int s)
{
	u32 first, count;

	choose_range(m, &first, &count);
	if (mm_madvise(m->mm[s], address(first), (u64)count * PAGE_SIZE, MADV_DONTNEED) == -ENOMEM) {
		bool hole = false;

		for (u32 i = 0; i < count; i++)
			hole |= m->cell[s][first + i].kind == NOTHING;
		if (!hole) { /* some page table could not be had: which part was dropped is open, so drop it all */
			stub_tables_left = 1 << 20;
			mm_madvise(m->mm[s], address(first), (u64)count * PAGE_SIZE, MADV_DONTNEED);
		}
	}
	for (u32 i = 0; i < count; i++)
		m->cell[s][first + i].own = false;
}

/* Does a single VMA hold all of it? */
static bool one_vma(struct model *m, int s, u32 first, u32 count)
{
	struct vma *vma = mm_find(m->mm[s], address(first));

	return vma && vma->start <= address(first) && vma->end >= address(first + count);
}

static void op_mremap(struct model *m, int s)
{
	static struct cell moved[PAGES];
	u32 first, count, to, new_count, flags = choose(m, 4);
	bool dontunmap = choose(m, 8) == 0;

	choose_range(m, &first, &count);
	to = choose(m, PAGES);
	new_count = choose(m, 2) ? count : 1 + choose(m, 600);
	flags = (flags & 1 ? MREMAP_MAYMOVE : 0) | (flags == 3 ? MREMAP_FIXED : 0);
	if (dontunmap && flags & MREMAP_MAYMOVE) {
		flags |= MREMAP_DONTUNMAP;
		new_count = count;
	}
	if (flags & MREMAP_FIXED && to + new_count > PAGES)
		return;
	if (!one_vma(m, s, first, count))
		return;
	memcpy(moved, &m->cell[s][first], count * sizeof(struct cell));
	/* Where the file goes on, a grown mapping shows it. */
	for (u32 i = count; i < new_count; i++)
		moved[i] = (struct cell){.kind = moved[0].kind,
					 .prot = moved[0].prot,
					 .index = (u16)(moved[0].kind == ANON ? 0 : moved[0].index + i)};
	long r =
	    mm_mremap(m->mm[s], address(first), (u64)count * PAGE_SIZE, (u64)new_count * PAGE_SIZE, flags, address(to));

	if (r < 0) {
		/* Shrinking and clearing the target are done before what can fail. */
		for (u32 i = 0; i < PAGES; i++) {
			struct vma *vma = mm_find(m->mm[s], address(i));

			if (!vma || vma->start > address(i))
				m->cell[s][i] = (struct cell){0};
		}
		return;
	}
	if (!(flags & MREMAP_DONTUNMAP))
		memset(&m->cell[s][first], 0, count * sizeof(struct cell));
	else
		for (u32 i = 0; i < count; i++)
			m->cell[s][first + i].own = false;
	if ((u64)r < BASE || (u64)r + (u64)new_count * PAGE_SIZE > END) { /* it went elsewhere: look, and forget it */
		for (u32 i = 0; i < new_count; i += 7) {
			u8 seen;

			if (!verdict(&moved[i], false) && !world_read(m->mm[s], (u64)r + i * PAGE_SIZE, &seen) &&
			    seen != expected(m, &moved[i]))
				fail(m, "wrong contents after a move");
		}
		stub_tables_left = 1 << 20;
		if (mm_munmap(m->mm[s], (u64)r, (u64)new_count * PAGE_SIZE))
			fail(m, "munmap failed");
		return;
	}
	memcpy(&m->cell[s][((u64)r - BASE) >> PAGE_SHIFT], moved, new_count * sizeof(struct cell));
}

static void op_fork(struct model *m, int s)
{
	int child = (int)choose(m, SPACES);

	if (child == s)
		return;
	struct mm *copy = mm_clone(m->mm[s]);

	if (!copy)
		return;
	mm_put(m->mm[child]);
	m->mm[child] = copy;
	memcpy(m->cell[child], m->cell[s], sizeof(m->cell[s]));
}

static void op_flags(struct model *m, int s)
{
	static const int advice[] = {MADV_HUGEPAGE, MADV_NOHUGEPAGE, MADV_DONTDUMP,
				     MADV_DODUMP,   MADV_COLD,	     MADV_WILLNEED};
	u32 first, count;

	choose_range(m, &first, &count);
	mm_madvise(m->mm[s], address(first), (u64)count * PAGE_SIZE, advice[choose(m, ARRAY_SIZE(advice))]);
}

static void op_touch(struct model *m, int s)
{
	u32 page = choose(m, 2) ? m->hot : choose(m, PAGES), n = 1 + choose(m, 16), stride = choose(m, 4) ? 1 : 37;
	bool write = choose(m, 2);

	m->hot = page;
	for (u32 i = 0; i < n && page + i * stride < PAGES; i++)
		touch(m, s, page + i * stride, write);
}

static void step(struct model *m)
{
	int s = (int)choose(m, SPACES);
	u32 op = choose(m, 32);

	/* Now and then page tables run out in the middle of what follows. */
	stub_tables_left = choose(m, 16) ? 1 << 20 : (long)choose(m, 3);
	if (op < 7)
		op_mmap(m, s);
	else if (op < 10)
		op_munmap(m, s);
	else if (op < 13)
		op_mprotect(m, s);
	else if (op < 15)
		op_dontneed(m, s);
	else if (op < 18)
		op_mremap(m, s);
	else if (op < 19)
		op_fork(m, s);
	else if (op < 20)
		op_flags(m, s);
	else
		op_touch(m, s);
	stub_tables_left = 1 << 20;
	for (int i = 0; i < SPACES; i++) {
		const char *wrong = m->step % 16 ? NULL : world_check(m->mm[i]);

		if (wrong)
			fail(m, wrong);
	}
}

void model_run(model_source source, void *arg, uint64_t memory_bytes)
{
	struct model *m = calloc(1, sizeof(*m));

	world_init(memory_bytes);
	m->source = source;
	m->arg = arg;
	m->shared_file = world_file(SHARED_PAGES * PAGE_SIZE, O_RDWR);
	m->private_file = world_file(PRIVATE_PAGES * PAGE_SIZE - 5, O_RDONLY);
	for (u32 i = 0; i < SHARED_PAGES; i++)
		m->shared_value[i] = world_pattern(i);
	for (int i = 0; i < SPACES; i++) {
		m->mm[i] = mm_create();
		m->mm[i]->mmap_top = END;
	}
	for (; !m->ended; m->step++)
		step(m);
	for (int s = 0; s < SPACES; s++)
		for (u32 page = 0; page < PAGES; page++)
			if (page % 3 == 0 || m->cell[s][page].own)
				touch(m, s, page, false);
	for (int i = 0; i < SPACES; i++) {
		const char *wrong = world_check(m->mm[i]);

		if (wrong)
			fail(m, wrong);
		mm_put(m->mm[i]);
	}
	file_put(&m->shared_file->file);
	file_put(&m->private_file->file);
	if (!world_exit())
		fail(m, "memory was lost");
	free(m);
}
