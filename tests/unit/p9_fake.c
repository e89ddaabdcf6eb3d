/* SPDX-License-Identifier: Apache-2.0
 *
 * Owns the 9P server of the tests.
 */
#include <linux/eventpoll.h>
#include <linux/fcntl.h>
#include <stdio.h>
#include <string.h>
#include "guestkernel/fs/p9_conn.h"
#include "tests/unit/fs_stub.h"
#include "tests/unit/p9_fake.h"

struct fake fake;
u64 vsock_news;

static u8 request[2 << 20], answers[4 << 20];
static size_t request_len, answers_len, answers_at;
static u32 fid_kind[P9_FIDS]; /* 0: none, 1: root, 2: file, above: many00 and so on */
static u8 *out;		      /* the answer that is being made */
static bool ended;

void fake_reset(void)
{
	memset(&fake, 0, sizeof(fake));
	memset(fid_kind, 0, sizeof(fid_kind));
	memcpy(fake.data, "hello", 5);
	fake.lend_error = EOPNOTSUPP;
	fake.size = 5;
	request_len = answers_len = answers_at = 0;
	ended = false;
}

static void w(u64 v, unsigned bytes)
{
	memcpy(out, &v, bytes);
	out += bytes;
}

static u64 r(const u8 *p, unsigned bytes)
{
	u64 v = 0;
	memcpy(&v, p, bytes);
	return v;
}

static void qid(u32 kind)
{
	w(kind == 1 ? 0x80 : 0, 1);
	w(fake.version, 4);
	w(kind, 8);
}

static void attributes(u32 kind)
{
	w(0x7ff, 8);
	qid(kind);
	w(kind == 1 ? 040755 : 0100644, 4);
	w(0, 8); /* uid, gid */
	w(1, 8);
	w(0, 8);
	w(kind == 1 ? 4096 : fake.size, 8);
	w(4096, 8);
	w(8, 8);
	for (unsigned i = 0; i < 10; i++)
		w(i == 2 ? fake.version : 0, 8);
}

static void entry(const char *name, u32 kind, u64 next)
{
	qid(kind);
	w(next, 8);
	w(kind == 1 ? 4 : 8, 1);
	w(strlen(name), 2);
	memcpy(out, name, strlen(name));
	out += strlen(name);
}

static int walk(const u8 *p)
{
	u32 from = (u32)r(p, 4), to = (u32)r(p + 4, 4), names = (u32)r(p + 8, 2), kind = fid_kind[from % P9_FIDS];
	if (!kind)
		return EBADF;
	if (names) {
		if (kind != 1)
			return ENOTDIR;
		if (r(p + 10, 2) != 4 || memcmp(p + 12, "file", 4))
			return ENOENT;
		kind = 2;
	}
	fid_kind[to % P9_FIDS] = kind;
	w(names, 2);
	if (names)
		qid(kind);
	return 0;
}

static int look(const u8 *p)
{
	u32 dir = (u32)r(p, 4) % P9_FIDS, to = (u32)r(p + 4, 4), most = (u32)r(p + 8, 4);
	if (!fid_kind[dir])
		return EBADF;
	if (fid_kind[dir] != 1)
		return ENOTDIR;
	fake.looks++;
	u32 index = (u32)-1;
	if (r(p + 12, 2) == 4 && !memcmp(p + 14, "file", 4))
		index = 0;
	else if (r(p + 12, 2) == 6 && !memcmp(p + 14, "many", 4) && fake.many)
		index = (u32)(p[18] - '0') * 10 + (u32)(p[19] - '0') + 1;
	if (index > fake.many || (index == 0 && fake.absent))
		return ENOENT;
	u32 kind = 2 + index;
	if (to != P9_NOFID)
		fid_kind[to % P9_FIDS] = kind;
	attributes(kind);
	bool told = fake.size <= most;
	w(told, 1);
	if (told) {
		memcpy(out, fake.data, fake.size);
		out += fake.size;
		fake.told++;
	}
	return 0;
}

/* What the runner does for a Tmap, by a copy. */
static int show(void)
{
	struct shared_window *shown = phys_to_virt(BOOT_WINDOW_GPA);
	u64 pages = PAGE_UP(fake.map_bytes) / PAGE_SIZE;
	if (fake.map_offset + fake.map_bytes > sizeof(fake.data) ||
	    fake.map_unit * (u64)WINDOW_UNIT + fake.map_bytes > boot->window_bytes)
		return EINVAL;
	u8 *at = phys_to_virt(boot->memory_bytes + fake.map_unit * (u64)WINDOW_UNIT);
	memcpy(at, fake.data + fake.map_offset, PAGE_UP(fake.map_bytes));
	for (u64 i = 0; i < pages; i += WINDOW_UNIT_PAGES)
		shown->pages[fake.map_unit + i / WINDOW_UNIT_PAGES] = (u8)MIN(pages - i, (u64)WINDOW_UNIT_PAGES);
	return 0;
}

/* Exclusively: `file` alone. */
static int lcreate(u32 fid)
{
	if (!fake.absent)
		return EEXIST;
	fake.absent = false;
	fake.size = 0;
	fid_kind[fid] = 2;
	qid(2);
	w(0, 4);
	return 0;
}

static int unlinkat(void)
{
	if (fake.absent)
		return ENOENT;
	fake.absent = true;
	return 0;
}

static int handle(u8 type, const u8 *p)
{
	u32 fid = (u32)r(p, 4) % P9_FIDS, kind = fid_kind[fid], count;
	u64 offset = r(p + 4, 8);
	switch (type) {
	case P9_TVERSION:
		w(r(p, 4), 4);
		w(8, 2);
		memcpy(out, "9P2000.L", 8);
		out += 8;
		return 0;
	case P9_TATTACH:
		fid_kind[fid] = 1;
		qid(1);
		return 0;
	case P9_TWALK:
		return walk(p);
	case P9_TLOOK:
		return look(p);
	case P9_TCLUNK:
		fid_kind[fid] = 0;
		return kind ? 0 : EBADF;
	case P9_TLEND:
		if (r(p, 4) == P9_NOFID) {
			fake.returns++;
			return 0;
		}
		fake.lends++;
		fake.lent_slot = (u32)r(p + 4, 4);
		return fake.lend_error;
	}
	if (!kind)
		return EBADF;
	switch (type) {
	case P9_TLCREATE:
		return lcreate(fid);
	case P9_TUNLINKAT:
		return unlinkat();
	case P9_TGETATTR:
		attributes(kind);
		return 0;
	case P9_TSETATTR:
		if (r(p + 4, 4) & 8)
			fake.size = r(p + 20, 8);
		fake.version++;
		return 0;
	case P9_TLOPEN:
		qid(kind);
		w(0, 4);
		return 0;
	case P9_TREAD:
		fake.reads++;
		count = (u32)r(p + 12, 4);
		count = offset >= fake.size ? 0 : (u32)MIN((u64)count, fake.size - offset);
		w(count, 4);
		memcpy(out, fake.data + offset, count);
		out += count;
		return 0;
	case P9_TWRITE:
		count = (u32)r(p + 12, 4);
		if (fake.write_error)
			return fake.write_error;
		if (offset + count > sizeof(fake.data))
			return EFBIG;
		memcpy(fake.data + offset, p + 16, count);
		fake.size = MAX(fake.size, offset + count);
		fake.version++;
		w(count, 4);
		return 0;
	case P9_TREADDIR: {
		u8 *start = out;
		w(0, 4);
		if (!offset) {
			entry(".", 1, 1);
			entry("..", 1, 2);
			entry("file", 2, 3);
			for (u32 i = 0; i < fake.many; i++) {
				char name[20];
				snprintf(name, sizeof(name), "many%02u", i);
				entry(name, 3 + i, 4 + i);
			}
		}
		count = (u32)(out - start - 4);
		memcpy(start, &count, 4);
		return 0;
	}
	case P9_TFSYNC:
		return 0;
	case P9_TMAP:
		fake.map_offset = offset;
		fake.map_bytes = r(p + 12, 8);
		fake.map_unit = (u32)r(p + 20, 4);
		fake.maps++;
		return fake.map_error ? fake.map_error : show();
	}
	return EOPNOTSUPP;
}

static void spoil(u8 *start)
{
	u32 size = (u32)(out - start);
	fake.did_wrong = true;
	switch (fake.wrong) {
	case FAKE_WRONG_TAG:
		start[5] ^= 0x2a;
		return;
	case FAKE_WRONG_TYPE:
		start[4] += 2;
		return;
	case FAKE_WRONG_SIZE_LARGE:
		size = 0x7fffffff;
		break;
	case FAKE_WRONG_SIZE_SMALL:
		size = 3;
		break;
	case FAKE_WRONG_COUNT: /* more than the message has, or a message too short for its type */
		if (start[4] == P9_TREAD + 1 || start[4] == P9_TREADDIR + 1)
			memset(start + 7, 0xff, 4);
		else
			size = 7 + 0x200000;
		break;
	case FAKE_WRONG_END:
		out = start + size / 2;
		ended = true;
		return;
	case FAKE_WRONG_QID:
		memset(start + 7, 0xff, size - 7);
		return;
	}
	memcpy(start, &size, 4);
}

static void fuzzed(u8 *start, u8 type)
{
	size_t n = fake.fuzz_left ? *fake.fuzz++ : 0;
	if (fake.fuzz_left)
		fake.fuzz_left--;
	n = MIN(n, fake.fuzz_left);
	u32 size = (u32)n + 7;
	if (n && (fake.fuzz[0] & 3) == 3) {
		memcpy(start, &size, 4);
		start[4] = type + 1;
	}
	out = start + 7;
	memcpy(out, fake.fuzz, n);
	out += n;
	fake.fuzz += n;
	fake.fuzz_left -= n;
	memcpy(start, &size, 4);
	start[4] = type + 1;
}

static void answer(const u8 *message)
{
	u8 *start = answers + answers_len;
	if (answers_len > sizeof(answers) - (2 << 20)) {
		memmove(answers, answers + answers_at, answers_len -= answers_at);
		answers_at = 0;
		start = answers + answers_len;
	}
	out = start + 7;
	memcpy(start + 5, message + 5, 2);
	int error = handle(message[4], message + 7);
	start[4] = error ? P9_RLERROR : message[4] + 1;
	if (error) {
		out = start + 7;
		w((u32)error, 4);
	}
	u32 size = (u32)(out - start);
	memcpy(start, &size, 4);
	if (fake.fuzz && message[4] != P9_TVERSION && message[4] != P9_TATTACH && fake.fuzz_left &&
	    (fake.fuzz++, fake.fuzz_left--, fake.fuzz[-1] & 1))
		fuzzed(start, message[4]);
	if (fake.wrong && fake.requests == fake.wrong_at)
		spoil(start);
	fake.requests++;
	answers_len = (size_t)(out - answers);
}

static long stream_write(struct file *file, struct uio *uio, u64 *pos)
{
	fake.packets++;
	size_t n = uio_copy_from(uio, request + request_len, MIN(uio->left, sizeof(request) - request_len));
	request_len += n;
	while (request_len >= 7 && r(request, 4) <= request_len) {
		u32 size = (u32)r(request, 4);
		if (!ended)
			answer(request);
		memmove(request, request + size, request_len -= size);
	}
	return (long)n;
}

static long stream_read(struct file *file, struct uio *uio, u64 *pos)
{
	size_t n = answers_len - answers_at;
	if (!n)
		return ended || (fake.wrong && fake.did_wrong) ? 0 : -EAGAIN;
	n = uio_copy_to(uio, answers + answers_at, n);
	answers_at += n;
	return (long)n;
}

static u32 stream_poll(struct file *file, struct poll_table *table)
{
	return EPOLLIN | EPOLLOUT;
}

static const struct file_ops stream_ops = {.read = stream_read, .write = stream_write, .poll = stream_poll};

long fake_mount(const char *where, const char *cache)
{
	char options[3200];
	struct file *file = file_alloc_anon(&stream_ops, NULL, O_RDWR, "stream");
	int fd = file ? fd_install(file, 0, false) : -1;
	snprintf(options, sizeof(options), "trans=fd,rfdno=%d,wfdno=%d,version=9p2000.L,msize=1048576,aname=0,cache=%s",
		 fd, fd, cache);
	long result = call(mount, "9p", where, "9p", 0, options);
	fd_close(fd);
	return result;
}
