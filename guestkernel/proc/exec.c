/* SPDX-License-Identifier: Apache-2.0
 *
 * execve: finding the program (#! scripts, interpreter), laying out its address space, and the switch over to it.
 */
#include <asm/signal.h>
#include <linux/auxvec.h>
#include <linux/fcntl.h>
#include "guestkernel/fs/vfs.h"
#include "guestkernel/lib.h"
#include "guestkernel/limits.h"
#include "guestkernel/mm/page.h"
#include "guestkernel/mm/vm.h"
#include "guestkernel/proc/elf.h"
#include "guestkernel/proc/exec.h"
#include "guestkernel/proc/exec_stack.h"
#include "guestkernel/proc/signal.h"

#define SCRIPT_LEVELS	      5			/* #! files that name #! files: as on Linux */
#define SCRIPT_LINE	      256		/* BINPRM_BUF_SIZE */
#define DYN_BASE	      0x555555554000ull /* where position-independent programs go, as on Linux */
#define DYN_RANDOM_PAGES      (1ull << 22)
#define MMAP_RANDOM_PAGES     (1ull << 22)
#define STACK_RANDOM_PAGES    (1ull << 14)
#define BRK_RANDOM_PAGES      (1ull << 11)
#define STACK_GAP_MIN	      (128ull << 20)
#define STACK_GAP_MAX	      (USER_END / 6 * 5)
#define LIMIT_STACK	      3
#define PERSONALITY_NO_RANDOM 0x0040000u /* ADDR_NO_RANDOMIZE */

/* What is opened and built on the way; freed by finish(). */
struct build {
	struct file *file, *interp_file;
	struct elf_image *elf, *interp;
	struct mm *mm;
	u64 base, interp_base;
	const char *argv_head[3 * SCRIPT_LEVELS]; /* words that scripts put before the caller's arguments */
	int head_count, argv_skip;
	char *lines[SCRIPT_LEVELS];
	int line_count;
	char *name; /* what is executed: path, or /dev/fd/N */
};

static u64 random_pages(u64 limit)
{
	u64 r;

	if (current->process->personality & PERSONALITY_NO_RANDOM)
		return 0;
	random_bytes(&r, sizeof(r));
	return (r & (limit - 1)) << PAGE_SHIFT;
}

static long read_file(void *arg, void *buf, size_t n, u64 offset)
{
	return file_read_kernel(arg, buf, n, offset);
}

/* Splits "#!interpreter argument" in place: everything after the first blanks is one argument. */
static int split_script(char *line, char **interpreter, char **argument)
{
	char *end = strchr(line, '\n'), *p = line + 2;

	if (end)
		*end = 0;
	else if (strlen(line) == SCRIPT_LINE - 1 && !strchr(p, ' ') && !strchr(p, '\t'))
		return -ENOEXEC; /* the interpreter's name was cut */
	end = line + strlen(line);
	while (end > p && (end[-1] == ' ' || end[-1] == '\t'))
		*--end = 0;
	while (*p == ' ' || *p == '\t')
		p++;
	if (!*p)
		return -ENOEXEC;
	*interpreter = p;
	while (*p && *p != ' ' && *p != '\t')
		p++;
	if (*p)
		*p++ = 0;
	while (*p == ' ' || *p == '\t')
		p++;
	*argument = *p ? p : NULL;
	return 0;
}

/* argv becomes: interpreter, its argument, the script, then what stood behind argv[0]. */
static int script(struct build *b, const char *name)
{
	char *line = b->lines[b->line_count], *interpreter, *argument;
	const char *head[3];
	int i, n = 0, error = split_script(line, &interpreter, &argument);

	if (error)
		return error;
	head[n++] = interpreter;
	if (argument)
		head[n++] = argument;
	head[n++] = name;
	/* The head so far begins with the name of what turned out to be a script: replaced by the new head. */
	for (i = MAX(b->head_count, 1) - 1; i > 0; i--)
		b->argv_head[i + n - 1] = b->argv_head[i];
	b->head_count = b->head_count ? b->head_count + n - 1 : n;
	memcpy(b->argv_head, head, (size_t)n * sizeof(head[0]));
	b->argv_skip = 1;
	b->line_count++;
	file_put(b->file);
	b->file = NULL;
	return file_open_exec(AT_FDCWD, interpreter, 0, &b->file);
}

static int open_program(struct build *b, int dirfd, const char *path, int at_flags)
{
	const char *name = path;
	long n;
	int level, error = file_open_exec(dirfd, path, at_flags, &b->file);

	if (error)
		return error;
	if (dirfd != AT_FDCWD && path[0] != '/') {
		b->name = kmalloc(PATH_LIMIT + 32);
		if (!b->name)
			return -ENOMEM;
		ksnprintf(b->name, PATH_LIMIT + 32, path[0] ? "/dev/fd/%d/%s" : "/dev/fd/%d%s", dirfd, path);
		name = b->name;
	}
	for (level = 0;; level++) {
		char *line = kzalloc(SCRIPT_LINE);

		if (!line)
			return -ENOMEM;
		n = file_read_kernel(b->file, line, SCRIPT_LINE - 1, 0);
		if (n < 2 || line[0] != '#' || line[1] != '!') {
			kfree(line);
			return n < 0 ? (int)n : 0;
		}
		if (level == SCRIPT_LEVELS) {
			kfree(line);
			return -ELOOP;
		}
		b->lines[b->line_count] = line;
		error = script(b, level ? b->argv_head[0] : name);
		if (error)
			return error;
	}
}

static int parse(struct file *file, struct elf_image **image)
{
	*image = kmalloc(sizeof(**image));
	return *image ? elf_parse(read_file, file, *image) : -ENOMEM;
}

static int open_images(struct build *b)
{
	int error = parse(b->file, &b->elf);

	if (error || !b->elf->has_interp)
		return error;
	error = file_open_exec(AT_FDCWD, b->elf->interp, 0, &b->interp_file);
	if (error)
		return error;
	error = parse(b->interp_file, &b->interp);
	return error == -ENOEXEC ? -ELIBBAD : error;
}

/* A free range for a position-independent image, below mmap_top; mapped and unmapped again, as nobody else uses this
 * mm. */
static long find_range(struct mm *mm, const struct elf_image *image)
{
	u64 bytes = image->high - image->low, slack = image->align - PAGE_SIZE;
	long at = mm_mmap(mm, 0, bytes + slack, 0, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, NULL, 0);

	if (at < 0)
		return at;
	mm_munmap(mm, (u64)at, bytes + slack);
	return (long)(((u64)at + slack) & ~(image->align - 1));
}

static int map_images(struct build *b)
{
	long at;
	int error;

	/* Large programs start at a multiple of 2 MiB, so that page tables of them can be shared, see link_tables(). */
	u64 align = b->elf->high - b->elf->low >= 2 * HUGE_SIZE ? MAX(b->elf->align, HUGE_SIZE) : b->elf->align;

	b->base = 0;
	if (b->elf->position_independent)
		b->base = ((DYN_BASE + random_pages(DYN_RANDOM_PAGES)) & ~(align - 1)) - b->elf->low;
	if (b->base + b->elf->high > b->mm->mmap_top)
		return -ENOMEM;
	error = elf_map(b->mm, b->file, b->elf, b->base);
	if (error || !b->interp)
		return error;
	at = b->interp->position_independent ? find_range(b->mm, b->interp) : 0;
	if (at < 0)
		return (int)at;
	b->interp_base = b->interp->position_independent ? (u64)at - b->interp->low : 0;
	return elf_map(b->mm, b->interp_file, b->interp, b->interp_base);
}

static void choose_layout(struct mm *mm)
{
	u64 gap = current->process->rlimit[LIMIT_STACK].cur;

	gap = MIN(MAX(gap, STACK_GAP_MIN), STACK_GAP_MAX);
	mm->stack_top = USER_END - PAGE_SIZE - random_pages(STACK_RANDOM_PAGES);
	mm->mmap_top = PAGE_DOWN(mm->stack_top - gap - (1 << 20)) - random_pages(MMAP_RANDOM_PAGES);
}

static void set_brk(struct build *b)
{
	b->mm->brk_start = b->mm->brk = b->base + b->elf->high + random_pages(BRK_RANDOM_PAGES);
}

/* Set-user-ID and set-group-ID bits, unless the process gave them up. */
static void choose_ids(struct file *file, struct exec_image *image)
{
	const struct cred *c = &current->cred;
	u32 mode = file->inode->mode;

	image->euid = c->euid;
	image->egid = c->egid;
	if (c->no_new_privs)
		return;
	if (mode & K_S_ISUID)
		image->euid = file->inode->uid;
	if ((mode & (K_S_ISGID | 010)) == (K_S_ISGID | 010))
		image->egid = file->inode->gid;
	image->setid = image->euid != c->euid || image->egid != c->egid;
}

static void set_comm(char comm[16], const char *path)
{
	const char *slash = strrchr(path, '/');

	ksnprintf(comm, 16, "%s", slash ? slash + 1 : path);
}

static int build_stack(struct build *b, const char *path, const struct exec_args *args, struct exec_image *image)
{
	const struct cred *c = &current->cred;
	struct exec_stack s = {
	    .head = b->argv_head,
	    .head_count = b->head_count,
	    .skip = MIN(b->argv_skip, args->argc),
	    .args = args,
	    .path = b->name ? b->name : path,
	    .executable = b->elf->exec_stack,
	    .headers = b->elf->headers_vaddr ? b->base + b->elf->headers_vaddr : 0,
	    .header_count = b->elf->header_count,
	    .interp_base = b->interp_base,
	    .entry = b->base + b->elf->entry,
	    .uid = c->uid,
	    .gid = c->gid,
	    .euid = image->euid,
	    .egid = image->egid,
	    .secure = image->setid || c->uid != image->euid || c->gid != image->egid,
	};

	return exec_stack_build(b->mm, &s, &image->stack);
}

static int build(struct build *b, int dirfd, const char *path, int at_flags, const struct exec_args *args,
		 struct exec_image *image)
{
	int error = open_program(b, dirfd, path, at_flags);

	if (!error)
		error = open_images(b);
	if (error)
		return error;
	b->mm = mm_create();
	if (!b->mm)
		return -ENOMEM;
	choose_layout(b->mm);
	choose_ids(b->file, image);
	error = map_images(b);
	if (error)
		return error;
	set_brk(b);
	b->mm->vdso = arch_map_vdso(b->mm);
	error = build_stack(b, path, args, image);
	if (error)
		return error;
	b->mm->exe = b->file;
	file_get(b->file);
	image->entry = b->interp ? b->interp_base + b->interp->entry : b->base + b->elf->entry;
	set_comm(image->comm, path);
	return image->entry < USER_END ? 0 : -ENOEXEC;
}

int exec_load(int dirfd, const char *path, int at_flags, const struct exec_args *args, struct exec_image *image)
{
	struct build *b = kzalloc(sizeof(*b));
	int error, i;

	if (!b)
		return -ENOMEM;
	error = build(b, dirfd, path, at_flags, args, image);
	if (error && b->mm)
		mm_put(b->mm);
	image->mm = error ? NULL : b->mm;
	if (b->file)
		file_put(b->file);
	if (b->interp_file)
		file_put(b->interp_file);
	kfree(b->elf);
	kfree(b->interp);
	for (i = 0; i < SCRIPT_LEVELS; i++)
		kfree(b->lines[i]);
	kfree(b->name);
	kfree(b);
	return error;
}
