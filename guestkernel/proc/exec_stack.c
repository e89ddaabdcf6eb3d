/* SPDX-License-Identifier: Apache-2.0
 *
 * Arguments, environment and auxiliary vector of a new program. Everything is written upwards once, through a small
 * buffer.
 */
#include <linux/auxvec.h>
#include "guestkernel/fs/vfs.h"
#include "guestkernel/lib.h"
#include "guestkernel/limits.h"
#include "guestkernel/mm/vm.h"
#include "guestkernel/proc/exec_stack.h"

#define PLATFORM	"x86_64"
#define AUXV_PAIRS	22
#define STACK_INITIAL	(132ul << 10) /* mapped beyond what is written; the rest grows by faults */
#define LIMIT_STACK	3
#define CLOCK_TICKS	100 /* AT_CLKTCK: unit of times(2) */
#define HWCAP2_FSGSBASE 2u  /* the runner sets CR4.FSGSBASE, or does not start */
#ifndef AT_MINSIGSTKSZ
#define AT_MINSIGSTKSZ 51
#endif
#define SIGNAL_FRAME_BYTES                                                                                             \
	(440 + 4 + 64 + 128 + 16) /* frame, magic, alignment, red zone, slack; without the FPU image */

/* Writes upwards through a buffer; the first error sticks. */
struct writer {
	struct mm *mm;
	u64 at;
	size_t used;
	int error;
	u8 buf[512];
};

static void flush(struct writer *w)
{
	if (w->used && !w->error)
		w->error = mm_copy_to(w->mm, w->at, w->buf, w->used);
	w->at += w->used;
	w->used = 0;
}

static void write_bytes(struct writer *w, const void *data, size_t n)
{
	if (w->used + n > sizeof(w->buf))
		flush(w);
	if (n > sizeof(w->buf)) {
		if (!w->error)
			w->error = mm_copy_to(w->mm, w->at, data, n);
		w->at += n;
		return;
	}
	memcpy(w->buf + w->used, data, n);
	w->used += n;
}

static void write_u64(struct writer *w, u64 value)
{
	write_bytes(w, &value, sizeof(value));
}

static const char *argument(const struct exec_stack *s, int i)
{
	return i < s->head_count ? s->head[i] : s->args->argv[i - s->head_count + s->skip];
}

/* Sizes of the parts, in bytes. */
struct layout {
	int argc;
	u64 argv_strings, env_strings, path, vectors, strings;
};

static struct layout measure(const struct exec_stack *s)
{
	struct layout l = {.argc = s->head_count + s->args->argc - s->skip};
	int i;

	for (i = 0; i < l.argc; i++)
		l.argv_strings += strlen(argument(s, i)) + 1;
	for (i = 0; i < s->args->envc; i++)
		l.env_strings += strlen(s->args->envp[i]) + 1;
	l.path = strlen(s->path) + 1;
	l.vectors = 8ull * (1 + (u64)l.argc + 1 + (u64)s->args->envc + 1) + sizeof(u64[2]) * AUXV_PAIRS;
	l.strings = 16 + sizeof(PLATFORM) + l.argv_strings + l.env_strings + l.path + 8;
	return l;
}

static void fill_auxv(u64 (*a)[2], struct mm *mm, const struct exec_stack *s, u64 random_at, u64 path_at)
{
	const u64 pairs[][2] = {
	    {AT_SYSINFO_EHDR, mm->vdso},
	    {AT_MINSIGSTKSZ, arch_fpu_bytes() + SIGNAL_FRAME_BYTES},
	    {AT_HWCAP, boot->features},
	    {AT_PAGESZ, PAGE_SIZE},
	    {AT_CLKTCK, CLOCK_TICKS},
	    {AT_PHDR, s->headers},
	    {AT_PHENT, 56},
	    {AT_PHNUM, s->header_count},
	    {AT_BASE, s->interp_base},
	    {AT_FLAGS, 0},
	    {AT_ENTRY, s->entry},
	    {AT_UID, s->uid},
	    {AT_EUID, s->euid},
	    {AT_GID, s->gid},
	    {AT_EGID, s->egid},
	    {AT_SECURE, s->secure},
	    {AT_RANDOM, random_at},
	    {AT_HWCAP2, HWCAP2_FSGSBASE},
	    {AT_EXECFN, path_at},
	    {AT_PLATFORM, random_at + 16},
	    {AT_NULL, 0},
	};
	unsigned i, n = 0;

	_Static_assert(ARRAY_SIZE(pairs) <= AUXV_PAIRS, "room for all pairs");
	memset(a, 0, sizeof(u64[2]) * AUXV_PAIRS);
	for (i = 0; i < ARRAY_SIZE(pairs); i++) {
		if (pairs[i][0] == AT_SYSINFO_EHDR && !mm->vdso)
			continue;
		a[n][0] = pairs[i][0];
		a[n++][1] = pairs[i][1];
	}
}

static void write_vectors(struct writer *w, const struct exec_stack *s, const struct layout *l, u64 argv_at)
{
	u64 at = argv_at;
	int i;

	write_u64(w, (u64)l->argc);
	for (i = 0; i < l->argc; i++) {
		write_u64(w, at);
		at += strlen(argument(s, i)) + 1;
	}
	write_u64(w, 0);
	for (i = 0; i < s->args->envc; i++) {
		write_u64(w, at);
		at += strlen(s->args->envp[i]) + 1;
	}
	write_u64(w, 0);
}

static void write_strings(struct writer *w, const struct exec_stack *s, const struct layout *l)
{
	u8 seed[16];
	int i;

	random_bytes(seed, sizeof(seed));
	write_bytes(w, seed, sizeof(seed));
	write_bytes(w, PLATFORM, sizeof(PLATFORM));
	for (i = 0; i < l->argc; i++)
		write_bytes(w, argument(s, i), strlen(argument(s, i)) + 1);
	for (i = 0; i < s->args->envc; i++)
		write_bytes(w, s->args->envp[i], strlen(s->args->envp[i]) + 1);
	write_bytes(w, s->path, l->path);
	write_u64(w, 0);
	flush(w);
}

static int map_stack(struct mm *mm, u64 bytes, bool executable)
{
	u64 size = PAGE_UP(bytes) + STACK_INITIAL;
	long r = mm_mmap(mm, mm->stack_top - size, size, PROT_READ | PROT_WRITE | (executable ? PROT_EXEC : 0),
			 MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED | MAP_GROWSDOWN | MAP_STACK | MAP_NORESERVE, NULL, 0);
	struct vma *vma;

	if (r < 0)
		return (int)r;
	vma = mm_find(mm, mm->stack_top - PAGE_SIZE);
	if (vma)
		vma->name = "[stack]";
	return 0;
}

int exec_stack_build(struct mm *mm, const struct exec_stack *s, u64 *sp)
{
	struct layout l = measure(s);
	u64 auxv[AUXV_PAIRS][2], total = l.vectors + l.strings, strings_at, argv_at;
	u64 limit = MAX(MIN(current->process->rlimit[LIMIT_STACK].cur / 4, (u64)ARG_LIMIT_BYTES), 128 << 10);
	struct writer w = {.mm = mm};
	int error;

	_Static_assert(sizeof(auxv) <= sizeof(mm->auxv), "saved for /proc");
	if (total > limit + (128 << 10) || l.vectors + l.argv_strings + l.env_strings > limit + 4096)
		return -E2BIG;
	error = map_stack(mm, total, s->executable);
	if (error)
		return error;
	strings_at = mm->stack_top - l.strings;
	argv_at = strings_at + 16 + sizeof(PLATFORM);
	mm->arg_start = argv_at;
	mm->arg_end = mm->env_start = argv_at + l.argv_strings;
	mm->env_end = mm->env_start + l.env_strings;
	fill_auxv(auxv, mm, s, strings_at, mm->env_end);
	memcpy(mm->auxv, auxv, sizeof(auxv));
	*sp = w.at = (strings_at - l.vectors) & ~15ull;
	write_vectors(&w, s, &l, argv_at);
	write_bytes(&w, auxv, sizeof(auxv));
	flush(&w);
	w.at = strings_at;
	write_strings(&w, s, &l);
	return w.error;
}
