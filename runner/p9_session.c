/* SPDX-License-Identifier: Apache-2.0
 *
 * From a message to its reply: version, sizes, errors. The operations are in p9_ops.c.
 */
#include "runner/p9_session.h"

#include <errno.h>
#include <string.h>

static const char version_text[] = "9P2000.L";

static size_t answer_version(struct p9_session *session, const struct p9_request *request, struct p9_reply *reply)
{
	uint64_t msize = request->number[0];
	const struct p9_string *wanted = &request->string[0];
	bool known = wanted->length == sizeof(version_text) - 1 && !memcmp(wanted->bytes, version_text, wanted->length);
	if (msize < P9_MSIZE_MIN)
		return 0;
	p9_fid_drop_all(session);
	session->msize = msize < P9_MSIZE_MAX ? (uint32_t)msize : P9_MSIZE_MAX;
	p9_put32(reply, session->msize);
	if (known)
		p9_put_string(reply, version_text, sizeof(version_text) - 1);
	else
		p9_put_string(reply, "unknown", 7);
	if (!known)
		session->msize = 0;
	return p9_end(reply);
}

static size_t answer_error(const struct p9_request *request, uint8_t *buffer, size_t room, int error)
{
	struct p9_reply reply;
	p9_begin(&reply, buffer, room, P9_RLERROR, request->tag);
	p9_put32(&reply, (uint32_t)-error);
	return p9_end(&reply);
}

size_t p9_session_handle(struct p9_session *session, const uint8_t *message, size_t size, uint8_t *reply, size_t room)
{
	struct p9_request request;
	struct p9_reply out;
	int error = p9_decode(message, size, &request);
	if (error == -EPROTO || (session->msize && size > session->msize))
		return 0;
	p9_begin(&out, reply, room, (uint8_t)(request.type + 1), request.tag);
	if (!error && request.type == P9_TVERSION)
		return answer_version(session, &request, &out);
	if (!session->msize)
		return 0;
	out.end = reply + session->msize;
	if (!error)
		error = p9_operate(session, &request, &out);
	if (!error && out.full)
		error = -EMSGSIZE;
	return error ? answer_error(&request, reply, room, error) : p9_end(&out);
}
