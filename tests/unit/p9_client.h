/* SPDX-License-Identifier: Apache-2.0
 *
 * The least of a 9P client, for tests: puts requests together field by field and hands them to a session.
 */
#ifndef TESTS_P9_CLIENT_H
#define TESTS_P9_CLIENT_H

#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include "runner/p9_session.h"

struct p9_client {
	struct p9_session session;
	uint8_t request[P9_MSIZE_MAX], reply[P9_MSIZE_MAX];
	size_t at, size; /* of the request under construction; of the last reply */
};

static inline void client_put(struct p9_client *c, uint64_t value, unsigned bytes)
{
	for (unsigned i = 0; i < bytes; i++)
		c->request[c->at++] = (uint8_t)(value >> (8 * i));
}

static inline void client_put_string(struct p9_client *c, const char *text, size_t length)
{
	client_put(c, length, 2);
	memcpy(c->request + c->at, text, length);
	c->at += length;
}

/* A request of `type`; fields by kind: b w d q numbers (passed as uint64_t), s string. */
static inline void client_build(struct p9_client *c, uint8_t type, const char *fields, va_list args)
{
	c->at = 4;
	client_put(c, type, 1);
	client_put(c, 1, 2);
	for (; *fields; fields++) {
		if (*fields == 's') {
			const char *text = va_arg(args, const char *);
			client_put_string(c, text, strlen(text));
		} else {
			client_put(c, va_arg(args, uint64_t),
				   *fields == 'b'   ? 1
				   : *fields == 'w' ? 2
				   : *fields == 'd' ? 4
						    : 8);
		}
	}
}

static inline uint64_t client_number(const struct p9_client *c, size_t at, unsigned bytes)
{
	uint64_t value = 0;
	for (unsigned i = 0; i < bytes; i++)
		value |= (uint64_t)c->reply[at + i] << (8 * i);
	return value;
}

/* Hands the request over. 0, the negative errno of an Rlerror, or 1: the session ended. */
static inline int client_send(struct p9_client *c)
{
	size_t size = c->at;
	c->at = 0;
	client_put(c, size, 4);
	c->size = p9_session_handle(&c->session, c->request, size, c->reply, sizeof(c->reply));
	if (!c->size)
		return 1;
	return c->reply[4] == P9_RLERROR ? -(int)client_number(c, P9_HEADER, 4) : 0;
}

static inline int client_call(struct p9_client *c, uint8_t type, const char *fields, ...)
{
	va_list args;
	va_start(args, fields);
	client_build(c, type, fields, args);
	va_end(args);
	return client_send(c);
}

#define U(value) ((uint64_t)(value))

static inline int client_version(struct p9_client *c)
{
	return client_call(c, P9_TVERSION, "ds", U(P9_MSIZE_MAX), "9P2000.L");
}

static inline int client_attach(struct p9_client *c, uint32_t fid, const char *share)
{
	return client_call(c, P9_TATTACH, "ddssd", U(fid), U(P9_NOFID), "user", share, U(0));
}

/* Walks one name (NULL: none, a clone). */
static inline int client_walk(struct p9_client *c, uint32_t fid, uint32_t new_fid, const char *name)
{
	return name ? client_call(c, P9_TWALK, "ddws", U(fid), U(new_fid), U(1), name)
		    : client_call(c, P9_TWALK, "ddw", U(fid), U(new_fid), U(0));
}

static inline int client_clunk(struct p9_client *c, uint32_t fid)
{
	return client_call(c, P9_TCLUNK, "d", U(fid));
}

static inline int client_write(struct p9_client *c, uint32_t fid, uint64_t offset, const void *data, uint32_t bytes)
{
	c->at = 4;
	client_put(c, P9_TWRITE, 1);
	client_put(c, 1, 2);
	client_put(c, fid, 4);
	client_put(c, offset, 8);
	client_put(c, bytes, 4);
	memcpy(c->request + c->at, data, bytes);
	c->at += bytes;
	return client_send(c);
}

#endif
