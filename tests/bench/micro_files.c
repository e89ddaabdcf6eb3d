/* SPDX-License-Identifier: Apache-2.0
 *
 * Rows of micro on files of a tmpfs: the first of /tmp and /dev/shm that is one and can be written.
 */
#include "micro.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <unistd.h>

#define TMPFS_TYPE 0x01021994
#define ENTRIES	   10000
#define LARGE	   (1l << 20)

static char base[64]; /* our directory, once there is one; the process is in it */
static int data_fd = -1;
static char *buffer;
static int entries_made;
static pid_t owner;

static void remove_all(void)
{
	char name[32];
	if (getpid() != owner || chdir(base))
		return;
	for (int i = 0; i < entries_made; i++) {
		snprintf(name, sizeof(name), "many/entry-%d", i);
		unlink(name);
	}
	rmdir("many");
	unlink("data"), unlink("a"), unlink("b"), unlink("one/two/file");
	rmdir("one/two"), rmdir("one");
	rmdir(base);
}

static void enter_base(void)
{
	static const char *const places[] = {"/tmp", "/dev/shm"};
	if (base[0])
		return;
	for (int i = 0; i < 2; i++) {
		struct statfs fs;
		if (statfs(places[i], &fs) || fs.f_type != TMPFS_TYPE)
			continue;
		snprintf(base, sizeof(base), "%s/micro.XXXXXX", places[i]);
		if (mkdtemp(base))
			break;
		base[0] = 0;
	}
	must(base[0] && !chdir(base), "a writable tmpfs in /tmp or /dev/shm");
	owner = getpid();
	atexit(remove_all);
	must(!mkdir("one", 0755) && !mkdir("one/two", 0755), "mkdir");
	must(!close(open("one/two/file", O_CREAT | O_WRONLY, 0644)) && !close(open("a", O_CREAT | O_WRONLY, 0644)),
	     "create");
}

static void open_data(void)
{
	if (data_fd >= 0)
		return;
	enter_base();
	buffer = malloc(LARGE);
	must(buffer != NULL, "malloc");
	memset(buffer, 'x', LARGE);
	data_fd = open("data", O_CREAT | O_RDWR, 0644);
	must(data_fd >= 0 && write(data_fd, buffer, LARGE) == LARGE, "data");
}

static void reads(long n, long bytes)
{
	open_data();
	while (n-- > 0)
		must(pread(data_fd, buffer, (size_t)bytes, 0) == bytes, "pread");
}

static void writes(long n, long bytes)
{
	open_data();
	while (n-- > 0)
		must(pwrite(data_fd, buffer, (size_t)bytes, 0) == bytes, "pwrite");
}

static void read_1_row(long n)
{
	reads(n, 1);
}

static void read_4k_row(long n)
{
	reads(n, 4096);
}

static void read_1m_row(long n)
{
	reads(n, LARGE);
}

static void write_1_row(long n)
{
	writes(n, 1);
}

static void write_4k_row(long n)
{
	writes(n, 4096);
}

static void write_1m_row(long n)
{
	writes(n, LARGE);
}

static void open_row(long n)
{
	enter_base();
	while (n-- > 0) {
		int fd = open("one/two/file", O_RDONLY);
		must(fd >= 0, "open");
		close(fd);
	}
}

static void stat_row(long n)
{
	struct stat st;
	enter_base();
	while (n-- > 0)
		must(!stat("one/two/file", &st), "stat");
}

/* One operation: the whole directory of 10,000 entries, open to close. */
static void getdents_row(long n)
{
	static char entries[32768]; /* what readdir(3) of glibc asks for */
	enter_base();
	if (!entries_made) {
		must(!mkdir("many", 0755), "mkdir");
		for (; entries_made < ENTRIES; entries_made++) {
			char name[32];
			snprintf(name, sizeof(name), "many/entry-%d", entries_made);
			must(!mknod(name, S_IFREG | 0644, 0), "mknod");
		}
	}
	while (n-- > 0) {
		int fd = open("many", O_RDONLY | O_DIRECTORY);
		long got;
		must(fd >= 0, "many");
		while ((got = syscall(SYS_getdents64, fd, entries, sizeof(entries))) > 0)
			;
		must(!got, "getdents64");
		close(fd);
	}
}

static void rename_row(long n)
{
	enter_base();
	if (access("a", F_OK))
		must(!rename("b", "a"), "rename");
	for (long i = 0; i < n; i++)
		must(!(i & 1 ? rename("b", "a") : rename("a", "b")), "rename");
}

const struct row file_rows[] = {
    {"read_1", read_1_row},
    {"read_4k", read_4k_row},
    {"read_1m", read_1m_row},
    {"write_1", write_1_row},
    {"write_4k", write_4k_row},
    {"write_1m", write_1m_row},
    {"open", open_row},
    {"stat", stat_row},
    {"getdents", getdents_row},
    {"rename", rename_row},
    {NULL, NULL},
};
