/* SPDX-License-Identifier: Apache-2.0
 * A hostile 9P client: any sequence of messages on a read-only and a writable temporary tree. The canary beside them
 * must neither be read nor changed.
 *
 * Input: messages one after another, each as on the wire (its size corrected to what is left).
 * sources: runner/p9.c runner/p9_fid.c runner/p9_session.c runner/p9_ops.c runner/p9_tree.c runner/p9_attr.c runner/p9_names.c
 * runner/p9_reach.c runner/path_tree.c
 */
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "runner/p9_session.h"

#define CANARY "CANARY-that-no-reply-may-hold"

/* In memory where there is such a place: a disk's file system takes milliseconds to make the tree anew. */
static char top[] = "/dev/shm/fuzz-p9-XXXXXX";
static struct p9_export export;
static uint8_t reply[P9_MSIZE_MAX];

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

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	return ftw->level ? remove(path) : 0;
}

static void fill_tree(void)
{
	nftw(in_top("rw"), remove_one, 16, FTW_DEPTH | FTW_PHYS);
	if (chmod(in_top("rw"), 0755) || mkdir(in_top("rw/d"), 0755) || symlink("../out", in_top("rw/l")) ||
	    symlink("/proc/self", in_top("rw/p")) || mkfifo(in_top("rw/f"), 0600))
		abort();
	put_file("rw/a", "writable");
}

static void clean_up(void)
{
	nftw(top, remove_one, 16, FTW_DEPTH | FTW_PHYS);
	rmdir(top);
}

/* What would be handed to the runner must be the file of the read-only share. */
static int check_map(void *context, int fd, uint64_t offset, uint64_t bytes, uint32_t unit)
{
	struct stat here, there;
	if (fstat(fd, &here) || stat(in_top("ro/a"), &there) || here.st_ino != there.st_ino ||
	    (fcntl(fd, F_GETFL) & O_ACCMODE) != O_RDONLY)
		abort();
	return unit & 1 ? -EBUSY : 0;
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	if (access("/dev/shm", W_OK))
		strcpy(top, "/tmp/fuzz-p9-XXXXXX");
	if (!mkdtemp(top) || mkdir(in_top("ro"), 0755) || mkdir(in_top("rw"), 0755) || mkdir(in_top("out"), 0755))
		abort();
	put_file("ro/a", "read only");
	put_file("out/canary", CANARY);
	fill_tree();
	export =
	    (struct p9_export){.shares = 2, .map = check_map, .self_fd = open("/proc/self/fd", O_PATH | O_DIRECTORY)};
	if (p9_share_open(&export.share[0], in_top("ro"), false) || p9_share_open(&export.share[1], in_top("rw"), true))
		abort();
	atexit(clean_up);
	umask(0);
	return 0;
}

static void check_outside(void)
{
	char text[64] = "";
	int fd = open(in_top("out/canary"), O_RDONLY);
	if (fd < 0 || read(fd, text, sizeof(text) - 1) < 0 || strcmp(text, CANARY))
		abort();
	close(fd);
	fd = open(in_top("ro/a"), O_RDONLY);
	memset(text, 0, sizeof(text));
	if (fd < 0 || read(fd, text, sizeof(text) - 1) < 0 || strcmp(text, "read only"))
		abort();
	close(fd);
}

static size_t begin(struct p9_session *session)
{
	static const uint8_t version[] = "\x15\0\0\0\x64\xff\xff\0\0\x10\0\x08\0"
					 "9P2000.L";
	static const uint8_t attach[] = "\x18\0\0\0\x68\0\0\0\0\0\0\xff\xff\xff\xff\0\0\1\0"
					"0\0\0\0\0";
	uint8_t second[24];
	memcpy(second, attach, 24);
	second[7] = 1;
	second[19] = '1';
	return p9_session_handle(session, version, 21, reply, sizeof(reply)) &&
	       p9_session_handle(session, attach, 24, reply, sizeof(reply)) &&
	       p9_session_handle(session, second, 24, reply, sizeof(reply));
}

/* May this request, which succeeded, have changed the writable tree? */
static bool modifies(uint8_t type)
{
	return type == P9_TLOPEN || type == P9_TLCREATE || type == P9_TSYMLINK || type == P9_TMKNOD ||
	       type == P9_TSETATTR || type == P9_TLINK || type == P9_TMKDIR || type == P9_TRENAMEAT ||
	       type == P9_TUNLINKAT || type == P9_TWRITE;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	/* One for all inputs, since its tables are large: each begins with Tversion, which drops all fids. */
	static struct p9_session session;
	bool changed = false;
	if ((!session.fid && p9_session_init(&session, &export)) || !begin(&session))
		abort();
	while (size >= P9_HEADER) {
		size_t bytes = data[0] | (size_t)data[1] << 8;
		if (bytes < P9_HEADER || bytes > size)
			bytes = size;
		uint8_t *copy = malloc(bytes);
		memcpy(copy, data, bytes);
		uint32_t length = (uint32_t)bytes;
		memcpy(copy, &length, 4);
		size_t answered = p9_session_handle(&session, copy, bytes, reply, sizeof(reply));
		changed |= answered && modifies(copy[4]) && reply[4] == copy[4] + 1;
		free(copy);
		if (answered && (answered < P9_HEADER || memmem(reply, answered, CANARY, strlen(CANARY))))
			abort();
		data += bytes;
		size -= bytes;
	}
	check_outside();
	if (changed)
		fill_tree();
	return 0;
}
