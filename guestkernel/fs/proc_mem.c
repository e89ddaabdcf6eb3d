/* SPDX-License-Identifier: Apache-2.0
 *
 * Owns the files of /proc/PID about the address space: maps, smaps, statm, cmdline, environ, auxv.
 */
#include "guestkernel/fs/mount.h"
#include "guestkernel/fs/proc_pid.h"
#include "guestkernel/lib.h"
#include "guestkernel/limits.h"
#include "guestkernel/mm/page.h"
#include "guestkernel/mm/vm.h"
#include "guestkernel/mm/vma.h"

static struct mm *mm_of(const struct proc_ref *ref)
{
	const struct thread *t = proc_thread(ref);
	return t ? t->mm : NULL;
}

#define NAME_COLUMN 73 /* where maps puts the name, as Linux pads it */

static void show_name(struct text *t, size_t line_start, const struct vma *vma)
{
	char *path = NULL;
	const char *name = vma->name;
	if (!name && vma->file && (path = kmalloc(PATH_LIMIT))) {
		long n = proc_describe_file(vma->file, path, PATH_LIMIT - 1);
		path[MAX(n, 0l)] = 0;
		name = path;
	}
	if (name && *name) {
		text_pad(t, line_start, NAME_COLUMN);
		for (; *name; name++) /* only the newline would break the line: proc(5) */
			*name == '\n' ? text_printf(t, "\\012") : text_add(t, name, 1);
	}
	kfree(path);
	text_add(t, "\n", 1);
}

static void show_vma(struct text *t, const struct vma *vma)
{
	size_t start = t->len;
	const struct inode *inode = vma->file ? vma->file->inode : NULL;
	u64 dev = inode ? (inode->sb ? inode->sb->dev : 1) : 0;
	text_printf(t, "%08lx-%08lx %c%c%c%c %08lx %02x:%02x %lu ", vma->start, vma->end,
		    vma->prot & PROT_READ ? 'r' : '-', vma->prot & PROT_WRITE ? 'w' : '-',
		    vma->prot & PROT_EXEC ? 'x' : '-', vma->flags & VMA_SHARED ? 's' : 'p',
		    inode ? vma->pgoff * PAGE_SIZE : 0, (u32)(dev >> 8), (u32)dev & 0xff, inode ? inode->ino : 0);
	show_name(t, start, vma);
}

void proc_show_maps(struct text *t, const struct proc_ref *ref)
{
	struct mm *mm = mm_of(ref);
	for (struct vma *vma = mm ? mm_find(mm, t->next) : NULL; vma; vma = vma_next(vma)) {
		show_vma(t, vma);
		if (text_pause(t, vma->end))
			return;
	}
}

struct usage {
	u64 rss, shared_clean, private_clean, private_dirty, anonymous; /* bytes */
};

static enum pt_action count_page(void *arg, u64 va, struct pte pte, u32 *prot)
{
	struct usage *u = arg;
	u64 bytes = pte.huge ? HUGE_SIZE : PAGE_SIZE;
	struct page *page = page_of(pte.pa);
	bool cache = page && (page_head(page)->flags & PAGE_F_CACHE);
	u->rss += bytes;
	if (!cache)
		u->anonymous += bytes;
	if (page && page_head(page)->refs > (cache ? 2 : 1))
		u->shared_clean += bytes;
	else if (cache)
		u->private_clean += bytes;
	else
		u->private_dirty += bytes;
	return PT_KEEP;
}

static void show_usage(struct text *t, const struct usage *u)
{
	text_printf(t, "Rss:            %8lu kB\nPss:            %8lu kB\nPss_Dirty:      %8lu kB\n", u->rss / 1024,
		    u->rss / 1024, u->private_dirty / 1024);
	text_printf(t, "Shared_Clean:   %8lu kB\nShared_Dirty:   %8u kB\n", u->shared_clean / 1024, 0);
	text_printf(t, "Private_Clean:  %8lu kB\nPrivate_Dirty:  %8lu kB\n", u->private_clean / 1024,
		    u->private_dirty / 1024);
	text_printf(t, "Referenced:     %8lu kB\nAnonymous:      %8lu kB\n", u->rss / 1024, u->anonymous / 1024);
	static const char none[] =
	    "LazyFree:              0 kB\nAnonHugePages:         0 kB\nShmemPmdMapped:        0 kB\n"
	    "FilePmdMapped:         0 kB\nShared_Hugetlb:        0 kB\nPrivate_Hugetlb:       0 kB\n"
	    "Swap:                  0 kB\nSwapPss:               0 kB\nLocked:                0 kB\n";
	text_add(t, none, sizeof(none) - 1);
}

void proc_show_smaps(struct text *t, const struct proc_ref *ref)
{
	struct mm *mm = mm_of(ref);
	for (struct vma *vma = mm ? mm_find(mm, t->next) : NULL; vma; vma = vma_next(vma)) {
		struct usage u = {0};
		pt_walk_range(&mm->pt, vma->start, vma->end, count_page, &u);
		show_vma(t, vma);
		text_printf(t, "Size:           %8lu kB\nKernelPageSize: %8u kB\nMMUPageSize:    %8u kB\n",
			    (vma->end - vma->start) / 1024, 4, 4);
		show_usage(t, &u);
		text_printf(t, "THPeligible:    0\nVmFlags:%s%s%s%s mr mw me\n", vma->prot & PROT_READ ? " rd" : "",
			    vma->prot & PROT_WRITE ? " wr" : "", vma->prot & PROT_EXEC ? " ex" : "",
			    vma->flags & VMA_SHARED ? " sh" : "");
		if (text_pause(t, vma->end))
			return;
	}
}

void proc_show_smaps_rollup(struct text *t, const struct proc_ref *ref)
{
	struct mm *mm = mm_of(ref);
	struct usage u = {0};
	if (!mm || list_empty(&mm->vmas))
		return;
	struct vma *first = list_first(&mm->vmas, struct vma, link), *last = list_last(&mm->vmas, struct vma, link),
		   *vma;
	list_for_each (vma, &mm->vmas, link)
		pt_walk_range(&mm->pt, vma->start, vma->end, count_page, &u);
	text_printf(t, "%08lx-%08lx ---p 00000000 00:00 0                                  [rollup]\n", first->start,
		    last->end);
	show_usage(t, &u);
}

void proc_show_statm(struct text *t, const struct proc_ref *ref)
{
	struct mm *mm = mm_of(ref);
	u64 code = 0, data = 0;
	struct vma *vma;
	if (!mm) {
		text_printf(t, "0 0 0 0 0 0 0\n");
		return;
	}
	list_for_each (vma, &mm->vmas, link) {
		u64 pages = (vma->end - vma->start) / PAGE_SIZE;
		if ((vma->prot & PROT_EXEC) && vma->file && vma->file == mm->exe)
			code += pages;
		else if ((vma->prot & PROT_WRITE) && !(vma->flags & VMA_SHARED))
			data += pages;
	}
	text_printf(t, "%lu %lu %lu %lu 0 %lu 0\n", mm->total_pages, mm_rss_pages(mm), mm->file_pages, code, data);
}

#define STRINGS_LIMIT (4ul << 20) /* ARG_LIMIT_BYTES and then some */

/* Text straight from the process's memory; t->next is how far it came. */
static void show_range(struct text *t, struct mm *mm, u64 start, u64 end)
{
	if (!mm || end <= start || end - start > STRINGS_LIMIT)
		return;
	char *buf = kmalloc(PAGE_SIZE);
	for (u64 at = start + t->next; buf && at < end && !t->failed;) {
		size_t n = MIN(end - at, PAGE_SIZE);
		if (mm_copy_from(mm, buf, at, n))
			break;
		text_add(t, buf, n);
		at += n;
		if (text_pause(t, at - start))
			break;
	}
	kfree(buf);
}

void proc_show_cmdline(struct text *t, const struct proc_ref *ref)
{
	struct mm *mm = mm_of(ref);
	if (mm)
		show_range(t, mm, mm->arg_start, mm->arg_end);
}

void proc_show_environ(struct text *t, const struct proc_ref *ref)
{
	struct mm *mm = mm_of(ref);
	if (mm)
		show_range(t, mm, mm->env_start, mm->env_end);
}

void proc_show_auxv(struct text *t, const struct proc_ref *ref)
{
	struct mm *mm = mm_of(ref);
	size_t n = 0;
	if (!mm)
		return;
	while (n + 2 < ARRAY_SIZE(mm->auxv) && mm->auxv[n])
		n += 2;
	text_add(t, mm->auxv, (n + 2) * sizeof(u64)); /* with AT_NULL */
}
