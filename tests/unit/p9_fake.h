/* SPDX-License-Identifier: Apache-2.0
 *
 * A 9P server inside a test: a root directory with one file, `file`, and others on demand, behind a stream file of the
 * kernel. It answers while the request is written, so that nothing ever sleeps.
 */
#ifndef TESTS_P9_FAKE_H
#define TESTS_P9_FAKE_H

#include "guestkernel/types.h"

enum { /* what is wrong with one answer */
       FAKE_RIGHT,
       FAKE_WRONG_TAG,
       FAKE_WRONG_TYPE,
       FAKE_WRONG_SIZE_LARGE,
       FAKE_WRONG_SIZE_SMALL,
       FAKE_WRONG_COUNT,
       FAKE_WRONG_END, /* the stream ends in the middle of it */
       FAKE_WRONG_QID, /* all ones: no protocol error by itself */
       FAKE_WRONG,
};

struct fake {
	u8 data[1 << 20];
	u64 size;
	u32 version;
	unsigned requests, packets, reads;
	int write_error;
	unsigned wrong, wrong_at; /* the answer to request wrong_at is wrong in this way */
	bool did_wrong;
	int map_error; /* of Tmap, which shows the file where the RAM ends */
	unsigned maps;
	unsigned many;	      /* files many00, many01 ... besides, with the same contents */
	bool absent;	      /* `file` is not there */
	unsigned looks, told; /* Tlooks, and those that were answered with contents */
	u64 map_offset, map_bytes;
	u32 map_unit;
	int lend_error; /* of Tlend; the test does what the runner would (stub_file_io_hook) */
	u32 lent_slot;
	unsigned lends, returns;
	/* Fuzzing: answers after the attach consist of these bytes. */
	const u8 *fuzz;
	size_t fuzz_left;
};
extern struct fake fake;
extern u64 vsock_news; /* counts what comes from outside by another way */

void fake_reset(void);
/* Mounts it; cache as in the mount option. */
long fake_mount(const char *where, const char *cache);

#endif
