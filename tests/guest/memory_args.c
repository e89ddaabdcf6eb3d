/* SPDX-License-Identifier: Apache-2.0
 * Arguments of the calls about memory: each with addresses that are odd, unmapped, out of reach or at the ends, with
 * lengths of every kind, and with each flag and protection.
 * area: Memory
 */
#include <fcntl.h>
#include <linux/mempolicy.h>
#include <sys/resource.h>

#include "matrix.h"

static char *area; /* five pages: mapped, mapped, hole, mapped, hole */
static int file;

static void lay_out(void)
{
	mmap(area, 5 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
	munmap(area + 2 * PAGE, PAGE);
	munmap(area + 4 * PAGE, PAGE);
}

/* ---- ranges ---- */

enum {
	MUNMAP,
	MPROTECT,
	MADVISE,
	MSYNC,
	MINCORE,
	MLOCK,
	MLOCK2,
	MUNLOCK,
	MBIND,
	MREMAP_LESS,
	MREMAP_SAME,
	PKEY,
	REMAP_FILE_PAGES,
	CALLS
};

static long call(int which, char *at, size_t length)
{
	static unsigned char states[64];
	switch (which) {
	case MUNMAP:
		return RESULT(syscall(SYS_munmap, at, length));
	case MPROTECT:
		return RESULT(syscall(SYS_mprotect, at, length, PROT_READ));
	case MADVISE:
		return RESULT(syscall(SYS_madvise, at, length, MADV_NORMAL));
	case MSYNC:
		return RESULT(syscall(SYS_msync, at, length, MS_ASYNC));
	case MINCORE:
		return RESULT(syscall(SYS_mincore, at, length, states));
	case MLOCK:
		return RESULT(syscall(SYS_mlock, at, length));
	case MLOCK2:
		return RESULT(syscall(SYS_mlock2, at, length, 1));
	case MUNLOCK:
		return RESULT(syscall(SYS_munlock, at, length));
	case MBIND:
		return RESULT(syscall(SYS_mbind, at, length, MPOL_DEFAULT, NULL, 0, 0));
	case MREMAP_LESS:
		return OUTCOME(syscall(SYS_mremap, at, length, PAGE, 0, 0));
	case MREMAP_SAME:
		return OUTCOME(syscall(SYS_mremap, at, length, length, 0, 0));
	case PKEY:
		return RESULT(syscall(SYS_pkey_mprotect, at, length, PROT_READ, -1));
	default:
		return RESULT(syscall(SYS_remap_file_pages, at, length, 0, 0, 0));
	}
}

static void ranges(void)
{
	static const char *const calls[CALLS] = {"munmap",
						 "mprotect",
						 "madvise",
						 "msync",
						 "mincore",
						 "mlock",
						 "mlock2",
						 "munlock",
						 "mbind",
						 "mremap to less",
						 "mremap to the same",
						 "pkey_mprotect",
						 "remap_file_pages"};
	static const struct {
		const char *name;
		long offset; /* from the area; when `absolute`, the address itself */
		int absolute;
		size_t length;
		short wanted[CALLS];
	} rows[] = {
	    {"a page", 0, 0, PAGE, {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, -EINVAL}},
	    {"nothing", 0, 0, 0, {-EINVAL, 0, 0, 0, 0, 0, 0, 0, 0, -EINVAL, -EINVAL, 0, -EINVAL}},
	    {"a byte", 0, 0, 1, {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, -EINVAL}},
	    {"two pages", 0, 0, 2 * PAGE, {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, -EINVAL}},
	    {"an odd address",
	     1,
	     0,
	     PAGE,
	     {-EINVAL, -EINVAL, -EINVAL, -EINVAL, -EINVAL, 0, 0, 0, -EINVAL, -EINVAL, -EINVAL, -EINVAL, -EINVAL}},
	    {"an odd address and nothing",
	     1,
	     0,
	     0,
	     {-EINVAL, -EINVAL, -EINVAL, -EINVAL, -EINVAL, 0, 0, 0, -EINVAL, -EINVAL, -EINVAL, -EINVAL, -EINVAL}},
	    {"a page and a hole",
	     PAGE,
	     0,
	     2 * PAGE,
	     {0, -ENOMEM, -ENOMEM, -ENOMEM, -ENOMEM, -ENOMEM, -ENOMEM, -ENOMEM, 0, 0, 0, -ENOMEM, -EINVAL}},
	    {"a hole in the middle",
	     0,
	     0,
	     4 * PAGE,
	     {0, -ENOMEM, -ENOMEM, -ENOMEM, -ENOMEM, -ENOMEM, -ENOMEM, -ENOMEM, 0, 0, 0, -ENOMEM, -EINVAL}},
	    {"a hole",
	     2 * PAGE,
	     0,
	     PAGE,
	     {0, -ENOMEM, -ENOMEM, -ENOMEM, -ENOMEM, -ENOMEM, -ENOMEM, -ENOMEM, -EFAULT, -EFAULT, -EFAULT, -ENOMEM,
	      -EINVAL}},
	    {"a byte of a hole",
	     2 * PAGE,
	     0,
	     1,
	     {0, -ENOMEM, -ENOMEM, -ENOMEM, -ENOMEM, -ENOMEM, -ENOMEM, -ENOMEM, -EFAULT, -EFAULT, -EFAULT, -ENOMEM,
	      -EINVAL}},
	    {"nothing of a hole", 2 * PAGE, 0, 0, {-EINVAL, 0, 0, 0, 0, 0, 0, 0, 0, -EFAULT, -EINVAL, 0, -EINVAL}},
	    {"a hole and a page",
	     2 * PAGE,
	     0,
	     2 * PAGE,
	     {0, -ENOMEM, -ENOMEM, -ENOMEM, -ENOMEM, -ENOMEM, -ENOMEM, -ENOMEM, 0, -EFAULT, -EFAULT, -ENOMEM, -EINVAL}},
	    {"a length beyond the end of memory",
	     0,
	     0,
	     -(size_t)PAGE,
	     {-EINVAL, -ENOMEM, -EINVAL, -ENOMEM, -ENOMEM, -EINVAL, -EINVAL, -EINVAL, -EINVAL, -EINVAL, -EINVAL,
	      -ENOMEM, -EINVAL}},
	    {"the greatest length",
	     0,
	     0,
	     (size_t)-1,
	     {-EINVAL, -ENOMEM, -EINVAL, 0, -ENOMEM, 0, 0, 0, 0, -EINVAL, -EINVAL, -ENOMEM, -EINVAL}},
	    {"half of memory",
	     0,
	     0,
	     1UL << 63,
	     {0, -ENOMEM, -ENOMEM, -ENOMEM, -ENOMEM, -ENOMEM, -ENOMEM, -ENOMEM, 0, -EINVAL, -EINVAL, -ENOMEM, -EINVAL}},
	    {"the null page",
	     0,
	     1,
	     PAGE,
	     {0, -ENOMEM, -ENOMEM, -ENOMEM, -ENOMEM, -ENOMEM, -ENOMEM, -ENOMEM, -EFAULT, -EFAULT, -EFAULT, -ENOMEM,
	      -EINVAL}},
	    {"the kernel",
	     (long)0xffff800000000000,
	     1,
	     PAGE,
	     {-EINVAL, -ENOMEM, -ENOMEM, -ENOMEM, -ENOMEM, -ENOMEM, -ENOMEM, -ENOMEM, -EFAULT, -EFAULT, -EFAULT,
	      -ENOMEM, -EINVAL}},
	    {"an address that cannot be",
	     (long)0x800000000000,
	     1,
	     PAGE,
	     {-EINVAL, -ENOMEM, -ENOMEM, -ENOMEM, -ENOMEM, -ENOMEM, -ENOMEM, -ENOMEM, -EFAULT, -EFAULT, -EFAULT,
	      -ENOMEM, -EINVAL}},
	    {"the last page",
	     -PAGE,
	     1,
	     PAGE,
	     {-EINVAL, -ENOMEM, -EINVAL, -ENOMEM, -ENOMEM, -EINVAL, -EINVAL, -EINVAL, -EINVAL, -EFAULT, -EFAULT,
	      -ENOMEM, -EINVAL}},
	    {"the last page and nothing",
	     -PAGE,
	     1,
	     0,
	     {-EINVAL, 0, 0, 0, -ENOMEM, 0, 0, 0, 0, -EFAULT, -EINVAL, 0, -EINVAL}},
	    {"the last page and more",
	     -PAGE,
	     1,
	     2 * PAGE,
	     {-EINVAL, -ENOMEM, -EINVAL, -ENOMEM, -ENOMEM, -EINVAL, -EINVAL, -EINVAL, -EINVAL, -EFAULT, -EFAULT,
	      -ENOMEM, -EINVAL}},
	    {"across the end of the program's addresses",
	     0x7ffffffff000,
	     1,
	     2 * PAGE,
	     {-EINVAL, -ENOMEM, -ENOMEM, -ENOMEM, -ENOMEM, -ENOMEM, -ENOMEM, -ENOMEM, -EFAULT, -EFAULT, -EFAULT,
	      -ENOMEM, -EINVAL}},
	};
	theme("ranges");
	for (size_t r = 0; r < COUNT(rows); r++)
		for (int c = 0; c < CALLS; c++) {
			lay_out();
			/* What would take away more than the area is left out. */
			if (c == MUNMAP && !rows[r].absolute && rows[r].length > 5 * PAGE &&
			    rows[r].length < (size_t)-2 * PAGE)
				cell(rows[r].name, calls[c], 0, rows[r].wanted[c]);
			else
				cell(rows[r].name, calls[c],
				     call(c, rows[r].absolute ? (char *)rows[r].offset : area + rows[r].offset,
					  rows[r].length),
				     rows[r].wanted[c]);
		}
	syscall(SYS_munlockall);
}

/* ---- mmap ---- */

static void maps(void)
{
	static const char *const files[] = {"anonymous",	   "a file",	  "a read-only file",
					    "a write-only file",   "a directory", "a pipe",
					    "a closed descriptor", "/dev/zero",	  "/dev/null"};
	static const struct {
		const char *name;
		int protection, flags;
		short wanted[9];
	} rows[] = {
	    {"private", PROT_READ | PROT_WRITE, MAP_PRIVATE, {0, 0, 0, -EACCES, -ENODEV, -ENODEV, -EBADF, 0, -ENODEV}},
	    {"shared",
	     PROT_READ | PROT_WRITE,
	     MAP_SHARED,
	     {0, 0, -EACCES, -EACCES, -EACCES, -EACCES, -EBADF, 0, -ENODEV}},
	    {"validated",
	     PROT_READ | PROT_WRITE,
	     MAP_SHARED_VALIDATE,
	     {-EINVAL, 0, -EACCES, -EACCES, -EACCES, -EACCES, -EBADF, 0, -ENODEV}},
	    {"no type",
	     PROT_READ | PROT_WRITE,
	     0,
	     {-EINVAL, -EINVAL, -EINVAL, -EINVAL, -EINVAL, -EINVAL, -EBADF, -EINVAL, -EINVAL}},
	    {"type 4", PROT_READ, 4, {-EINVAL, -EINVAL, -EINVAL, -EINVAL, -EINVAL, -EINVAL, -EBADF, -EINVAL, -EINVAL}},
	    {"type 15",
	     PROT_READ,
	     15,
	     {-EINVAL, -EINVAL, -EINVAL, -EINVAL, -EINVAL, -EINVAL, -EBADF, -EINVAL, -EINVAL}},
	    {"private, to be read", PROT_READ, MAP_PRIVATE, {0, 0, 0, -EACCES, -ENODEV, -ENODEV, -EBADF, 0, -ENODEV}},
	    {"shared, to be read", PROT_READ, MAP_SHARED, {0, 0, 0, -EACCES, -ENODEV, -ENODEV, -EBADF, 0, -ENODEV}},
	    {"shared, to be written alone",
	     PROT_WRITE,
	     MAP_SHARED,
	     {0, 0, -EACCES, -EACCES, -EACCES, -EACCES, -EBADF, 0, -ENODEV}},
	    {"private, no access", PROT_NONE, MAP_PRIVATE, {0, 0, 0, -EACCES, -ENODEV, -ENODEV, -EBADF, 0, -ENODEV}},
	    {"shared, no access", PROT_NONE, MAP_SHARED, {0, 0, 0, -EACCES, -ENODEV, -ENODEV, -EBADF, 0, -ENODEV}},
	    {"unknown protection", 0x40000000, MAP_PRIVATE, {0, 0, 0, -EACCES, -ENODEV, -ENODEV, -EBADF, 0, -ENODEV}},
	    {"PROT_SEM", PROT_READ | 8, MAP_PRIVATE, {0, 0, 0, -EACCES, -ENODEV, -ENODEV, -EBADF, 0, -ENODEV}},
	    {"PROT_GROWSDOWN",
	     PROT_READ | PROT_GROWSDOWN,
	     MAP_PRIVATE,
	     {0, 0, 0, -EACCES, -ENODEV, -ENODEV, -EBADF, 0, -ENODEV}},
	    {"MAP_GROWSDOWN",
	     PROT_READ | PROT_WRITE,
	     MAP_PRIVATE | MAP_GROWSDOWN,
	     {0, -EINVAL, -EINVAL, -EACCES, -ENODEV, -ENODEV, -EBADF, -EINVAL, -ENODEV}},
	    {"MAP_GROWSDOWN, shared",
	     PROT_READ,
	     MAP_SHARED | MAP_GROWSDOWN,
	     {-EINVAL, -EINVAL, -EINVAL, -EACCES, -ENODEV, -ENODEV, -EBADF, -EINVAL, -ENODEV}},
	    {"MAP_NORESERVE",
	     PROT_READ,
	     MAP_PRIVATE | MAP_NORESERVE,
	     {0, 0, 0, -EACCES, -ENODEV, -ENODEV, -EBADF, 0, -ENODEV}},
	    {"MAP_POPULATE",
	     PROT_READ,
	     MAP_PRIVATE | MAP_POPULATE,
	     {0, 0, 0, -EACCES, -ENODEV, -ENODEV, -EBADF, 0, -ENODEV}},
	    {"MAP_LOCKED",
	     PROT_READ,
	     MAP_PRIVATE | MAP_LOCKED,
	     {0, 0, 0, -EACCES, -ENODEV, -ENODEV, -EBADF, 0, -ENODEV}},
	    {"MAP_STACK", PROT_READ, MAP_PRIVATE | MAP_STACK, {0, 0, 0, -EACCES, -ENODEV, -ENODEV, -EBADF, 0, -ENODEV}},
	    {"MAP_DENYWRITE",
	     PROT_READ,
	     MAP_PRIVATE | MAP_DENYWRITE,
	     {0, 0, 0, -EACCES, -ENODEV, -ENODEV, -EBADF, 0, -ENODEV}},
	    {"MAP_NONBLOCK",
	     PROT_READ,
	     MAP_PRIVATE | MAP_NONBLOCK,
	     {0, 0, 0, -EACCES, -ENODEV, -ENODEV, -EBADF, 0, -ENODEV}},
	    {"MAP_32BIT", PROT_READ, MAP_PRIVATE | MAP_32BIT, {0, 0, 0, -EACCES, -ENODEV, -ENODEV, -EBADF, 0, -ENODEV}},
	    {"an unknown flag, private",
	     PROT_READ,
	     MAP_PRIVATE | 0x400000,
	     {0, 0, 0, -EACCES, -ENODEV, -ENODEV, -EBADF, 0, -ENODEV}},
	    {"an unknown flag, shared",
	     PROT_READ,
	     MAP_SHARED | 0x400000,
	     {0, 0, 0, -EACCES, -ENODEV, -ENODEV, -EBADF, 0, -ENODEV}},
	    {"an unknown flag, validated",
	     PROT_READ,
	     MAP_SHARED_VALIDATE | 0x400000,
	     {-EINVAL, -ENOTSUP, -ENOTSUP, -ENOTSUP, -ENOTSUP, -ENOTSUP, -EBADF, -ENOTSUP, -ENOTSUP}},
	    {"MAP_SYNC, validated",
	     PROT_READ,
	     MAP_SHARED_VALIDATE | MAP_SYNC,
	     {-EINVAL, -ENOTSUP, -ENOTSUP, -ENOTSUP, -ENOTSUP, -ENOTSUP, -EBADF, -ENOTSUP, -ENOTSUP}},
	};
	int fds[9] = {-1,
		      file,
		      -1,
		      -1,
		      open("/", O_RDONLY | O_DIRECTORY),
		      -1,
		      1000,
		      open("/dev/zero", O_RDWR),
		      open("/dev/null", O_RDWR)},
	    ends[2];
	char path[64];
	theme("mmap arguments");
	snprintf(path, sizeof(path), "/proc/self/fd/%d", file);

	fds[2] = open(path, O_RDONLY);
	fds[3] = open(path, O_WRONLY);
	REQUIRE(pipe(ends) == 0 && fds[2] >= 0 && fds[3] >= 0);
	fds[5] = ends[0];
	for (size_t r = 0; r < COUNT(rows); r++)
		for (int c = 0; c < 9; c++) {
			void *p =
			    mmap(NULL, PAGE, rows[r].protection, rows[r].flags | (c ? 0 : MAP_ANONYMOUS), fds[c], 0);
			cell(rows[r].name, files[c], p == MAP_FAILED ? -errno : 0, rows[r].wanted[c]);
			if (p != MAP_FAILED)
				munmap(p, PAGE);
		}
	static const struct {
		const char *name;
		long address;
		size_t length;
		int flags;
		long offset;
		short anonymous, mapped;
	} places[] = {
	    {"no bytes", 0, 0, MAP_PRIVATE, 0, -EINVAL, -EINVAL},
	    {"an odd offset", 0, PAGE, MAP_PRIVATE, 1, -EINVAL, -EINVAL},
	    {"a negative offset", 0, PAGE, MAP_PRIVATE, -PAGE, 0, -EOVERFLOW},
	    {"an offset whose end overflows", 0, 2 * PAGE, MAP_PRIVATE, 0x7ffffffffffff000, 0, -EOVERFLOW},
	    {"the greatest offset", 0, PAGE, MAP_PRIVATE, 0x7fffffffffffe000, 0, 0},
	    {"the greatest length", 0, (size_t)-1, MAP_PRIVATE, 0, -ENOMEM, -ENOMEM},
	    {"the greatest length in pages", 0, -(size_t)PAGE, MAP_PRIVATE, 0, -ENOMEM, -ENOMEM},
	    {"all that a program can have", 0, 0x800000000000, MAP_PRIVATE, 0, -ENOMEM, -ENOMEM},
	    {"an odd hint", 12345, PAGE, MAP_PRIVATE, 0, 0, 0},
	    {"an odd fixed address", 12345, PAGE, MAP_PRIVATE | MAP_FIXED, 0, -EINVAL, -EINVAL},
	    {"a hint in the kernel", (long)0xffff800000000000, PAGE, MAP_PRIVATE, 0, 0, 0},
	    {"fixed in the kernel", (long)0xffff800000000000, PAGE, MAP_PRIVATE | MAP_FIXED, 0, -ENOMEM, -ENOMEM},
	    {"fixed at the end", 0x7ffffffff000, PAGE, MAP_PRIVATE | MAP_FIXED, 0, -ENOMEM, -ENOMEM},
	    {"fixed across the end", 0x7fffffffe000, 2 * PAGE, MAP_PRIVATE | MAP_FIXED, 0, -ENOMEM, -ENOMEM},
	    {"fixed at the last page", -PAGE, PAGE, MAP_PRIVATE | MAP_FIXED, 0, -ENOMEM, -ENOMEM},
	    {"fixed that exists", 1, PAGE, MAP_PRIVATE | MAP_FIXED_NOREPLACE, 0, -EEXIST, -EEXIST},
	    {"a hint that exists", 1, PAGE, MAP_PRIVATE, 0, 0, 0},
	};
	for (size_t r = 0; r < COUNT(places); r++)
		for (int c = 0; c < 2; c++) {
			lay_out();
			void *at = places[r].address == 1 ? area : (void *)places[r].address;
			void *p =
			    (void *)syscall(SYS_mmap, at, places[r].length, PROT_READ,
					    places[r].flags | (c ? 0 : MAP_ANONYMOUS), c ? file : -1, places[r].offset);
			cell(places[r].name, c ? "a file" : "anonymous", p == MAP_FAILED ? -errno : 0,
			     c ? places[r].mapped : places[r].anonymous);
			if (p != MAP_FAILED)
				munmap(p, places[r].length);
		}
	for (int i = 2; i < 9; i++)
		close(fds[i]);
	close(ends[1]);
}

/* ---- mremap ---- */

static void moves(void)
{
	static const struct {
		const char *name;
		long offset;
		size_t old, new;
		int flags;
		long to; /* offset from the area; -1: odd, -2: in the kernel */
		short wanted;
	} rows[] = {
	    {"the same", 0, PAGE, PAGE, 0, 0, 0},
	    {"less", 0, 2 * PAGE, PAGE, 0, 0, 0},
	    {"to nothing", 0, PAGE, 0, 0, 0, -EINVAL},
	    {"more without room", 0, PAGE, 2 * PAGE, 0, 0, -ENOMEM},
	    {"more with room", PAGE, PAGE, 2 * PAGE, 0, 0, 0},
	    {"more, to be moved", 0, 2 * PAGE, 4 * PAGE, MREMAP_MAYMOVE, 0, 0},
	    {"a hole", 2 * PAGE, PAGE, 2 * PAGE, MREMAP_MAYMOVE, 0, -EFAULT},
	    {"across a hole", PAGE, 2 * PAGE, 3 * PAGE, MREMAP_MAYMOVE, 0, -EFAULT},
	    {"an odd address", 1, PAGE, PAGE, MREMAP_MAYMOVE, 0, -EINVAL},
	    {"unknown flags", 0, PAGE, PAGE, 8, 0, -EINVAL},
	    {"MREMAP_FIXED alone", 0, PAGE, PAGE, MREMAP_FIXED, 4 * PAGE, -EINVAL},
	    {"MREMAP_FIXED", 0, PAGE, PAGE, MREMAP_FIXED | MREMAP_MAYMOVE, 4 * PAGE, 0},
	    {"MREMAP_FIXED to an odd address", 0, PAGE, PAGE, MREMAP_FIXED | MREMAP_MAYMOVE, -1, -EINVAL},
	    {"MREMAP_FIXED to the kernel", 0, PAGE, PAGE, MREMAP_FIXED | MREMAP_MAYMOVE, -2, -EINVAL},
	    {"MREMAP_FIXED onto itself", 0, PAGE, PAGE, MREMAP_FIXED | MREMAP_MAYMOVE, 0, -EINVAL},
	    {"MREMAP_FIXED onto a part of itself", 0, 2 * PAGE, 2 * PAGE, MREMAP_FIXED | MREMAP_MAYMOVE, PAGE, -EINVAL},
	    {"MREMAP_DONTUNMAP alone", 0, PAGE, PAGE, 4, 0, -EINVAL},
	    {"MREMAP_DONTUNMAP", 0, PAGE, PAGE, 4 | MREMAP_MAYMOVE, 0, -EINVAL},
	    {"MREMAP_DONTUNMAP of another size", 0, PAGE, 2 * PAGE, 4 | MREMAP_MAYMOVE, 0, -EINVAL},
	    {"a private mapping doubled", 0, 0, PAGE, MREMAP_MAYMOVE, 0, -EINVAL},
	    {"the greatest size", 0, PAGE, -(size_t)PAGE, MREMAP_MAYMOVE, 0, -EINVAL},
	    {"more than memory has", 0, PAGE, (size_t)-1, MREMAP_MAYMOVE, 0, -EINVAL},
	    {"an old size that overflows", 0, -(size_t)PAGE, PAGE, MREMAP_MAYMOVE, 0, -EINVAL},
	};
	theme("mremap arguments");
	for (size_t r = 0; r < COUNT(rows); r++) {
		lay_out();
		char *to = rows[r].to == -1   ? area + 1
			   : rows[r].to == -2 ? (char *)0xffff800000000000
					      : area + rows[r].to;
		void *p =
		    (void *)syscall(SYS_mremap, area + rows[r].offset, rows[r].old, rows[r].new, rows[r].flags, to);
		cell("mremap", rows[r].name, p == MAP_FAILED ? -errno : 0, rows[r].wanted);
		if (p != MAP_FAILED && ((char *)p < area || (char *)p >= area + 5 * PAGE))
			munmap(p, rows[r].new);
	}
}

/* ---- advice ---- */

static void advice(void)
{
	static const char *const kinds[] = {"anonymous",     "a private file", "a shared file",
					    "a hole behind", "nothing",	       "a hole"};
	static const struct {
		int advice;
		const char *name;
		short wanted[6];
	} rows[] = {
	    {0, "MADV_NORMAL", {0, -ENOMEM, -ENOMEM, -ENOMEM, 0, -ENOMEM}},
	    {1, "MADV_RANDOM", {0, -ENOMEM, -ENOMEM, -ENOMEM, 0, -ENOMEM}},
	    {2, "MADV_SEQUENTIAL", {0, -ENOMEM, -ENOMEM, -ENOMEM, 0, -ENOMEM}},
	    {3, "MADV_WILLNEED", {0, -ENOMEM, -ENOMEM, -ENOMEM, 0, -ENOMEM}},
	    {4, "MADV_DONTNEED", {0, -ENOMEM, -ENOMEM, -ENOMEM, 0, -ENOMEM}},
	    {8, "MADV_FREE", {0, -ENOMEM, -ENOMEM, -ENOMEM, 0, -ENOMEM}},
	    {9, "MADV_REMOVE", {-EINVAL, -ENOMEM, -ENOMEM, -EINVAL, 0, -ENOMEM}},
	    {10, "MADV_DONTFORK", {0, -ENOMEM, -ENOMEM, -ENOMEM, 0, -ENOMEM}},
	    {11, "MADV_DOFORK", {0, -ENOMEM, -ENOMEM, -ENOMEM, 0, -ENOMEM}},
	    {14, "MADV_HUGEPAGE", {0, -ENOMEM, -ENOMEM, -ENOMEM, 0, -ENOMEM}},
	    {15, "MADV_NOHUGEPAGE", {0, -ENOMEM, -ENOMEM, -ENOMEM, 0, -ENOMEM}},
	    {16, "MADV_DONTDUMP", {0, -ENOMEM, -ENOMEM, -ENOMEM, 0, -ENOMEM}},
	    {17, "MADV_DODUMP", {0, -ENOMEM, -ENOMEM, -ENOMEM, 0, -ENOMEM}},
	    {18, "MADV_WIPEONFORK", {0, -ENOMEM, -ENOMEM, -ENOMEM, 0, -ENOMEM}},
	    {19, "MADV_KEEPONFORK", {0, -ENOMEM, -ENOMEM, -ENOMEM, 0, -ENOMEM}},
	    {20, "MADV_COLD", {0, -ENOMEM, -ENOMEM, -ENOMEM, 0, -ENOMEM}},
	    {21, "MADV_PAGEOUT", {0, -ENOMEM, -ENOMEM, -ENOMEM, 0, -ENOMEM}},
	    {22, "MADV_POPULATE_READ", {0, -ENOMEM, -ENOMEM, -ENOMEM, 0, -ENOMEM}},
	    {23, "MADV_POPULATE_WRITE", {0, -ENOMEM, -ENOMEM, -ENOMEM, 0, -ENOMEM}},
	    {5, "advice 5", {-EINVAL, -EINVAL, -EINVAL, -EINVAL, -EINVAL, -EINVAL}},
	    {99, "advice 99", {-EINVAL, -EINVAL, -EINVAL, -EINVAL, -EINVAL, -EINVAL}},
	    {-1, "advice -1", {-EINVAL, -EINVAL, -EINVAL, -EINVAL, -EINVAL, -EINVAL}},
	};
	theme("madvise arguments");
	char *private = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE, file, 0);
	char *shared = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
	for (size_t r = 0; r < COUNT(rows); r++) {
		lay_out();
		char *at[] = {area, private, shared, area + PAGE, area, area + 2 * PAGE};
		size_t lengths[] = {PAGE, PAGE, PAGE, 2 * PAGE, 0, PAGE};
		for (int c = 0; c < 6; c++)
			cell(rows[r].name, kinds[c], RESULT(syscall(SYS_madvise, at[c], lengths[c], rows[r].advice)),
			     rows[r].wanted[c]);
	}
	munmap(private, PAGE);
	munmap(shared, PAGE);
}

static void flags(void)
{
	static const struct {
		int flags;
		short sync, lock, all;
	} rows[] = {{0, 0, 0, -EINVAL},
		    {1, 0, 0, 0},
		    {2, 0, -EINVAL, 0},
		    {3, 0, -EINVAL, 0},
		    {4, 0, -EINVAL, -EINVAL},
		    {5, -EINVAL, -EINVAL, 0},
		    {6, 0, -EINVAL, 0},
		    {7, -EINVAL, -EINVAL, 0},
		    {8, -EINVAL, -EINVAL, -EINVAL},
		    {-1, -EINVAL, -EINVAL, -EINVAL}};
	theme("memory flags");
	for (size_t r = 0; r < COUNT(rows); r++) {
		char text[32];
		lay_out();
		snprintf(text, sizeof(text), "flags %d", rows[r].flags);
		cell("msync", text, RESULT(syscall(SYS_msync, area, PAGE, rows[r].flags)), rows[r].sync);
		cell("mlock2", text, RESULT(syscall(SYS_mlock2, area, PAGE, rows[r].flags)), rows[r].lock);
		cell("mlockall", text,
		     rows[r].flags == 0 || rows[r].flags == 4 || rows[r].flags > 7 || rows[r].flags < 0
			 ? RESULT(syscall(SYS_mlockall, rows[r].flags))
			 : 0,
		     rows[r].all);
	}
	syscall(SYS_munlockall);
	CHECK_ERRNO(syscall(SYS_mincore, area, PAGE, 8), EFAULT);
	CHECK_ERRNO(syscall(SYS_mincore, area, PAGE, 0xffff800000000000), EFAULT);
	CHECK_ERRNO(syscall(SYS_pkey_mprotect, area, PAGE, PROT_READ, 99), EINVAL);
	CHECK_ERRNO(syscall(SYS_mprotect, area, PAGE, 0x40000000), EINVAL);
	CHECK_ERRNO(syscall(SYS_mprotect, area, PAGE, PROT_READ | PROT_GROWSDOWN | PROT_GROWSUP), EINVAL);
	CHECK_ERRNO(syscall(SYS_mprotect, area, PAGE, PROT_READ | PROT_GROWSDOWN), EINVAL);
	char *now = sbrk(0);
	CHECK(syscall(SYS_brk, 0) == (long)now && syscall(SYS_brk, -1L) == (long)now);
	CHECK(syscall(SYS_brk, 0xffff800000000000) == (long)now && syscall(SYS_brk, area) != (long)area);
}

int main(void)
{
	limit_seconds(60);
	area = map_pages(5, PROT_READ | PROT_WRITE);
	file = memfd_create("memory_args", 0);
	REQUIRE(ftruncate(file, 4 * PAGE) == 0);
	ranges();
	maps();
	moves();
	advice();
	flags();
	return finish();
}
