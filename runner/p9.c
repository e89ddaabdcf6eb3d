/* SPDX-License-Identifier: Apache-2.0
 *
 * Codec of 9P2000.L. One table says which fields a request has; one loop reads them.
 */
#include "runner/p9.h"

#include <errno.h>
#include <string.h>

/* Fields: b, w, d, q numbers of 1, 2, 4, 8 bytes; s string; n count[2] and that many strings; D count[4] and bytes. */
static const struct {
	uint8_t type;
	const char *fields;
} formats[] = {
    {P9_TVERSION, "ds"},	 /* msize version */
    {P9_TAUTH, "dssd"},		 /* afid uname aname n_uname */
    {P9_TATTACH, "ddssd"},	 /* fid afid uname aname n_uname */
    {P9_TFLUSH, "w"},		 /* oldtag */
    {P9_TWALK, "ddn"},		 /* fid newfid names */
    {P9_TCLUNK, "d"},		 /* fid */
    {P9_TREMOVE, "d"},		 /* fid */
    {P9_TREAD, "dqd"},		 /* fid offset count */
    {P9_TWRITE, "dqD"},		 /* fid offset data */
    {P9_TSTATFS, "d"},		 /* fid */
    {P9_TLOPEN, "dd"},		 /* fid flags */
    {P9_TLCREATE, "dsddd"},	 /* fid name flags mode gid */
    {P9_TSYMLINK, "dssd"},	 /* dfid name target gid */
    {P9_TMKNOD, "dsdddd"},	 /* dfid name mode major minor gid */
    {P9_TRENAME, "dds"},	 /* fid dfid name */
    {P9_TREADLINK, "d"},	 /* fid */
    {P9_TGETATTR, "dq"},	 /* fid mask */
    {P9_TSETATTR, "dddddqqqqq"}, /* fid valid mode uid gid size atime_s atime_ns mtime_s mtime_ns */
    {P9_TXATTRWALK, "dds"},	 /* fid newfid name */
    {P9_TXATTRCREATE, "dsqd"},	 /* fid name size flags */
    {P9_TREADDIR, "dqd"},	 /* fid offset count */
    {P9_TFSYNC, "dd"},		 /* fid datasync */
    {P9_TLOCK, "dbdqqds"},	 /* fid type flags start length proc_id client_id */
    {P9_TGETLOCK, "dbqqds"},	 /* fid type start length proc_id client_id */
    {P9_TLINK, "dds"},		 /* dfid fid name */
    {P9_TMKDIR, "dsdd"},	 /* dfid name mode gid */
    {P9_TRENAMEAT, "dsds"},	 /* olddirfid oldname newdirfid newname */
    {P9_TMAP, "dqqd"},		 /* fid offset bytes unit */
    {P9_TLEND, "dd"},		 /* fid slot */
    {P9_TUNPACK, "dqdddd"},	 /* fid offset packed algorithm skip count */
    {P9_TUNLINKAT, "dsd"},	 /* dirfid name flags */
    {P9_TLOOK, "ddds"},		 /* dfid newfid bytes name */
};

static const char *fields_of(uint8_t type)
{
	for (size_t i = 0; i < sizeof(formats) / sizeof(formats[0]); i++)
		if (formats[i].type == type)
			return formats[i].fields;
	return NULL;
}

struct cursor {
	const uint8_t *at, *end;
	bool bad;
};

static uint64_t take_number(struct cursor *in, unsigned bytes)
{
	uint64_t value = 0;
	if ((size_t)(in->end - in->at) < bytes) {
		in->bad = true;
		in->at = in->end;
		return 0;
	}
	for (unsigned i = 0; i < bytes; i++)
		value |= (uint64_t)in->at[i] << (8 * i);
	in->at += bytes;
	return value;
}

static const uint8_t *take_bytes(struct cursor *in, uint64_t count)
{
	const uint8_t *bytes = in->at;
	if ((size_t)(in->end - in->at) < count) {
		in->bad = true;
		return in->at = in->end;
	}
	in->at += count;
	return bytes;
}

static struct p9_string take_string(struct cursor *in)
{
	struct p9_string string = {.length = (uint16_t)take_number(in, 2)};
	string.bytes = (const char *)take_bytes(in, string.length);
	if (in->bad)
		string.length = 0;
	return string;
}

static void take_names(struct cursor *in, struct p9_request *out)
{
	uint64_t count = take_number(in, 2);
	if (count > P9_WALK_MAX) {
		in->bad = true;
		return;
	}
	out->names = (uint16_t)count;
	for (uint64_t i = 0; i < count; i++)
		out->name[i] = take_string(in);
}

static void take_field(struct cursor *in, char kind, struct p9_request *out, unsigned *numbers, unsigned *strings)
{
	switch (kind) {
	case 's':
		out->string[(*strings)++] = take_string(in);
		break;
	case 'n':
		take_names(in, out);
		break;
	case 'D':
		out->data_bytes = (uint32_t)take_number(in, 4);
		out->data = take_bytes(in, out->data_bytes);
		break;
	default:
		out->number[(*numbers)++] = take_number(in, kind == 'b' ? 1 : kind == 'w' ? 2 : kind == 'd' ? 4 : 8);
		break;
	}
}

int p9_decode(const uint8_t *message, size_t size, struct p9_request *out)
{
	struct cursor in = {message, message + size, false};
	unsigned numbers = 0, strings = 0;
	*out = (struct p9_request){.tag = P9_NOTAG};
	uint64_t said = take_number(&in, 4);
	out->type = (uint8_t)take_number(&in, 1);
	out->tag = (uint16_t)take_number(&in, 2);
	if (in.bad || said != size)
		return -EPROTO;
	const char *fields = fields_of(out->type);
	if (!fields)
		return -EOPNOTSUPP;
	for (; *fields; fields++)
		take_field(&in, *fields, out, &numbers, &strings);
	return in.bad || in.at != in.end ? -EPROTO : 0;
}

int64_t p9_message_size(const uint8_t *bytes, size_t length)
{
	struct cursor in = {bytes, bytes + length, false};
	uint64_t size = take_number(&in, 4);
	if (in.bad)
		return 0;
	return size < P9_HEADER || size > P9_MSIZE_MAX ? -1 : (int64_t)size;
}

int p9_name(struct p9_string string, char *out)
{
	if (string.length > P9_NAME_MAX)
		return -ENAMETOOLONG;
	if (!string.length || memchr(string.bytes, '/', string.length) || memchr(string.bytes, 0, string.length))
		return -EINVAL;
	memcpy(out, string.bytes, string.length);
	out[string.length] = 0;
	return strcmp(out, ".") && strcmp(out, "..") ? 0 : -EINVAL;
}

/* ---- replies ---- */

static void put(struct p9_reply *reply, uint64_t value, unsigned bytes)
{
	if ((size_t)(reply->end - reply->at) < bytes) {
		reply->full = true;
		return;
	}
	for (unsigned i = 0; i < bytes; i++)
		*reply->at++ = (uint8_t)(value >> (8 * i));
}

void p9_begin(struct p9_reply *reply, uint8_t *buffer, size_t room, uint8_t type, uint16_t tag)
{
	*reply = (struct p9_reply){.start = buffer, .at = buffer + 4, .end = buffer + room};
	put(reply, type, 1);
	put(reply, tag, 2);
}

void p9_put8(struct p9_reply *reply, uint8_t value)
{
	put(reply, value, 1);
}

void p9_put16(struct p9_reply *reply, uint16_t value)
{
	put(reply, value, 2);
}

void p9_put32(struct p9_reply *reply, uint32_t value)
{
	put(reply, value, 4);
}

void p9_put64(struct p9_reply *reply, uint64_t value)
{
	put(reply, value, 8);
}

void p9_put_qid(struct p9_reply *reply, const struct p9_qid *qid)
{
	put(reply, qid->type, 1);
	put(reply, qid->version, 4);
	put(reply, qid->path, 8);
}

void p9_put_string(struct p9_reply *reply, const char *bytes, size_t length)
{
	if ((size_t)(reply->end - reply->at) < length + 2) {
		reply->full = true;
		return;
	}
	put(reply, length, 2);
	memcpy(reply->at, bytes, length);
	reply->at += length;
}

size_t p9_end(struct p9_reply *reply)
{
	size_t size = (size_t)(reply->at - reply->start);
	for (unsigned i = 0; i < 4; i++)
		reply->start[i] = (uint8_t)(size >> (8 * i));
	return size;
}
