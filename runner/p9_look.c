/* SPDX-License-Identifier: Apache-2.0
 *
 * Tlook: a name's file, its attributes and, if they are few, its bytes in one message. Each of these is what Twalk,
 * Tgetattr, Tlopen, Tread and Treadlink would have said, with the same rights.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "runner/p9_ops.h"

/* The whole contents of a small file, behind `to`. False: they are not told. */
static bool put_contents(struct p9_session *session, const struct p9_fid *fid, const struct stat *st, uint64_t limit,
			 uint8_t *to)
{
	size_t size = (size_t)st->st_size, done = 0;
	if ((uint64_t)st->st_size > limit || fid->alien || !(fid->reach.rights & REACH_READ))
		return false;
	/* Nobody has asked to read it: the record tells of those who do. */
	if (session->export->record)
		return false;
	int fd = p9_reopen(session, fid->fd, O_RDONLY);
	if (fd < 0)
		return false;
	while (done < size) {
		ssize_t n = pread(fd, to + done, size - done, (off_t)done);
		if (n <= 0)
			break;
		done += (size_t)n;
	}
	close(fd);
	return done == size;
}

/* The target of a symbolic link; its bytes, or -1. */
static ssize_t put_target(const struct p9_fid *fid, uint64_t limit, uint8_t *to)
{
	char target[P9_PATH_MAX];
	ssize_t n = fid->alien ? -1 : readlinkat(fid->fd, "", target, sizeof(target));
	if (n < 0 || (uint64_t)n > limit || n == sizeof(target))
		return -1;
	memcpy(to, target, (size_t)n);
	return n;
}

static void put_file(struct p9_session *session, const struct p9_fid *fid, const struct stat *st, uint64_t limit,
		     struct p9_reply *reply)
{
	ssize_t bytes = -1;
	p9_put_attributes(session, fid, st, reply);
	uint8_t *to = reply->at + 1;
	if (limit && S_ISLNK(st->st_mode))
		bytes = put_target(fid, limit, to);
	else if (limit && S_ISREG(st->st_mode) && put_contents(session, fid, st, limit, to))
		bytes = st->st_size;
	p9_put8(reply, bytes >= 0);
	reply->at += bytes > 0 ? bytes : 0;
}

int p9_look(struct p9_session *session, struct p9_fid *fid, const struct p9_request *request, struct p9_reply *reply)
{
	uint32_t number = (uint32_t)request->number[1];
	uint64_t limit = request->number[2];
	struct p9_fid found;
	struct stat st;
	if (number != P9_NOFID && p9_fid_find(session, number))
		return -EBADF;
	if (limit > session->msize - P9_LOOK_EXTRA)
		limit = session->msize - P9_LOOK_EXTRA;
	int error = p9_walk_step(session, fid, request->string[0], &found, &st);
	if (error)
		return error;
	put_file(session, &found, &st, limit, reply);
	if (number == P9_NOFID) {
		close(found.fd);
		return 0;
	}
	struct p9_fid *new = p9_fid_add(session, number, found.fd, &error);
	if (!new)
		return error;
	new->share = found.share;
	new->kind = found.kind;
	new->dev = found.dev;
	new->alien = found.alien;
	new->reach = found.reach;
	return 0;
}
