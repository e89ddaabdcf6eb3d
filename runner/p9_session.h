/* SPDX-License-Identifier: Apache-2.0
 *
 * One 9P session: the fids of a client, and the operations on shared trees that its requests ask for. Knows nothing of
 * sockets and processes. The client is hostile: a request can reach what lies in the shares and nothing else.
 *
 * A fid holds an O_PATH descriptor (a real one once it is opened), so it keeps meaning the same file whatever the host
 * renames, and one step of a walk takes one name below it without following a link.
 */
#ifndef RUNNER_P9_SESSION_H
#define RUNNER_P9_SESSION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "runner/p9.h"
#include "runner/p9_reach.h"

#define P9_FIDS_MAX    65536u /* of one session */
#define P9_FID_BUCKETS 16384u
#define P9_SHARES_MAX  16u

struct p9_share {
	int root; /* O_PATH: a directory or regular file */
	bool writable;
	bool nameless; /* memory of the server, not a file of the host */
	bool image;    /* a file system image: its blocks may be unpacked */
	dev_t dev;     /* of the root */
	uint64_t ino;
	struct p9_reach reach; /* of the root */
};

/* What a server exports; the same for all of its sessions. */
struct p9_export {
	struct p9_share share[P9_SHARES_MAX];
	unsigned shares;
	/* Hands an open file over to be mapped at a unit of the window; -errno. NULL: there is no window. */
	int (*map)(void *context, int fd, uint64_t offset, uint64_t bytes, uint32_t unit);
	/* Hands an open file over for reads and writes of the guest's memory; fd -1: what was handed over for this slot
	 * is wanted no more. -errno. NULL: not possible. */
	int (*lend)(void *context, int fd, uint32_t slot);
	void *map_context; /* of both */
	/* Decompresses a block of an image (unpack.h). NULL: there are none. */
	int64_t (*unpack)(uint32_t algorithm, const uint8_t *packed, size_t bytes, uint8_t *plain, size_t wanted,
			  size_t room);
	int self_fd;		   /* O_PATH of /proc/self/fd: by way of it an O_PATH descriptor is opened */
	uid_t host_uid, guest_uid; /* the server's own, and what it is called in the guest */
	gid_t host_gid, guest_gid;
	const struct path_tree *list; /* what can be reached of the shares (REACH_*); NULL: all */
	struct path_tree *record;     /* what was (NOTED_*); NULL: it is not noted */
};

struct p9_fid {
	uint32_t number;
	uint32_t next; /* in its bucket or in the list of free ones: index + 1 */
	int fd;
	uint8_t share;
	bool open;
	bool alien;    /* root of a kernel file system of the host: has attributes and nothing else */
	uint32_t kind; /* S_IFMT bits */
	struct p9_reach reach;
	dev_t dev;
};

struct p9_session {
	const struct p9_export *export;
	uint32_t msize; /* 0: before Tversion */
	struct p9_fid *fid;
	uint32_t *bucket; /* index + 1 */
	uint32_t used;	  /* entries of `fid` ever in use */
	uint32_t free;	  /* index + 1 */
};

/* Allocates the tables (touched as they fill). Returns 0 or -ENOMEM. */
int p9_session_init(struct p9_session *session, const struct p9_export *export);

/* Answers one message of `size` bytes: writes the reply into reply[0..room), room >= P9_MSIZE_MAX, and returns its
 * size; 0: the message is malformed and the session is to end. */
size_t p9_session_handle(struct p9_session *session, const uint8_t *message, size_t size, uint8_t *reply, size_t room);

/* Closes all fids and frees the tables. */
void p9_session_close(struct p9_session *session);

/* Opens the root of a share and looks at it. Returns 0 or -errno: -EINVAL: neither directory nor regular file; -EACCES:
 * on a kernel file system (proc, sysfs ...). */
int p9_share_open(struct p9_share *share, const char *path, bool writable);

/* p9_fid.c, for the operations. */

/* The fid of this number, or NULL. */
struct p9_fid *p9_fid_find(struct p9_session *session, uint32_t number);

/* A new fid that owns fd. NULL when the number is taken or there are too many: fd is closed then, *error set. */
struct p9_fid *p9_fid_add(struct p9_session *session, uint32_t number, int fd, int *error);
void p9_fid_drop(struct p9_session *session, uint32_t number);
void p9_fid_drop_all(struct p9_session *session);

/* p9_ops.c, for p9_session.c. Fills the body of the reply. Returns 0 or -errno. */
int p9_operate(struct p9_session *session, const struct p9_request *request, struct p9_reply *reply);

#endif
