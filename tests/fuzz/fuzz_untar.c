/* SPDX-License-Identifier: Apache-2.0
 * The agent's unpacker of tar archives, its system calls replaced: whatever the archive says, each path is relative,
 * terminated and without `..`, no more is written than the archive holds, and it comes to an end.
 *
 * Input: the archive. The sums of its headers are put right, or hardly any would be looked into.
 * sources:
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "initramfs/copy.h"
#include "initramfs/untar.h"

#define CHECK(condition) ((condition) ? (void)0 : abort())
enum { ARCHIVE_FD = 1000, FILE_FD };
#define MEMORIES 512 /* the archive is the sole reason for more */

static const uint8_t *input;
static size_t input_left, input_bytes, written;
static bool file_open;
static jmp_buf failed;
static unsigned calls;
static char *memory[MEMORIES];
static unsigned memories;

char copy_bytes[COPY_BUFFER_BYTES];

_Noreturn void agent_fail(enum wire_stage stage, int error, const char *doing, const char *what)
{
	CHECK(error && strlen(doing) && strlen(what) < WIRE_PATH_MAX);
	longjmp(failed, 1);
}

void *map_bytes(size_t length)
{
	CHECK(memories < MEMORIES);
	return memory[memories++] = malloc(length);
}

int write_all(int fd, const char *bytes, size_t length)
{
	CHECK(fd == FILE_FD && file_open && length <= COPY_BUFFER_BYTES);
	written += length;
	CHECK(written <= input_bytes);
	return 0;
}

static ssize_t fuzz_read(int fd, void *to, size_t length)
{
	size_t n = length < 700 ? length : 700; /* pieces of no round size */
	CHECK(fd == ARCHIVE_FD);
	n = n < input_left ? n : input_left;
	memcpy(to, input, n);
	input += n;
	input_left -= n;
	return (ssize_t)n;
}

/* The answer of a call that names a path: some fail, as they would for names that are there already. */
static int on_path(const char *path)
{
	size_t length = strlen(path);
	CHECK(length && length < WIRE_PATH_MAX && path[0] != '/');
	for (const char *at = path; at; at = strchr(at, '/')) {
		at += *at == '/';
		CHECK(strncmp(at, "..", 2) != 0 || (at[2] && at[2] != '/'));
	}
	errno = length % 3 ? ENOENT : EEXIST;
	return ++calls % 7 == 0 ? -1 : 0;
}

static int fuzz_open(const char *path)
{
	CHECK(!file_open);
	file_open = !on_path(path);
	return file_open ? FILE_FD : -1;
}

static int fuzz_close(int fd)
{
	CHECK(fd == FILE_FD && file_open);
	file_open = false;
	return 0;
}

static int fuzz_stat(const char *path, struct stat *st)
{
	*st = (struct stat){.st_mode = S_IFDIR};
	return on_path(path);
}

static int fuzz_size(int fd, off_t size)
{
	CHECK(fd == FILE_FD && file_open);
	errno = EFBIG;
	return size < 0 ? -1 : 0;
}

#define read(fd, to, length)	    fuzz_read(fd, to, length)
#define open(path, ...)		    fuzz_open(path)
#define close(fd)		    fuzz_close(fd)
#define stat(path, st)		    fuzz_stat(path, st)
#define lseek(fd, offset, whence)   fuzz_size(fd, offset)
#define ftruncate(fd, size)	    fuzz_size(fd, size)
#define unlink(path)		    on_path(path)
#define mkdir(path, mode)	    on_path(path)
#define link(from, to)		    (on_path(from) | on_path(to))
#define symlink(target, path)	    on_path(path)
#define mknod(path, mode, device)   ((void)(device), on_path(path))
#define lchown(path, uid, gid)	    on_path(path)
#define chmod(path, mode)	    on_path(path)
#define utimensat(at, path, ts, fl) on_path(path)

#include "initramfs/untar.c"
#include "initramfs/untar_sparse.c"
#include "initramfs/untar_times.c"

/* Of each block that may be a header. */
static void mend_sums(uint8_t *bytes, size_t size)
{
	for (size_t at = 0; at + TAR_BLOCK <= size; at += TAR_BLOCK) {
		struct tar_header *header = (struct tar_header *)(bytes + at);
		unsigned sum = 0;
		if (memcmp(header->magic, "ustar", 5) != 0)
			continue;
		memset(header->sum, ' ', sizeof(header->sum));
		for (size_t i = 0; i < TAR_BLOCK; i++)
			sum += bytes[at + i];
		for (int i = 5; i >= 0; i--, sum /= 8)
			header->sum[i] = (char)('0' + sum % 8);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t *copy = malloc(size + 1);
	memcpy(copy, data, size);
	mend_sums(copy, size);
	input = copy;
	input_left = input_bytes = size;
	written = next = filled = 0;
	calls = memories = 0;
	file_open = false;
	pieces = NULL;
	sparse_begin();
	if (!setjmp(failed))
		untar(ARCHIVE_FD);
	for (unsigned i = 0; i < memories; i++)
		free(memory[i]);
	free(copy);
	return 0;
}
