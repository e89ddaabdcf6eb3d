/* SPDX-License-Identifier: Apache-2.0
 * A hostile 9P client on a writable tree of which a list allows a part: what is not listed must neither be read nor
 * changed, nor become reachable by another name.
 *
 * Input: messages one after another, each as on the wire (its size corrected to what is left).
 * sources: runner/p9.c runner/p9_fid.c runner/p9_session.c runner/p9_ops.c runner/p9_tree.c runner/p9_attr.c runner/p9_names.c runner/p9_look.c
 * runner/p9_reach.c runner/path_tree.c
 */
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
static struct path_tree *list;

static void allow(const char *name, uint32_t flags)
{
	list->node[path_tree_add_path(list, in_top(name))].flags |= flags;
}

/* Listed: a to read; w to write; d/n to be made; m, a directory, by itself; t with all beneath it. Not listed: the
 * canaries. */
static void fill_tree(void)
{
	empty_tree(top);
	if (mkdir(in_top("d"), 0755) || mkdir(in_top("m"), 0755) || mkdir(in_top("t"), 0755) ||
	    mkdir(in_top("t/u"), 0755))
		abort();
	put_file("a", "read only");
	put_file("w", "");
	put_file("b", CANARY);
	put_file("d/b", CANARY);
	put_file("m/b", CANARY);
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	make_top();
	list = path_tree_new();
	if (!list)
		abort();
	fill_tree();
	allow("a", REACH_READ);
	allow("w", REACH_READ | REACH_WRITE);
	allow("d/n", REACH_READ | REACH_WRITE);
	allow("m", REACH_READ | REACH_WRITE);
	allow("t", REACH_ALL);
	export = (struct p9_export){.shares = 1, .self_fd = open("/proc/self/fd", O_PATH | O_DIRECTORY), .list = list};
	if (p9_share_open(&export.share[0], top, true))
		abort();
	export.share[0].reach = p9_reach_at(&export, top);
	return 0;
}

/* Nothing about it may have changed. */
static void check_kept(const char *name, const char *want)
{
	struct stat st;
	check_file(name, want, &st);
	if ((st.st_mode & 07777) != 0644 || st.st_nlink != 1)
		abort();
}

static size_t begin(struct p9_session *session)
{
	static const uint8_t version[] = "\x15\0\0\0\x64\xff\xff\0\0\x10\0\x08\0"
					 "9P2000.L";
	static const uint8_t attach[] = "\x18\0\0\0\x68\0\0\0\0\0\0\xff\xff\xff\xff\0\0\1\0"
					"0\0\0\0\0";
	return p9_session_handle(session, version, 21, reply, sizeof(reply)) &&
	       p9_session_handle(session, attach, 24, reply, sizeof(reply));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct p9_session session;
	if ((!session.fid && p9_session_init(&session, &export)) || !begin(&session))
		abort();
	if (feed(&session, data, size)) {
		check_kept("a", "read only");
		check_kept("b", CANARY);
		check_kept("d/b", CANARY);
		/* An empty name may be removed, but m is not empty. */
		check_kept("m/b", CANARY);
		p9_fid_drop_all(&session);
		fill_tree();
	}
	return 0;
}
