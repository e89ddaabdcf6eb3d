/* SPDX-License-Identifier: Apache-2.0
 *
 * The 9P client against a small server in the test, which also answers wrongly: the session then ends with EIO, and
 * nothing else happens.
 *
 * sources: tests/unit/p9_fake.c tests/unit/fs_stub.c tests/unit/arch_stub.c guestkernel/mm/page.c guestkernel/mm/kmalloc.c guestkernel/mm/uio.c guestkernel/proc/wait.c guestkernel/lib.c guestkernel/fs/[a-z]*.c guestkernel/syscall/sys_open.c guestkernel/syscall/sys_rw.c guestkernel/syscall/sys_stat.c guestkernel/syscall/sys_dir.c guestkernel/syscall/sys_attr.c guestkernel/syscall/sys_fd.c guestkernel/syscall/sys_poll.c guestkernel/syscall/sys_splice.c guestkernel/syscall/sys_mount.c
 */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include "tests/unit/fs_test.h"
#include "abi/boot.h"
#include "guestkernel/fs/p9.h"
#include "guestkernel/mm/page.h"
#include "tests/unit/arch_stub.h"
#include "tests/unit/p9_fake.h"

static long mount_share(const char *cache)
{
	is(0, call(mkdir, "m", 0755));
	return fake_mount("m", cache);
}

static void body_files(void)
{
	char buf[64];
	struct stat st;
	is(0, mount_share("mmap"));
	long fd = call(open, "m/file", O_RDONLY);
	is_true(fd >= 0);
	is(5, call(read, fd, buf, sizeof(buf)));
	is(0, memcmp(buf, "hello", 5));
	is(0, call(read, fd, buf, sizeof(buf)));
	is(0, call(fstat, fd, &st));
	is(5, st.st_size);
	is(0100644, st.st_mode);
	is(0, call(close, fd));
	is(-ENOENT, call(open, "m/none", O_RDONLY));
	is(-ENOTDIR, call(open, "m/file/x", O_RDONLY));
	fd = call(open, "m/file", O_RDWR);
	is(4, call(write, fd, "HELL", 4));
	is(0, call(close, fd));
	is(0, memcmp(fake.data, "HELLo", 5));
	fd = call(open, "m/file", O_RDONLY);
	is(5, call(read, fd, buf, sizeof(buf)));
	is(0, memcmp(buf, "HELLo", 5));
	call(close, fd);
	is(0, call(umount2, "m", MNT_DETACH));
}

static void host_writes(const char *text)
{
	fake.size = strlen(text);
	memcpy(fake.data, text, fake.size);
	fake.version++;
}

static void assert_reads(const char *text, const char *name)
{
	char buf[64];
	long fd = call(open, name, O_RDONLY);
	is_true(fd >= 0);
	is((long)strlen(text), call(read, fd, buf, sizeof(buf)));
	is(0, memcmp(buf, text, strlen(text)));
	call(close, fd);
}

/* An answer holds while no program can know of what has happened since, and not for long. */
static void body_changes_of_the_host_are_seen(void)
{
	is(0, mount_share("mmap"));
	assert_reads("hello", "m/file");
	host_writes("told by another connection");
	vsock_news++;
	assert_reads("told by another connection", "m/file");
	host_writes("told by nobody");
	stub_now_ns += P9_NAME_TTL_NS;
	assert_reads("told by nobody", "m/file");
	assert_reads("told by nobody", "m/file");
	unsigned asked = fake.requests;
	assert_reads("told by nobody", "m/file");
	is(asked, fake.requests);
	is(0, call(umount2, "m", MNT_DETACH));
}

static void body_news_of_one_file_are_a_reason_to_ask_for_the_others(void)
{
	fake.many = 2;
	is(0, mount_share("mmap"));
	assert_reads("hello", "m/file");
	host_writes("changed");
	assert_reads("changed", "m/many00"); /* not known before */
	assert_reads("changed", "m/file");
	host_writes("again");
	is(-ENOENT, call(open, "m/none", O_RDONLY));
	assert_reads("again", "m/many00");
	assert_reads("again", "m/file");
	/* What is confirmed is no news. */
	stub_now_ns += P9_NAME_TTL_NS;
	assert_reads("again", "m/file");
	unsigned looks = fake.looks;
	assert_reads("again", "m/many00");
	is(looks, fake.looks);
	is(0, call(umount2, "m", MNT_DETACH));
}

static void body_absence_is_asked_for_like_presence(void)
{
	fake.absent = true;
	is(0, mount_share("mmap"));
	is(-ENOENT, call(open, "m/file", O_RDONLY));
	unsigned looks = fake.looks;
	is(-ENOENT, call(open, "m/file", O_RDONLY));
	is(looks, fake.looks);
	fake.absent = false;
	vsock_news++;
	assert_reads("hello", "m/file");
	fake.absent = true;
	stub_now_ns += P9_NAME_TTL_NS;
	is(-ENOENT, call(open, "m/file", O_RDONLY));
	is(0, call(umount2, "m", MNT_DETACH));
}

/* The first names in their order are kept, whatever order they come in. */
static void names_are_kept_in_order(void **state)
{
	enum { NAMES = 200, KEPT = 17 };
	char text[NAMES][8];
	struct p9_name kept[KEPT];
	u32 n = 0;
	assert_int_equal(p9_name_insert(kept, 0, 0, (struct p9_name){(const u8 *)"a", 1, 0}), 0);
	for (u32 i = 0; i < NAMES; i++) {
		u32 number = i * 77 % NAMES;
		struct p9_name name = {(const u8 *)text[i], (u32)snprintf(text[i], sizeof(text[i]), "n%03u", number),
				       0};
		n = p9_name_insert(kept, n, KEPT, name);
		assert_int_equal(n, MIN(i + 1, KEPT));
		for (u32 k = 1; k < n; k++)
			assert_true(p9_name_order(&kept[k - 1], &kept[k]) < 0);
	}
	for (u32 k = 0; k < KEPT; k++)
		assert_int_equal(atoi((const char *)kept[k].text + 1), k);
	struct p9_name shorter = {(const u8 *)"n0", 2, 0};
	assert_true(p9_name_order(&shorter, &kept[0]) < 0);
	assert_int_equal(p9_name_order(&kept[0], &kept[0]), 0);
}

/* Whether it exists the server says when a file is made or removed: one packet each. */
static void body_names_are_made_and_removed_unasked(void)
{
	fake.absent = true;
	is(0, mount_share("mmap"));
	unsigned packets = fake.packets;
	long fd = call(open, "m/file", O_WRONLY | O_CREAT | O_EXCL, 0666);
	is_true(fd >= 0);
	is(packets + 1, fake.packets);
	is(0, call(close, fd));
	is(-EEXIST, call(open, "m/file", O_WRONLY | O_CREAT | O_EXCL, 0666));
	stub_now_ns += P9_NAME_TTL_NS;
	packets = fake.packets;
	is(0, call(unlink, "m/file"));
	is(packets + 1, fake.packets);
	is(-ENOENT, call(unlink, "m/file"));
	/* What the host made meanwhile: told by the attempt, and opened if it may be there. */
	host_writes("of the host");
	fake.absent = false;
	is(-EEXIST, call(open, "m/file", O_WRONLY | O_CREAT | O_EXCL, 0666));
	is(-EEXIST, call(mkdir, "m/file", 0777));
	assert_reads("of the host", "m/file");
	fake.absent = true;
	is(0, call(umount2, "m", MNT_DETACH));
	is(0, fake_mount("m", "mmap"));
	is(-ENOENT, call(open, "m/file", O_RDONLY));
	fake.absent = false;
	packets = fake.packets;
	fd = call(open, "m/file", O_RDWR | O_CREAT, 0666);
	is_true(fd >= 0);
	is(packets + 2, fake.packets); /* the attempt brings the file that is there; the other opens it */
	is(0, call(close, fd));
	assert_reads("of the host", "m/file");
	/* What the host has removed meanwhile. */
	fake.absent = true;
	is(-ENOENT, call(unlink, "m/file"));
	is(-ENOENT, call(open, "m/file", O_RDONLY));
	is(0, call(umount2, "m", MNT_DETACH));
}

/* Names of a listing are asked for together, and files that are read one after the other come together too. */
static void body_what_is_wanted_next_comes_along(void)
{
	static const char *const cache[] = {"loose", "mmap"};
	char name[24], buf[4096];
	for (unsigned i = 0; i < 2; i++) {
		fake.many = 60;
		is(0, i ? fake_mount("m", cache[i]) : mount_share(cache[i]));
		long fd = call(open, "m", O_RDONLY | O_DIRECTORY);
		while (call(getdents64, fd, buf, sizeof(buf)) > 0)
			;
		call(close, fd);
		unsigned packets = fake.packets, reads = fake.reads;
		for (unsigned n = 0; n < fake.many; n++) {
			snprintf(name, sizeof(name), "m/many%02u", n);
			assert_reads("hello", name);
		}
		is_true(fake.packets - packets < 20);
		is_true(fake.reads - reads < 10);
		is(0, call(umount2, "m", MNT_DETACH));
	}
}

static void body_a_cached_share_asks_once(void)
{
	struct stat st;
	is(0, mount_share("loose"));
	is(0, call(stat, "m/file", &st));
	is(-ENOENT, call(stat, "m/none", &st));
	unsigned asked = fake.requests;
	is(0, call(stat, "m/file", &st));
	is(-ENOENT, call(stat, "m/none", &st));
	is(asked, fake.requests);
	is(0, call(umount2, "m", MNT_DETACH));
}

static void body_errors_of_writes_are_told(void)
{
	is(0, mount_share("mmap"));
	long fd = call(open, "m/file", O_RDWR);
	fake.write_error = ENOSPC;
	call(write, fd, "x", 1);
	is(-ENOSPC, call(fsync, fd));
	fake.write_error = 0;
	is(1, call(write, fd, "y", 1));
	is(0, call(fsync, fd));
	call(close, fd);
	is(0, call(umount2, "m", MNT_DETACH));
}

static void body_large_file(void)
{
	static char out[300000], in[300000];
	is(0, mount_share("mmap"));
	for (unsigned i = 0; i < sizeof(out); i++)
		out[i] = (char)(i * 7 + i / 4096);
	long fd = call(open, "m/file", O_RDWR | O_TRUNC);
	is(sizeof(out), call(write, fd, out, sizeof(out)));
	is(0, call(close, fd));
	is(0, memcmp(fake.data, out, sizeof(out)));
	fake.version++; /* what is cached does not count any more */
	fd = call(open, "m/file", O_RDONLY);
	is(1000, call(pread64, fd, in, 1000, 150001));
	is(0, memcmp(in, out + 150001, 1000));
	is(sizeof(in), call(read, fd, in, sizeof(in)));
	is(0, memcmp(in, out, sizeof(in)));
	call(close, fd);
	is(0, call(truncate, "m/file", 10));
	is(10, fake.size);
	is(0, call(umount2, "m", MNT_DETACH));
}

/* Each way of answering wrongly, at each message: an error, and the next call gets one too. */
static void body_wrong_answers(void)
{
	char buf[64];
	for (unsigned wrong = 1; wrong < FAKE_WRONG; wrong++) {
		for (unsigned at = 0; at < 12; at++) {
			struct stat st;
			fake_reset();
			fake.wrong = wrong;
			fake.wrong_at = at;
			is(0, call(mkdir, "m", 0755));
			long r = fake_mount("m", at % 2 ? "loose" : "mmap");
			if (!r) {
				long fd = call(open, "m/file", O_RDWR);
				if (fd >= 0) {
					call(read, fd, buf, sizeof(buf));
					call(write, fd, buf, 3);
					call(close, fd);
				}
				fd = call(open, "m", O_RDONLY | O_DIRECTORY);
				if (fd >= 0) {
					call(getdents64, fd, buf, sizeof(buf));
					call(close, fd);
				}
				if (fake.did_wrong && wrong != FAKE_WRONG_QID)
					is(-EIO, call(stat, "m/none", &st));
				is(0, call(umount2, "m", MNT_DETACH));
			}
			is(0, call(rmdir, "m"));
		}
	}
}

OURS_ONLY(files)
OURS_ONLY(changes_of_the_host_are_seen)
OURS_ONLY(news_of_one_file_are_a_reason_to_ask_for_the_others)
OURS_ONLY(absence_is_asked_for_like_presence)
OURS_ONLY(names_are_made_and_removed_unasked)
OURS_ONLY(what_is_wanted_next_comes_along)
OURS_ONLY(a_cached_share_asks_once)
OURS_ONLY(errors_of_writes_are_told)
OURS_ONLY(large_file)
OURS_ONLY(wrong_answers)

static int reset(void **state)
{
	fake_reset();
	stub_file_io_hook = NULL;
	return 0;
}

/* ---- mapped files: the window has 8 units, the file 16 ---- */

#define FILE_PAGES 256u

static struct inode *open_large(long *fd)
{
	for (u32 i = 0; i < FILE_PAGES; i++)
		memset(fake.data + i * PAGE_SIZE, (int)(i + 1), PAGE_SIZE);
	fake.size = FILE_PAGES * PAGE_SIZE - 100;
	is(0, mount_share("loose"));
	*fd = call(open, "m/file", O_RDONLY);
	is_true(*fd >= 0);
	struct file *file = fd_get((int)*fd);
	struct inode *inode = file->inode;
	file_put(file);
	return inode;
}

static void close_large(long fd)
{
	call(close, fd);
	is(0, call(umount2, "m", MNT_DETACH));
}

/* The page as a fault gets it; its first byte, or the error. */
static int fault(struct inode *inode, u64 index)
{
	struct page *page;
	int r = p9_get_page(inode, index, true, &page);
	if (r)
		return r;
	r = *(u8 *)page_virt(page);
	page_put(page);
	return r;
}

static void body_a_large_file_is_mapped(void)
{
	char head[832];
	long fd;
	struct inode *inode = open_large(&fd);
	is(832, call(read, fd, head, sizeof(head)));
	is(1, head[831]);
	is(1, fake.maps);
	is(0, fake.map_offset);
	is(8 * WINDOW_UNIT, fake.map_bytes); /* the window has no more */
	unsigned asked = fake.requests;
	struct page_stats before, after;
	page_stats(&before);
	for (u64 i = 0; i < 128; i++)
		is((int)(u8)(i + 1), fault(inode, i));
	page_stats(&after);
	is(asked, fake.requests);
	is(before.free, after.free);
	struct page *page;
	is(0, p9_get_page(inode, 5, false, &page));
	is_true(page_in_window(page));
	is_true(!page_exclusive(page));
	page_put(page);
	is(-EIO, fault(inode, FILE_PAGES));
	close_large(fd);
}

static void body_what_nobody_uses_gives_way(void)
{
	long fd;
	struct inode *inode = open_large(&fd);
	struct page *held;
	is(1, fault(inode, 0));
	is(201, fault(inode, 200)); /* evicts the first extent */
	is(2, fake.maps);
	is_true(200 * PAGE_SIZE >= fake.map_offset && 200 * PAGE_SIZE < fake.map_offset + fake.map_bytes);
	is((int)(u8)FILE_PAGES, fault(inode, FILE_PAGES - 1));
	/* Pages that somebody has stay, so there is no room: the rest is read. */
	is(0, p9_get_page(inode, 200, true, &held));
	unsigned maps = fake.maps;
	is(4, fault(inode, 3));
	is(201, *(u8 *)page_virt(held));
	struct page *page;
	is(0, p9_get_page(inode, 3, false, &page));
	is_true(maps == fake.maps ? !page_in_window(page) : page != held);
	page_put(page);
	page_put(held);
	close_large(fd);
}

static void body_what_the_host_cuts_off_is_gone(void)
{
	struct shared_window *shown = phys_to_virt(BOOT_WINDOW_GPA);
	char buf[PAGE_SIZE];
	long fd;
	struct inode *inode = open_large(&fd);
	is(20, fault(inode, 19));
	shown->pages[fake.map_unit + 1] = 3;
	p9_window_lost();
	is(19, fault(inode, 18));
	is(-EIO, fault(inode, 19));
	is(-EIO, fault(inode, 31));
	is(33, fault(inode, 32)); /* as the server says nothing of the other units */
	fake.size = 19 * PAGE_SIZE;
	is(PAGE_SIZE, call(pread64, fd, buf, sizeof(buf), 18 * PAGE_SIZE));
	is(-EIO, call(pread64, fd, buf, sizeof(buf), 20 * PAGE_SIZE));
	close_large(fd);
}

/* The same file through an overlay: its mappings are the overlay's, its copies are made of what is below. */
static void body_what_is_cut_off_is_gone_in_an_overlay_too(void)
{
	struct shared_window *shown = phys_to_virt(BOOT_WINDOW_GPA);
	struct page *page;
	long fd;
	open_large(&fd);
	is(0, call(mkdir, "upper", 0755));
	is(0, call(mkdir, "over", 0755));
	is(0, call(mount, "overlay", "over", "overlay", 0, "lowerdir=m,upperdir=upper,workdir=upper"));
	long over = call(open, "over/file", O_RDWR);
	struct file *file = fd_get((int)over);
	struct inode *inode = file->inode;
	file_put(file);
	is(0, inode->ops->get_page(inode, 19, true, &page));
	is(20, *(u8 *)page_virt(page));
	page_put(page);
	shown->pages[fake.map_unit + 1] = 3;
	fs_unmapped = NULL;
	p9_window_lost();
	is_true(fs_unmapped == inode);
	is_true(fs_unmapped_first <= 19 && fs_unmapped_end > 19);
	is(-EIO, inode->ops->get_page(inode, 19, true, &page));
	/* A part of a page: the rest would be what is gone. */
	is(-EIO, call(pwrite64, over, "x", 1, 20 * PAGE_SIZE));
	is(1, call(pwrite64, over, "x", 1, 18 * PAGE_SIZE));
	call(close, over);
	is(0, call(umount2, "over", MNT_DETACH));
	close_large(fd);
}

static void body_what_cannot_be_mapped_is_read(void)
{
	char head[832];
	long fd;
	fake.map_error = EOPNOTSUPP;
	struct inode *inode = open_large(&fd);
	is(832, call(read, fd, head, sizeof(head)));
	is(1, head[0]);
	for (u64 i = 0; i < FILE_PAGES; i++)
		is((int)(u8)(i + 1), fault(inode, i));
	is(1, fake.maps); /* it is asked once */
	close_large(fd);
	fake.maps = 0;
	is(0, fake_mount("m", "mmap")); /* a share that others write to */
	fd = call(open, "m/file", O_RDONLY);
	is(832, call(read, fd, head, sizeof(head)));
	is(0, fake.maps);
	close_large(fd);
}

/* ---- lent files: what the runner does, on the server's data ---- */

static struct file_io last_io;
static unsigned ios;
static int io_error;
static u32 io_most;

static void do_io(struct file_io *io)
{
	u32 in = io->first, left = MIN(io->bytes, io_most);
	u64 at = io->offset;
	last_io = *io;
	ios++;
	io->result = io_error ? -io_error : 0;
	if (io_error)
		return;
	if (!io->write)
		left = at < fake.size ? (u32)MIN((u64)left, fake.size - at) : 0;
	io->result = left;
	for (u32 i = 0; left; i++, in = 0) {
		u32 n = MIN(left, (u32)PAGE_SIZE - in);
		u8 *ram = stub_memory + (u64)io->frame[i] * PAGE_SIZE + in;
		if (io->write)
			memcpy(fake.data + at, ram, n);
		else
			memcpy(ram, fake.data + at, n);
		at += n;
		left -= n;
	}
	fake.version += io->write;
	if (io->write)
		fake.size = MAX(fake.size, at);
}

/* Program memory that has frames; 1 MiB, and a page before and after it. */
static u8 *io_buffer(struct page **page)
{
	*page = page_alloc(ORDER_HUGE, ALLOC_ZERO);
	is_true(*page);
	stub_file_io_hook = do_io;
	fake.lend_error = 0;
	io_error = 0;
	io_most = ~0u;
	ios = 0;
	return page_virt(*page);
}

static void body_a_large_read_goes_into_the_programs_pages(void)
{
	struct page *page;
	u8 *buf = io_buffer(&page);
	long fd;
	fake.size = sizeof(fake.data);
	struct inode *inode = open_large(&fd);
	fake.size = sizeof(fake.data);
	p9_node(inode)->inode->size = fake.size;
	unsigned reads = fake.requests;
	is(300000, call(pread64, fd, buf + 100, 300000, 5000));
	is(0, memcmp(buf + 100, fake.data + 5000, 300000));
	is(1, fake.lends);
	is(1, ios);
	is(100, last_io.first);
	is(5000, last_io.offset);
	is(fake.lent_slot, last_io.slot);
	is(reads + 3, fake.requests); /* Twalk, Tlopen, Tlend */
	is(0, p9_node(inode)->pages.count);
	/* What the cache has is taken from there, what it has not from the file. */
	is(5000, call(pread64, fd, buf, 5000, 200 * PAGE_SIZE));
	u64 cached = p9_node(inode)->pages.count;
	is_true(cached > 0);
	memset(fake.data + 200 * PAGE_SIZE, 0xee, PAGE_SIZE); /* the cache does not know */
	is(sizeof(fake.data), call(pread64, fd, buf, sizeof(fake.data) + 5, 0));
	is((u8)201, buf[200 * PAGE_SIZE]);
	is(0, memcmp(buf, fake.data, 200 * PAGE_SIZE));
	is(cached, p9_node(inode)->pages.count);
	is(1, fake.lends);
	/* Small reads, and memory without frames, go the other way. */
	ios = 0;
	static char plain[100000];
	is(sizeof(plain), call(pread64, fd, plain, sizeof(plain), 0));
	is(0, memcmp(plain, fake.data, sizeof(plain)));
	is(0, ios);
	close_large(fd);
	page_put(page);
}

static void body_small_reads_in_sequence_are_filled_by_the_runner(void)
{
	struct page *page;
	u8 *buf = io_buffer(&page);
	long fd, n;
	u64 at = 0;
	struct inode *inode = open_large(&fd);
	p9_node(inode)->inode->size = fake.size = sizeof(fake.data);
	unsigned before = fake.requests;
	while ((n = call(read, fd, buf, 10000)) > 0) {
		is(0, memcmp(buf, fake.data + at, (size_t)n));
		at += (u64)n;
	}
	is(0, n);
	is(sizeof(fake.data), at);
	is_true(ios > 0);
	is(1, fake.lends);
	is_true(fake.requests - before <= 4); /* Twalk, Tlopen, a first Tread, Tlend */
	is(FILE_PAGES, p9_node(inode)->pages.count);
	ios = 0;
	before = fake.requests;
	is(10000, call(pread64, fd, buf, 10000, 700000)); /* the cache has it */
	is(0, memcmp(buf, fake.data + 700000, 10000));
	is(before, fake.requests);
	is(0, ios);
	close_large(fd);
	page_put(page);
}

static void body_what_the_runner_refuses_is_read(void)
{
	struct page *page;
	u8 *buf = io_buffer(&page);
	long fd;
	struct inode *inode = open_large(&fd);
	p9_node(inode)->inode->size = fake.size = sizeof(fake.data);
	io_error = EBADF; /* the slot is empty */
	is(200000, call(pread64, fd, buf, 200000, 0));
	is(0, memcmp(buf, fake.data, 200000));
	is(1, ios);
	is(200000, call(pread64, fd, buf, 200000, 300000));
	is(1, ios); /* it is not asked again */
	close_large(fd);
	page_put(page);
}

static void body_what_the_server_does_not_lend_is_read(void)
{
	struct page *page;
	u8 *buf = io_buffer(&page);
	long fd;
	struct inode *inode;
	fake.lend_error = EBUSY;
	inode = open_large(&fd);
	p9_node(inode)->inode->size = fake.size = sizeof(fake.data);
	is(200000, call(pread64, fd, buf, 200000, 0));
	is(0, memcmp(buf, fake.data, 200000));
	is(200000, call(pread64, fd, buf, 200000, 400000));
	is(1, fake.lends);
	close_large(fd);
	page_put(page);
}

static void body_errors_and_ends_of_lent_files(void)
{
	struct page *page;
	u8 *buf = io_buffer(&page);
	long fd;
	struct inode *inode = open_large(&fd);
	p9_node(inode)->inode->size = fake.size = sizeof(fake.data);
	io_error = EIO;
	is(-EIO, call(pread64, fd, buf, 200000, 0));
	/* A file that has become shorter: as far as it goes. */
	io_error = 0;
	fake.size = 150000;
	long n = call(pread64, fd, buf, 200000, 0);
	is(150000, n < 150000 ? n : 150000);
	close_large(fd);
	page_put(page);
}

static void body_a_large_write_leaves_the_programs_pages(void)
{
	struct page *page;
	u8 *buf = io_buffer(&page);
	for (u32 i = 0; i < 600000; i++)
		buf[i] = (u8)(i * 7 + i / 999);
	is(0, mount_share("mmap"));
	long fd = call(open, "m/file", O_RDWR);
	is(5, call(pread64, fd, buf + 700000, 10, 0)); /* page 0 is cached */
	is(600000, call(pwrite64, fd, buf, 600000, 1));
	is_true(ios > 0);
	is(1, last_io.write);
	is(600001, fake.size);
	is(0, memcmp(fake.data + 1, buf, 600000));
	struct stat st;
	is(0, call(fstat, fd, &st));
	is(600001, st.st_size);
	is(100, call(pread64, fd, buf + 700000, 100, 0)); /* the cache agrees */
	is(0, memcmp(buf + 700000, fake.data, 100));
	is(100, call(pread64, fd, buf + 700000, 100, 599901));
	is(0, memcmp(buf + 700000, fake.data + 599901, 100));
	/* Small writes before are at the server first; what is written in pieces is noticed. */
	ios = 0;
	for (u32 i = 0; i < 10; i++)
		is(70000, call(pwrite64, fd, buf + i, 70000, 100 + 70000 * i));
	for (u32 i = 0; i < 10; i++)
		is(0, memcmp(fake.data + 100 + 70000 * i, buf + i, 70000));
	/* Failures are the write's own. */
	io_error = ENOSPC;
	is(-ENOSPC, call(pwrite64, fd, buf, 300000, 720000));
	io_error = 0;
	io_most = 100000;
	is(300000, call(pwrite64, fd, buf, 300000, 720000)); /* in pieces */
	is(0, memcmp(fake.data + 720000, buf, 300000));
	is(0, call(close, fd));
	stub_now_ns += P9_NAME_TTL_NS;
	is(0, call(stat, "m/file", &st)); /* what is asked next takes it along */
	is(1, fake.returns);
	is(0, call(umount2, "m", MNT_DETACH));
	page_put(page);
}

OURS_ONLY(a_large_read_goes_into_the_programs_pages)
OURS_ONLY(small_reads_in_sequence_are_filled_by_the_runner)
OURS_ONLY(what_the_runner_refuses_is_read)
OURS_ONLY(what_the_server_does_not_lend_is_read)
OURS_ONLY(errors_and_ends_of_lent_files)
OURS_ONLY(a_large_write_leaves_the_programs_pages)
OURS_ONLY(a_large_file_is_mapped)
OURS_ONLY(what_nobody_uses_gives_way)
OURS_ONLY(what_the_host_cuts_off_is_gone)
OURS_ONLY(what_is_cut_off_is_gone_in_an_overlay_too)
OURS_ONLY(what_cannot_be_mapped_is_read)

int main(void)
{
	stub_window_bytes = 8 * WINDOW_UNIT;
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup(ours_files, reset),
	    cmocka_unit_test_setup(ours_changes_of_the_host_are_seen, reset),
	    cmocka_unit_test_setup(ours_news_of_one_file_are_a_reason_to_ask_for_the_others, reset),
	    cmocka_unit_test_setup(ours_absence_is_asked_for_like_presence, reset),
	    cmocka_unit_test(names_are_kept_in_order),
	    cmocka_unit_test_setup(ours_names_are_made_and_removed_unasked, reset),
	    cmocka_unit_test_setup(ours_what_is_wanted_next_comes_along, reset),
	    cmocka_unit_test_setup(ours_a_cached_share_asks_once, reset),
	    cmocka_unit_test_setup(ours_errors_of_writes_are_told, reset),
	    cmocka_unit_test_setup(ours_large_file, reset),
	    cmocka_unit_test_setup(ours_wrong_answers, reset),
	    cmocka_unit_test_setup(ours_a_large_read_goes_into_the_programs_pages, reset),
	    cmocka_unit_test_setup(ours_small_reads_in_sequence_are_filled_by_the_runner, reset),
	    cmocka_unit_test_setup(ours_what_the_runner_refuses_is_read, reset),
	    cmocka_unit_test_setup(ours_what_the_server_does_not_lend_is_read, reset),
	    cmocka_unit_test_setup(ours_errors_and_ends_of_lent_files, reset),
	    cmocka_unit_test_setup(ours_a_large_write_leaves_the_programs_pages, reset),
	    cmocka_unit_test_setup(ours_a_large_file_is_mapped, reset),
	    cmocka_unit_test_setup(ours_what_nobody_uses_gives_way, reset),
	    cmocka_unit_test_setup(ours_what_the_host_cuts_off_is_gone, reset),
	    cmocka_unit_test_setup(ours_what_is_cut_off_is_gone_in_an_overlay_too, reset),
	    cmocka_unit_test_setup(ours_what_cannot_be_mapped_is_read, reset),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
