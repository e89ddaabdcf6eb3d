/* SPDX-License-Identifier: Apache-2.0
 *
 * 9P2000.L messages: requests taken apart and replies put together, within bounds. Pure: knows nothing of files, fids
 * or sockets. Sources: diod's protocol.md; Linux, include/net/9p/9p.h; docs/files.md says which subset.
 */
#ifndef RUNNER_P9_H
#define RUNNER_P9_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define P9_MSIZE_MAX   (1u << 20) /* bytes of one message */
#define P9_MSIZE_MIN   4096u
#define P9_HEADER      7u   /* size[4] type[1] tag[2] */
#define P9_READ_EXTRA  11u  /* header and count of Rread and Rreaddir */
#define P9_ENTRY_MAX   288u /* an entry of Rreaddir, or of getdents64(2) */
#define P9_LOOK_EXTRA  161u /* header, attributes and `told` of Rlook */
#define P9_NAME_MAX    255u
#define P9_PATH_MAX    4096u /* target of a symbolic link with its NUL */
#define P9_WALK_MAX    16u
#define P9_NUMBERS_MAX 10u
#define P9_NOTAG       0xffffu
#define P9_NOFID       0xffffffffu

/* Requests; the reply's type is one more. */
enum p9_type {
	P9_RLERROR = 7,
	P9_TSTATFS = 8,
	P9_TLOPEN = 12,
	P9_TLCREATE = 14,
	P9_TSYMLINK = 16,
	P9_TMKNOD = 18,
	P9_TRENAME = 20,
	P9_TREADLINK = 22,
	P9_TGETATTR = 24,
	P9_TSETATTR = 26,
	P9_TXATTRWALK = 30,
	P9_TXATTRCREATE = 32,
	P9_TREADDIR = 40,
	P9_TFSYNC = 50,
	P9_TLOCK = 52,
	P9_TGETLOCK = 54,
	P9_TLINK = 70,
	P9_TMKDIR = 72,
	P9_TRENAMEAT = 74,
	P9_TUNLINKAT = 76,
	P9_TVERSION = 100,
	P9_TAUTH = 102,
	P9_TATTACH = 104,
	P9_TFLUSH = 108,
	P9_TWALK = 110,
	P9_TREAD = 116,
	P9_TWRITE = 118,
	P9_TCLUNK = 120,
	P9_TREMOVE = 122,
	P9_TMAP = 180, /* ours, docs/files.md, and so are these */
	P9_TLEND = 182,
	P9_TUNPACK = 184,
	P9_TLOOK = 186,
};

/* qid.type */
enum { P9_QTFILE = 0x00, P9_QTSYMLINK = 0x02, P9_QTDIR = 0x80 };

/* Tsetattr valid bits */
enum {
	P9_SETATTR_MODE = 1,
	P9_SETATTR_UID = 2,
	P9_SETATTR_GID = 4,
	P9_SETATTR_SIZE = 8,
	P9_SETATTR_ATIME = 16,
	P9_SETATTR_MTIME = 32,
	P9_SETATTR_ATIME_SET = 128,
	P9_SETATTR_MTIME_SET = 256,
};
#define P9_GETATTR_BASIC 0x7ffull

/* Bytes of the message, without a NUL. */
struct p9_string {
	const char *bytes;
	uint16_t length;
};

/* A request: its fields in the order of the message, by kind. p9.c's table says which a type has. */
struct p9_request {
	uint8_t type;
	uint16_t tag;
	uint64_t number[P9_NUMBERS_MAX]; /* all fields that are numbers; number[0] is mostly the fid */
	struct p9_string string[2];
	struct p9_string name[P9_WALK_MAX]; /* Twalk */
	uint16_t names;
	const uint8_t *data; /* Twrite */
	uint32_t data_bytes;
};

struct p9_qid {
	uint8_t type;
	uint32_t version;
	uint64_t path;
};

/* Decodes one message of `size` bytes, whose first four say so. The strings of *out point into it. Returns 0, -EPROTO
 * (malformed: nothing of *out but type and tag, where there are any, is of use), or -EOPNOTSUPP (unknown type). */
int p9_decode(const uint8_t *message, size_t size, struct p9_request *out);

/* The size that the first bytes of a message give, or 0 while there are too few; -1 when it is no possible message. */
int64_t p9_message_size(const uint8_t *bytes, size_t length);

/* Copies a name of one path component with a NUL to out[P9_NAME_MAX + 1]. Returns 0 or -EINVAL, -ENAMETOOLONG. */
int p9_name(struct p9_string string, char *out);

/* A reply under construction: bytes beyond `end` are dropped and `full` is set. */
struct p9_reply {
	uint8_t *start, *at, *end;
	bool full;
};

/* Begins the reply of type `type` to `tag` in buffer[0..room), room >= P9_MSIZE_MIN. */
void p9_begin(struct p9_reply *reply, uint8_t *buffer, size_t room, uint8_t type, uint16_t tag);
void p9_put8(struct p9_reply *reply, uint8_t value);
void p9_put16(struct p9_reply *reply, uint16_t value);
void p9_put32(struct p9_reply *reply, uint32_t value);
void p9_put64(struct p9_reply *reply, uint64_t value);
void p9_put_qid(struct p9_reply *reply, const struct p9_qid *qid);
/* length <= 65535 */
void p9_put_string(struct p9_reply *reply, const char *bytes, size_t length);
/* Writes the size into the header and returns it. The reply must not be full. */
size_t p9_end(struct p9_reply *reply);

#endif
