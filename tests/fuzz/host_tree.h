/* SPDX-License-Identifier: Apache-2.0
 *
 * A directory of the host that a fuzz target works in, removed at its end.
 */
#ifndef TESTS_HOST_TREE_H
#define TESTS_HOST_TREE_H

#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* In memory where there is such a place: a disk's file system takes milliseconds to make the tree anew. */
static char top[] = "/dev/shm/fuzz-tree-XXXXXX";

/* The path of something in it; up to four are good at a time. */
static const char *in_top(const char *name)
{
	static char text[4][256];
	static unsigned turn;
	char *out = text[turn++ % 4];
	snprintf(out, sizeof(text[0]), "%s/%s", top, name);
	return out;
}

static void put_file(const char *name, const char *text)
{
	int fd = open(in_top(name), O_WRONLY | O_CREAT | O_TRUNC, 0644);
	if (fd < 0 || write(fd, text, strlen(text)) < 0)
		abort();
	close(fd);
}

/* The file is there with this text in it; else the target fails. Sets *st. */
static void check_file(const char *name, const char *want, struct stat *st)
{
	char text[64] = "";
	int fd = open(in_top(name), O_RDONLY | O_NOFOLLOW);
	if (fd < 0 || read(fd, text, sizeof(text) - 1) < 0 || strcmp(text, want) || fstat(fd, st))
		abort();
	close(fd);
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	return ftw->level ? remove(path) : 0;
}

/* Removes all that lies in a directory. */
static void empty_tree(const char *path)
{
	nftw(path, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

static void remove_top(void)
{
	empty_tree(top);
	rmdir(top);
}

/* Once, before the others. */
static void make_top(void)
{
	if (access("/dev/shm", W_OK))
		strcpy(top, "/tmp/fuzz-tree-XXXXXX");
	if (!mkdtemp(top))
		abort();
	atexit(remove_top);
	umask(0);
}

#endif
