/* SPDX-License-Identifier: Apache-2.0
 * A hostile sender of a copy-out, to a directory that is there and to a name that is not. What stands beside must not
 * change, and nothing of it be told; no more bytes are written than the bound says.
 *
 * Input: messages one after another, each as on the wire (its size corrected to what is
 * left).
 * sources: runner/copy_out.c runner/p9.c runner/error.c
 */
#include <stdbool.h>
#include <stdint.h>

#include "runner/copy_out.h"
#include "tests/fuzz/host_tree.h"

#define CANARY	  "CANARY-that-no-reply-may-hold"
#define BYTES_MAX 4096u

static struct copy_target targets[2];
static struct spec_copy copies[2];
static char hosts[2][256];
static time_t out_time; /* of the directory of the canary */

/* A directory with a link out of it, and place for a new name. */
static void fill_tree(void)
{
	empty_tree(in_top("here"));
	if (mkdir(in_top("here/d"), 0755) || symlink("../out", in_top("here/l")) || symlink(CANARY, in_top("here/s")))
		abort();
	put_file("here/f", "old");
	put_file("here/h", "old");
	empty_tree(in_top("new"));
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	struct error error;
	struct stat st;
	make_top();
	if (mkdir(in_top("out"), 0755) || mkdir(in_top("here"), 0755) || mkdir(in_top("new"), 0755))
		abort();
	put_file("out/canary", CANARY);
	if (stat(in_top("out"), &st))
		abort();
	out_time = st.st_mtime;
	fill_tree();
	strcpy(hosts[0], in_top("here"));
	strcpy(hosts[1], in_top("new/name"));
	for (unsigned i = 0; i < 2; i++) {
		copies[i] = (struct spec_copy){.out = true, .guest = "/x/from", .host = hosts[i]};
		if (copy_target_open(&targets[i], &copies[i], &error))
			abort();
	}
	return 0;
}

/* What a run may leave: blocks of its files, not of their holes. */
static int64_t total;
static int count_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	total += S_ISREG(st->st_mode) ? st->st_blocks * 512 : 0;
	if (S_ISREG(st->st_mode) && st->st_mode & 07000)
		abort();
	return 0;
}

static void check_tree(void)
{
	struct stat st;
	check_file("out/canary", CANARY, &st);
	if ((st.st_mode & 07777) != 0644 || st.st_nlink != 1 || stat(in_top("out"), &st) || st.st_nlink != 2 ||
	    st.st_mtime != out_time)
		abort();
	total = 0;
	nftw(top, count_one, 16, FTW_PHYS);
	/* A byte can take a page; the old files have one each. */
	if (total > (BYTES_MAX + 3) * 4096)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static uint8_t reply[P9_MSIZE_MIN];
	struct copy_session session;
	bool knows = memmem(data, size, CANARY, strlen(CANARY)); /* the sender may say what it likes */
	int answered = 0;
	copy_session_init(&session, BYTES_MAX);
	while (size >= P9_HEADER && answered >= 0 && !session.over) {
		size_t bytes = data[0] | (size_t)data[1] << 8;
		if (bytes < P9_HEADER || bytes > size)
			bytes = size;
		uint8_t *copy = malloc(bytes); /* its end is known to the sanitizer */
		memcpy(copy, data, bytes);
		answered = copy_handle(&session, targets, 2, copy, bytes, reply, sizeof(reply));
		free(copy);
		if (answered > (int)sizeof(reply))
			abort();
		data += bytes;
		size -= bytes;
	}
	bool told = memmem(session.error.text, sizeof(session.error.text), CANARY, strlen(CANARY)) ||
		    memmem(reply, sizeof(reply), CANARY, strlen(CANARY));
	copy_session_close(&session);
	if (told && !knows)
		abort();
	check_tree();
	fill_tree();
	return 0;
}
