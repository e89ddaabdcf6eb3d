/* SPDX-License-Identifier: Apache-2.0
 * A hostile 9P client: any sequence of messages on a read-only and a writable temporary tree. The canary beside them
 * must neither be read nor changed.
 *
 * Input: messages one after another, each as on the wire (its size corrected to what is left).
 * sources: runner/p9.c runner/p9_fid.c runner/p9_session.c runner/p9_ops.c runner/p9_tree.c runner/p9_attr.c runner/p9_names.c runner/p9_look.c
 * runner/p9_reach.c runner/path_tree.c
 */
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/fuzz/host_tree.h"
#include "tests/fuzz/p9_feed.h"

static struct p9_export export;

static void fill_tree(void)
{
	empty_tree(in_top("rw"));
	if (chmod(in_top("rw"), 0755) || mkdir(in_top("rw/d"), 0755) || symlink("../out", in_top("rw/l")) ||
	    symlink("/proc/self", in_top("rw/p")) || mkfifo(in_top("rw/f"), 0600))
		abort();
	put_file("rw/a", "writable");
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
	make_top();
	if (mkdir(in_top("ro"), 0755) || mkdir(in_top("rw"), 0755) || mkdir(in_top("out"), 0755))
		abort();
	put_file("ro/a", "read only");
	put_file("out/canary", CANARY);
	fill_tree();
	export =
	    (struct p9_export){.shares = 2, .map = check_map, .self_fd = open("/proc/self/fd", O_PATH | O_DIRECTORY)};
	if (p9_share_open(&export.share[0], in_top("ro"), false) || p9_share_open(&export.share[1], in_top("rw"), true))
		abort();
	return 0;
}

static void check_outside(void)
{
	struct stat st;
	check_file("out/canary", CANARY, &st);
	check_file("ro/a", "read only", &st);
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

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	/* One for all inputs, since its tables are large: each begins with Tversion, which drops all fids. */
	static struct p9_session session;
	if ((!session.fid && p9_session_init(&session, &export)) || !begin(&session))
		abort();
	bool changed = feed(&session, data, size);
	check_outside();
	if (changed)
		fill_tree();
	return 0;
}
