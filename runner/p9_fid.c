/* SPDX-License-Identifier: Apache-2.0
 *
 * The bounded table of a session's fids, found by number.
 */
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "runner/p9_session.h"

static uint32_t *bucket_of(struct p9_session *session, uint32_t number)
{
	return &session->bucket[(number * 2654435761u) >> 18];
}
_Static_assert(P9_FID_BUCKETS == 1u << (32 - 18), "bucket_of");

/* Where the index of this fid stands, or the 0 at the end of its chain. */
static uint32_t *link_of(struct p9_session *session, uint32_t number)
{
	uint32_t *link = bucket_of(session, number);
	while (*link && session->fid[*link - 1].number != number)
		link = &session->fid[*link - 1].next;
	return link;
}

struct p9_fid *p9_fid_find(struct p9_session *session, uint32_t number)
{
	uint32_t index = *link_of(session, number);
	return index ? &session->fid[index - 1] : NULL;
}

static uint32_t take_free(struct p9_session *session)
{
	uint32_t index = session->free;
	if (index)
		session->free = session->fid[index - 1].next;
	else if (session->used < P9_FIDS_MAX)
		index = ++session->used;
	return index;
}

struct p9_fid *p9_fid_add(struct p9_session *session, uint32_t number, int fd, int *error)
{
	uint32_t *link = link_of(session, number);
	uint32_t index = *link || number == P9_NOFID ? 0 : take_free(session);
	if (!index) {
		*error = *link || number == P9_NOFID ? -EBADF : -ENFILE;
		close(fd);
		return NULL;
	}
	struct p9_fid *fid = &session->fid[index - 1];
	*fid = (struct p9_fid){.number = number, .fd = fd};
	*link = index;
	return fid;
}

void p9_fid_drop(struct p9_session *session, uint32_t number)
{
	uint32_t *link = link_of(session, number), index = *link;
	if (!index)
		return;
	struct p9_fid *fid = &session->fid[index - 1];
	close(fid->fd);
	*link = fid->next;
	fid->next = session->free;
	session->free = index;
}

void p9_fid_drop_all(struct p9_session *session)
{
	for (uint32_t i = 0; i < P9_FID_BUCKETS && session->used; i++)
		while (session->bucket[i])
			p9_fid_drop(session, session->fid[session->bucket[i] - 1].number);
	session->used = session->free = 0;
}

int p9_session_init(struct p9_session *session, const struct p9_export *export)
{
	*session = (struct p9_session){
	    .export = export,
	    .fid = calloc(P9_FIDS_MAX, sizeof(*session->fid)),
	    .bucket = calloc(P9_FID_BUCKETS, sizeof(*session->bucket)),
	};
	if (session->fid && session->bucket)
		return 0;
	free(session->fid);
	free(session->bucket);
	return -ENOMEM;
}

void p9_session_close(struct p9_session *session)
{
	if (session->fid)
		p9_fid_drop_all(session);
	free(session->fid);
	free(session->bucket);
	*session = (struct p9_session){0};
}
