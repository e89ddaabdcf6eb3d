/* SPDX-License-Identifier: Apache-2.0
 *
 * Owns Tunpack (docs/files.md): blocks of a file that the server decompresses.
 */
#include "guestkernel/fs/p9.h"
#include "guestkernel/lib.h"
#include "guestkernel/mm/page.h"

#define TOGETHER 32u /* requests under way for one caller */

static struct p9_req *send_one(struct p9_conn *conn, u32 fid, const struct unpack_request *u)
{
	struct p9_req *req = p9_new(conn, P9_TUNPACK, MAX(u->count + 4, P9_SMALL));
	if (!req)
		return NULL;
	p9_put32(req, fid);
	p9_put64(req, u->offset);
	p9_put32(req, u->packed);
	p9_put32(req, u->algorithm);
	p9_put32(req, u->skip);
	p9_put32(req, u->count);
	p9_submit(req);
	return req;
}

static int take_reply(struct p9_req *req, const struct unpack_request *u, void *arg, unsigned i,
		      void (*take)(void *arg, unsigned i, const u8 *data, u32 bytes))
{
	struct p9_reader reply = p9_reply(req);
	u32 bytes = (u32)p9_get(&reply, 4);
	if (reply.bad || bytes != reply.left || bytes > u->count)
		return -EIO;
	take(arg, i, reply.p, bytes);
	return 0;
}

int p9_unpack(struct inode *inode, const struct unpack_request *list, unsigned n, void *arg,
	      void (*take)(void *arg, unsigned i, const u8 *data, u32 bytes))
{
	struct p9_req *req[TOGETHER];
	u32 fid;
	int r = p9_reading_fid(inode, &fid);
	for (unsigned first = 0; !r && first < n; first += TOGETHER) {
		unsigned count = MIN(n - first, TOGETHER);
		for (unsigned i = 0; i < count; i++)
			req[i] = send_one(p9_conn(inode), fid, &list[first + i]);
		for (unsigned i = 0; i < count; i++) {
			if (!r)
				r = req[i] ? p9_wait(req[i]) : -ENOMEM;
			if (!r)
				r = take_reply(req[i], &list[first + i], arg, first + i, take);
			p9_done(req[i]);
		}
	}
	return r;
}
