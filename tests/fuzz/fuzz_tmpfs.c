/* SPDX-License-Identifier: Apache-2.0
 *
 * Contents of tmpfs files and pipes against a model: a flat array a file. Any difference is a bug.
 *
 * sources: tests/unit/fs_stub.c tests/unit/arch_stub.c guestkernel/mm/page.c guestkernel/mm/kmalloc.c guestkernel/mm/uio.c guestkernel/proc/wait.c guestkernel/lib.c guestkernel/fs/[a-z]*.c guestkernel/syscall/sys_open.c guestkernel/syscall/sys_rw.c guestkernel/syscall/sys_stat.c guestkernel/syscall/sys_dir.c guestkernel/syscall/sys_attr.c guestkernel/syscall/sys_fd.c guestkernel/syscall/sys_poll.c guestkernel/syscall/sys_splice.c guestkernel/syscall/sys_mount.c
 */
#include <fcntl.h>
#include <linux/falloc.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "guestkernel/fs/vfs.h"
#include "guestkernel/mm/page.h"
#include "tests/unit/arch_stub.h"
#include "tests/unit/fs_stub.h"

#define FILES 2
#define LIMIT 70000u /* bytes of a file */

struct input {
	const u8 *data;
	size_t left;
};

static u32 number(struct input *in, u32 limit)
{
	u32 n = 0;
	for (int i = 0; i < 3 && in->left; i++, in->left--)
		n = n << 8 | *in->data++;
	return n % (limit + 1);
}

static u8 model[FILES][LIMIT];
static u32 size[FILES];
static long fds[FILES];
static int p[2];
static u8 piped[1 << 20]; /* what the pipe holds */
static u32 piped_n;
static u8 buf[LIMIT + 4096];
static u8 pattern;

static void fill(u8 *to, u32 n)
{
	for (u32 i = 0; i < n; i++)
		to[i] = (u8)(++pattern | 1);
}

static void extend(int f, u32 end)
{
	if (end > size[f])
		size[f] = end;
}

static void file_call(struct input *in, int f, u32 op)
{
	u32 pos = number(in, LIMIT - 1), n = number(in, LIMIT - pos);
	long r;
	switch (op) {
	case 0:
		fill(buf, n);
		if (call(pwrite64, fds[f], buf, n, pos) != (long)n)
			abort();
		memcpy(model[f] + pos, buf, n);
		if (n)
			extend(f, pos + n);
		break;
	case 1:
		r = call(pread64, fds[f], buf, n, pos);
		if (r != (long)(pos < size[f] ? MIN(n, size[f] - pos) : 0) || memcmp(buf, model[f] + pos, (size_t)r))
			abort();
		break;
	case 2:
		if (call(ftruncate, fds[f], pos))
			abort();
		if (pos < size[f])
			memset(model[f] + pos, 0, size[f] - pos);
		size[f] = pos;
		break;
	case 3:
		r = call(fallocate, fds[f], FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, pos, n);
		if (r != (n ? 0 : -EINVAL))
			abort();
		for (u32 i = pos; i < pos + n; i++)
			model[f][i] = 0;
		break;
	case 4:
		r = call(fallocate, fds[f], n & 1 ? FALLOC_FL_KEEP_SIZE : 0, pos, n);
		if (r != (n ? 0 : -EINVAL))
			abort();
		if (n && !(n & 1))
			extend(f, pos + n);
		break;
	case 5:
		r = call(lseek, fds[f], pos, SEEK_DATA);
		for (u32 i = pos; i < size[f] && (r < 0 || i < r); i++)
			if (model[f][i])
				abort(); /* data that it did not find */
		break;
	}
}

static void pipe_call(struct input *in, int f, u32 op)
{
	u32 pos = number(in, LIMIT - 1), n = number(in, LIMIT - pos);
	loff_t at = pos, to = pos;
	long r;
	switch (op) {
	case 6:
		fill(buf, n);
		r = call(write, p[1], buf, n);
		if (r > 0) {
			memcpy(piped + piped_n, buf, (size_t)r);
			piped_n += (u32)r;
		}
		break;
	case 7:
		r = call(read, p[0], buf, n);
		if (r > 0) {
			if (memcmp(buf, piped, (size_t)r))
				abort();
			piped_n -= (u32)r;
			memmove(piped, piped + r, piped_n);
		}
		break;
	case 8: /* file to pipe: later writes to the file show in pages that are shared, as on Linux; so copy at once */
		r = call(splice, fds[f], &at, p[1], NULL, n, 2);
		if (r > 0) {
			u32 total = piped_n + (u32)r;
			memcpy(piped + piped_n, model[f] + pos, (size_t)r);
			if (call(read, p[0], buf, sizeof(buf)) != (long)MIN(total, sizeof(buf)) ||
			    memcmp(buf, piped, MIN(total, sizeof(buf))))
				abort();
			piped_n = total - (u32)MIN(total, sizeof(buf));
			memmove(piped, piped + MIN(total, sizeof(buf)), piped_n);
		}
		break;
	case 9:
		r = call(splice, p[0], NULL, fds[f], &to, n, 2);
		if (r > 0) {
			memcpy(model[f] + pos, piped, (size_t)r);
			extend(f, pos + (u32)r);
			piped_n -= (u32)r;
			memmove(piped, piped + r, piped_n);
		}
		break;
	case 10:
		to = 0;
		r = call(copy_file_range, fds[f], &at, fds[1 - f], &to, n, 0);
		if (r != (long)(pos < size[f] ? MIN(n, size[f] - pos) : 0))
			abort();
		memcpy(model[1 - f], model[f] + pos, (size_t)r);
		if (r)
			extend(1 - f, (u32)r);
		break;
	case 11:
		call(fcntl, p[1], F_SETPIPE_SZ, 4096u << (n % 8));
		break;
	}
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t bytes);
int LLVMFuzzerTestOneInput(const u8 *data, size_t bytes)
{
	struct input in = {data, MIN(bytes, 300ul)};
	struct page_stats before, after;
	struct stat st;
	fs_start(OURS);
	fs_set_rlimit(1, ~0ull);
	page_stats(&before);
	memset(model, 0, sizeof(model));
	memset(size, 0, sizeof(size));
	piped_n = 0;
	if (call(pipe2, p, O_NONBLOCK))
		abort();
	fds[0] = call(open, "a", O_CREAT | O_RDWR, 0644);
	fds[1] = call(open, "b", O_CREAT | O_RDWR, 0644);
	while (in.left) {
		u32 op = *in.data++;
		in.left--;
		int f = op >> 7;
		if (op % 12 < 6)
			file_call(&in, f, op % 12);
		else
			pipe_call(&in, f, op % 12);
		if (call(fstat, fds[f], &st) || st.st_size != size[f])
			abort();
	}
	for (int f = 0; f < FILES; f++)
		if (call(pread64, fds[f], buf, LIMIT, 0) != (long)size[f] || memcmp(buf, model[f], size[f]))
			abort();
	char top[64];
	call(getcwd, top, sizeof(top));
	call(unlink, "a");
	call(unlink, "b");
	call(close_range, 0, ~0u, 0);
	page_stats(&after);
	if (after.cache != before.cache)
		abort(); /* a page stayed in the cache */
	fs_stop();
	strcat(top, "/x");
	fs_unmount(top);
	return 0;
}
