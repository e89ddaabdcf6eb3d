/* SPDX-License-Identifier: Apache-2.0
 *
 * The overlay file system over a tmpfs: what each operation shows and leaves below untouched; then long random
 * sequences of operations on an overlay and on a plain copy of the same tree, which must not differ.
 *
 * sources: tests/unit/fs_stub.c tests/unit/arch_stub.c guestkernel/mm/page.c guestkernel/mm/kmalloc.c guestkernel/mm/uio.c guestkernel/proc/wait.c guestkernel/lib.c guestkernel/fs/[a-z]*.c guestkernel/syscall/sys_open.c guestkernel/syscall/sys_rw.c guestkernel/syscall/sys_stat.c guestkernel/syscall/sys_dir.c guestkernel/syscall/sys_attr.c guestkernel/syscall/sys_fd.c guestkernel/syscall/sys_poll.c guestkernel/syscall/sys_splice.c guestkernel/syscall/sys_mount.c
 */
#include <dirent.h>
#include <fcntl.h>
#include <linux/falloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include "tests/unit/fs_test.h"

#define BIG 20000 /* bytes of a file of several pages */

static char fill_byte(u64 pos)
{
	return (char)('a' + pos % 23);
}

static void put_file(const char *name, const char *text)
{
	long fd = call(open, name, O_CREAT | O_TRUNC | O_WRONLY, 0644);
	is_true(fd >= 0);
	is((long)strlen(text), call(write, fd, text, strlen(text)));
	is(0, call(close, fd));
}

static void put_big(const char *name)
{
	static char data[BIG];
	for (u64 i = 0; i < BIG; i++)
		data[i] = fill_byte(i);
	long fd = call(open, name, O_CREAT | O_TRUNC | O_WRONLY, 0644);
	is(BIG, call(write, fd, data, BIG));
	is(0, call(close, fd));
}

/* The contents of a small file; static. */
static const char *text_of(const char *name)
{
	static char text[256];
	long fd = call(open, name, O_RDONLY);
	if (fd < 0)
		return "(cannot open)";
	long n = call(read, fd, text, sizeof(text) - 1);
	text[n > 0 ? n : 0] = 0;
	call(close, fd);
	return text;
}

static int by_text(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* The sorted names of a directory, with spaces; chunk: bytes a getdents64 call. */
static const char *names_of(const char *dir, size_t chunk)
{
	static char text[65536], buf[4096];
	char *name[1024];
	unsigned count = 0;
	long fd = call(open, dir, O_RDONLY | O_DIRECTORY), n;
	if (fd < 0)
		return "(cannot open)";
	while ((n = call(getdents64, fd, buf, chunk)) > 0)
		for (long at = 0; at < n;) {
			struct dirent64 *e = (struct dirent64 *)(buf + at);
			is_true(count < 1024);
			name[count++] = strdup(e->d_name);
			at += e->d_reclen;
		}
	is(0, n);
	call(close, fd);
	qsort(name, count, sizeof(*name), by_text);
	text[0] = 0;
	for (unsigned i = 0; i < count; i++) {
		if (strcmp(name[i], ".") && strcmp(name[i], ".."))
			strcat(strcat(text, text[0] ? " " : ""), name[i]);
		free(name[i]);
	}
	return text;
}

static const char layers[] = "lowerdir=low,upperdir=up,workdir=work";

static void mount_overlay(void)
{
	is(0, call(mkdir, "up", 0755));
	is(0, call(mkdir, "work", 0755));
	is(0, call(mkdir, "m", 0755));
	is(0, call(mount, "overlay", "m", "overlay", 0, layers));
}

static void make_lower(void)
{
	is(0, call(mkdir, "low", 0755));
	is(0, call(mkdir, "low/d", 0750));
	is(0, call(mkdir, "low/d/sub", 0755));
	put_file("low/f", "below");
	put_file("low/d/a", "a");
	put_file("low/d/sub/deep", "deep");
	put_big("low/big");
	is(0, call(link, "low/f", "low/hard"));
	is(0, call(symlink, "d/a", "low/link"));
}

static void start(void)
{
	make_lower();
	mount_overlay();
}

static void body_shows_what_is_below(void)
{
	struct stat st, low;
	char target[16];
	start();
	is_true(!strcmp(names_of("m", 4096), "big d f hard link"));
	is_true(!strcmp(text_of("m/f"), "below"));
	is_true(!strcmp(text_of("m/link"), "a"));
	is(3, call(readlink, "m/link", target, 16));
	is(0, call(stat, "m/d", &st));
	is(0, call(stat, "low/d", &low));
	is(low.st_mode, st.st_mode);
	is(low.st_ino, st.st_ino);
	is_true(low.st_dev != st.st_dev);
	is(-ENOENT, call(stat, "m/none", &st));
	is(-EINVAL, call(mount, "overlay", "m", "overlay", 0, "lowerdir=low"));
	is(-EINVAL, call(mount, "overlay", "m", "overlay", 0, "lowerdir=low,upperdir=up,workdir=work,foo=1"));
	is(-ENOENT, call(mount, "overlay", "m", "overlay", 0, "lowerdir=none,upperdir=up,workdir=work"));
	is(-EOPNOTSUPP, call(mount, "overlay", "m", "overlay", 0, "lowerdir=up,upperdir=low,workdir=work"));
}

static void body_writes_stay_above(void)
{
	struct stat before, after;
	char byte;
	start();
	is(0, call(stat, "m/big", &before));
	long reader = call(open, "m/big", O_RDONLY), fd = call(open, "m/big", O_RDWR);
	is(1, call(pwrite64, fd, "X", 1, 5000));
	is(1, call(pread64, reader, &byte, 1, 5000)); /* an open file sees it */
	is('X', byte);
	is(1, call(pread64, fd, &byte, 1, 4999));
	is(fill_byte(4999), byte);
	is(1, call(pread64, fd, &byte, 1, 15000));
	is(fill_byte(15000), byte);
	is(0, call(close, fd));
	is(0, call(close, reader));
	is(0, call(stat, "m/big", &after));
	is(before.st_ino, after.st_ino);
	is(BIG, after.st_size);
	fd = call(open, "low/big", O_RDONLY);
	is(1, call(pread64, fd, &byte, 1, 5000));
	is(fill_byte(5000), byte);
	is(0, call(close, fd));
	fd = call(open, "m/f", O_WRONLY | O_APPEND);
	is(5, call(write, fd, " more", 5));
	is(0, call(close, fd));
	is_true(!strcmp(text_of("m/f"), "below more"));
	is_true(!strcmp(text_of("m/hard"), "below more")); /* all names are one file */
	is_true(!strcmp(text_of("low/f"), "below"));
	is(0, call(chmod, "m/d/a", 0600));
	is(0, call(stat, "m/d/a", &after));
	is(0600, after.st_mode & 07777);
	is(0, call(stat, "low/d/a", &after));
	is(0644, after.st_mode & 07777);
	is(-EROFS, call(mount, "x", "m", NULL, MS_REMOUNT | MS_RDONLY, NULL) ?: call(unlink, "m/f"));
}

static void body_truncate_and_holes(void)
{
	struct stat st;
	char bytes[10];
	start();
	is(0, call(truncate, "m/big", 5000));
	is(0, call(truncate, "m/big", 9000));
	long fd = call(open, "m/big", O_RDWR);
	is(10, call(pread64, fd, bytes, 10, 4995));
	is(fill_byte(4999), bytes[4]);
	is(0, bytes[5]);
	is(10, call(pread64, fd, bytes, 10, 8500));
	is(0, bytes[0]);
	is(0, call(close, fd));
	put_big("low/other");
	fd = call(open, "m/other", O_RDWR);
	is_true(fd >= 0);
	is(0, call(fallocate, fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 3000, 10000));
	is(10, call(pread64, fd, bytes, 10, 2995));
	is(fill_byte(2999), bytes[4]);
	is(0, bytes[5]);
	is(10, call(pread64, fd, bytes, 10, 8000));
	is(0, bytes[0] | bytes[9]);
	is(10, call(pread64, fd, bytes, 10, 12995));
	is(0, bytes[4]);
	is(fill_byte(13000), bytes[5]);
	is(0, call(fallocate, fd, 0, 0, 30000));
	is(10, call(pread64, fd, bytes, 10, 19995));
	is(fill_byte(19999), bytes[4]);
	is(0, bytes[5]);
	is(0, call(fallocate, fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 16384, 100000));
	is(10, call(pread64, fd, bytes, 10, 17000));
	is(0, bytes[0]);
	is(7, call(lseek, fd, 7, SEEK_DATA));
	is(0, call(close, fd));
	fd = call(open, "m/f", O_RDWR | O_TRUNC);
	is(0, call(fstat, fd, &st));
	is(0, st.st_size);
	is(1, call(pwrite64, fd, "z", 1, 2));
	is(3, call(pread64, fd, bytes, 10, 0));
	is(0, bytes[0]); /* nothing of what is below comes back */
	is(0, call(close, fd));
}

static void body_names_hidden(void)
{
	struct stat st;
	start();
	long open_file = call(open, "m/f", O_RDONLY);
	is(0, call(unlink, "m/f"));
	is(-ENOENT, call(stat, "m/f", &st));
	is(-ENOENT, call(unlink, "m/f"));
	is(0, call(fstat, open_file, &st));
	is(1, st.st_nlink); /* "hard" */
	is(0, call(close, open_file));
	is_true(!strcmp(names_of("m", 4096), "big d hard link"));
	put_file("m/f", "new");
	is_true(!strcmp(text_of("m/f"), "new"));
	is_true(!strcmp(names_of("m", 4096), "big d f hard link"));
	is(0, call(unlink, "m/f"));
	is_true(!strcmp(names_of("m", 4096), "big d hard link"));
	is(-ENOTEMPTY, call(rmdir, "m/d"));
	is(0, call(unlink, "m/d/sub/deep"));
	is(0, call(rmdir, "m/d/sub"));
	is(0, call(unlink, "m/d/a"));
	is_true(!strcmp(names_of("m/d", 4096), ""));
	long dir = call(open, "m/d", O_RDONLY | O_DIRECTORY);
	is(0, call(rmdir, "m/d"));
	is(-ENOENT, call(openat, dir, "a", O_RDONLY)); /* nor in the directory that was removed */
	is(-ENOENT, call(openat, dir, "new", O_CREAT | O_WRONLY, 0644));
	is(0, call(close, dir));
	is(0, call(mkdir, "m/d", 0700)); /* nothing of the old one shows */
	is_true(!strcmp(names_of("m/d", 4096), ""));
	is(-ENOENT, call(stat, "m/d/a", &st));
	is_true(!strcmp(text_of("low/d/sub/deep"), "deep"));
}

static void body_renames(void)
{
	struct stat st, moved;
	start();
	is(0, call(stat, "m/d", &st));
	is(0, call(rename, "m/d", "m/e"));
	is(-ENOENT, call(stat, "m/d", &moved));
	is(0, call(stat, "m/e", &moved));
	is(st.st_ino, moved.st_ino);
	is_true(!strcmp(text_of("m/e/sub/deep"), "deep"));
	is_true(!strcmp(names_of("m/e", 4096), "a sub"));
	is(0, call(mkdir, "m/d", 0755));
	is_true(!strcmp(names_of("m/d", 4096), ""));
	is(0, call(rename, "m/e/sub", "m/d/sub"));
	is_true(!strcmp(text_of("m/d/sub/deep"), "deep"));
	is_true(!strcmp(names_of("m/e", 4096), "a"));
	is(-ENOTEMPTY, call(rename, "m/e", "m/d"));
	is(0, call(rename, "m/d/sub", "m/e/sub")); /* back where it was */
	is(0, call(rename, "m/e", "m/d"));
	is_true(!strcmp(names_of("m/d", 4096), "a sub"));
	is_true(!strcmp(names_of("m", 4096), "big d f hard link"));
	is(0, call(rename, "m/f", "m/hard")); /* one file: nothing happens */
	is_true(!strcmp(names_of("m", 4096), "big d f hard link"));
	is(0, call(rename, "m/f", "m/big"));
	is_true(!strcmp(text_of("m/big"), "below"));
	is(-ENOENT, call(stat, "m/f", &st));
	is(0, call(renameat2, AT_FDCWD, "m/d", AT_FDCWD, "m/link", 2)); /* RENAME_EXCHANGE */
	is_true(!strcmp(names_of("m/link", 4096), "a sub"));
	is(0, call(lstat, "m/d", &st));
	is(S_IFLNK, st.st_mode & S_IFMT);
	is(0, call(unlink, "m/d"));
	is(-ENOENT, call(lstat, "m/d", &st));
	is_true(!strcmp(text_of("low/f"), "below"));
	is(-EINVAL, call(rename, "m/link", "m/link/sub/x"));
}

/* A program that rewrites each file by a rename while it lists must see each name once. */
static void body_listing_while_changing(void)
{
	static char buf[512];
	char name[300];
	unsigned seen = 0;
	long n;
	make_lower();
	is(0, call(mkdir, "low/many", 0755));
	for (int i = 0; i < 100; i++) {
		snprintf(name, sizeof(name), "low/many/%02d", i);
		put_file(name, "x");
	}
	mount_overlay();
	long fd = call(open, "m/many", O_RDONLY | O_DIRECTORY);
	while ((n = call(getdents64, fd, buf, sizeof(buf))) > 0)
		for (long at = 0; at < n;) {
			struct dirent64 *e = (struct dirent64 *)(buf + at);
			at += e->d_reclen;
			if (e->d_name[0] == '.')
				continue;
			seen++;
			put_file("m/many/temporary", "y");
			snprintf(name, sizeof(name), "m/many/%s", e->d_name);
			is(0, call(rename, "m/many/temporary", name));
		}
	is(100, seen);
	is(0, call(lseek, fd, 0, SEEK_SET));
	for (seen = 0; (n = call(getdents64, fd, buf, sizeof(buf))) > 0;)
		for (long at = 0; at < n; seen++)
			at += ((struct dirent64 *)(buf + at))->d_reclen;
	is(102, seen);
	is(0, call(close, fd));
	/* Positions lead back to where they were given. */
	fd = call(open, "m/many", O_RDONLY | O_DIRECTORY);
	is_true(call(getdents64, fd, buf, sizeof(buf)) > 0);
	u64 position = (u64)((struct dirent64 *)buf)->d_off;
	char second[256];
	strcpy(second, ((struct dirent64 *)(buf + ((struct dirent64 *)buf)->d_reclen))->d_name);
	while (call(getdents64, fd, buf, sizeof(buf)) > 0)
		;
	is((long)position, call(lseek, fd, position, SEEK_SET));
	is_true(call(getdents64, fd, buf, sizeof(buf)) > 0);
	is_true(!strcmp(second, ((struct dirent64 *)buf)->d_name));
	is(0, call(close, fd));
}

static void body_limits(void)
{
	struct statfs before, after;
	start();
	is(0, call(statfs, "m", &before));
	is(0x794c7630, before.f_type);
	put_big("m/new");
	is(0, call(statfs, "m", &after));
	is(5, before.f_bfree - after.f_bfree);
	is(0, call(unlink, "m/new"));
	is(0, call(statfs, "m", &after));
	is(0, before.f_bfree - after.f_bfree);
	long fd = call(open, "m", O_TMPFILE | O_RDWR, 0600);
	is_true(fd >= 0);
	is(3, call(write, fd, "tmp", 3));
	is(0, call(linkat, fd, "", AT_FDCWD, "m/named", AT_EMPTY_PATH));
	is(0, call(close, fd));
	is_true(!strcmp(text_of("m/named"), "tmp"));
	is(0, call(umount2, "m", 0));
	is_true(!strcmp(names_of("m", 4096), ""));
}

static void body_single_file(void)
{
	start();
	put_file("point", "");
	is(0, call(umount2, "m", 0));
	is(0, call(mount, "overlay", "point", "overlay", 0, "lowerdir=low/f,upperdir=up,workdir=work"));
	is_true(!strcmp(text_of("point"), "below"));
	put_file("point", "above");
	is_true(!strcmp(text_of("point"), "above"));
	is_true(!strcmp(text_of("low/f"), "below"));
}

/* ---- the model ---- */

static u64 seed_state;

static unsigned pick(unsigned n)
{
	seed_state = seed_state * 6364136223846793005ull + 1442695040888963407ull;
	return (unsigned)(seed_state >> 33) % n;
}

/* A path of few names, so that operations meet. */
static void random_path(char *path, const char *top)
{
	unsigned depth = 1 + pick(3);
	strcpy(path, top);
	for (unsigned i = 0; i < depth; i++)
		sprintf(path + strlen(path), "/%c", 'a' + (int)pick(5));
}

static void make_random_tree(void)
{
	char path[64];
	for (int i = 0; i < 60; i++) {
		random_path(path, "low");
		switch (pick(4)) {
		case 0:
		case 1:
			call(mkdir, path, 0755);
			break;
		case 2:
			call(symlink, "a", path);
			break;
		default: {
			static char data[BIG];
			long fd = call(open, path, O_CREAT | O_EXCL | O_WRONLY, 0644), n = pick(BIG);
			memset(data, 'a' + (int)pick(26), sizeof(data));
			if (fd < 0)
				break;
			is(n, call(write, fd, data, n));
			call(close, fd);
		}
		}
	}
}

/* The same operation on either tree, from the same random numbers. */
static long operate(const char *top)
{
	static char data[BIG], buf[BIG];
	char path[64], other[64];
	unsigned what = pick(14);
	random_path(path, top);
	random_path(other, top);
	unsigned at = pick(BIG), n = pick(BIG / 2), byte = pick(26);
	switch (what) {
	case 0:
		return call(mkdir, path, 0755);
	case 1:
		return call(rmdir, path);
	case 2:
		return call(unlink, path);
	case 3:
	case 4:
		return call(rename, path, other);
	case 5:
		return call(renameat2, AT_FDCWD, path, AT_FDCWD, other, 2);
	case 6:
		return call(link, path, other);
	case 7:
		return call(symlink, "b/c", path);
	case 8:
		return call(truncate, path, at);
	case 9:
		return call(chmod, path, 0700 | byte);
	}
	long fd = call(open, path, what == 10 ? O_RDONLY : (what == 11 ? O_CREAT : 0) | O_RDWR | O_NOFOLLOW, 0644);
	if (fd < 0)
		return fd;
	long r;
	memset(data, 'A' + (int)byte, n);
	if (what == 10) {
		r = call(pread64, fd, buf, n, at);
		u64 sum = 0;
		for (long i = 0; i < r; i++)
			sum = sum * 31 + (u8)buf[i];
		r = r < 0 ? r : (long)(sum >> 1);
	} else if (what == 13) {
		r = call(fallocate, fd, pick(2) ? FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE : 0, at, n + 1);
	} else {
		r = call(pwrite64, fd, data, n, at);
	}
	call(close, fd);
	return r;
}

/* Everything that can be seen below a directory, as text; sorted. */
static void describe(const char *path, FILE *out, unsigned depth)
{
	static char data[4 * BIG];
	struct stat st;
	char child[128];
	is(0, call(lstat, path, &st));
	fprintf(out, "%s %o %lu ", path + strcspn(path, "/"), st.st_mode, S_ISDIR(st.st_mode) ? 0 : (long)st.st_nlink);
	if (S_ISREG(st.st_mode)) {
		long fd = call(open, path, O_RDONLY), n = call(read, fd, data, sizeof(data));
		u64 sum = 0;
		is(st.st_size, n);
		for (long i = 0; i < n; i++)
			sum = sum * 31 + (u8)data[i];
		call(close, fd);
		fprintf(out, "%ld %lx", (long)st.st_size, sum);
	}
	fprintf(out, "\n");
	if (!S_ISDIR(st.st_mode) || depth > 8)
		return;
	char *names = strdup(names_of(path, 64 + pick(400))), *save, *name = strtok_r(names, " ", &save);
	for (; name; name = strtok_r(NULL, " ", &save)) {
		snprintf(child, sizeof(child), "%s/%s", path, name);
		describe(child, out, depth + 1);
	}
	free(names);
}

static char *description(const char *top)
{
	char *text;
	size_t size;
	FILE *out = open_memstream(&text, &size);
	describe(top, out, 0);
	fclose(out);
	return text;
}

static void copy_tree(const char *from, const char *to)
{
	static char data[2 * BIG];
	struct stat st;
	char a[128], b[128];
	is(0, call(lstat, from, &st));
	if (S_ISLNK(st.st_mode)) {
		is(0, call(symlink, "a", to));
	} else if (S_ISREG(st.st_mode)) {
		long in = call(open, from, O_RDONLY), out = call(open, to, O_CREAT | O_WRONLY, 0644);
		long n = call(read, in, data, sizeof(data));
		is(n, call(write, out, data, n));
		call(close, in);
		call(close, out);
	} else {
		is(0, call(mkdir, to, 0755));
		char *names = strdup(names_of(from, 4096)), *save, *name = strtok_r(names, " ", &save);
		for (; name; name = strtok_r(NULL, " ", &save)) {
			snprintf(a, sizeof(a), "%s/%s", from, name);
			snprintf(b, sizeof(b), "%s/%s", to, name);
			copy_tree(a, b);
		}
		free(names);
	}
}

static void run_model(u64 seed)
{
	seed_state = seed * 7919 + 1;
	is(0, call(mkdir, "low", 0755));
	make_random_tree();
	copy_tree("low", "plain");
	mount_overlay();
	char *below = description("low");
	for (int i = 0; i < 1500; i++) {
		u64 before = seed_state;
		long wanted = operate("plain");
		seed_state = before;
		long got = operate("m");
		if (wanted != got)
			print_error("seed %lu, operation %d\n", seed, i);
		is(wanted, got);
		if (i % 100 == 99) {
			char *a = description("plain"), *b = description("m");
			if (strcmp(a, b))
				print_error("seed %lu, after %d:\n%s\n%s\n", seed, i, a, b);
			is_true(!strcmp(a, b));
			free(a);
			free(b);
		}
	}
	char *now = description("low");
	is_true(!strcmp(below, now));
	free(below);
	free(now);
	is(0, call(umount2, "m", 0));
}

static void random_sequences(void **unused)
{
	for (u64 seed = 1; seed <= 12; seed++) {
		fs_start(OURS);
		run_model(seed);
		fs_stop();
	}
}

OURS_ONLY(shows_what_is_below)
OURS_ONLY(writes_stay_above)
OURS_ONLY(truncate_and_holes)
OURS_ONLY(names_hidden)
OURS_ONLY(renames)
OURS_ONLY(listing_while_changing)
OURS_ONLY(limits)
OURS_ONLY(single_file)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST_OURS(shows_what_is_below),
	    TEST_OURS(writes_stay_above),
	    TEST_OURS(truncate_and_holes),
	    TEST_OURS(names_hidden),
	    TEST_OURS(renames),
	    TEST_OURS(listing_while_changing),
	    TEST_OURS(limits),
	    TEST_OURS(single_file),
	    cmocka_unit_test(random_sequences),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
