/* SPDX-License-Identifier: Apache-2.0
 *
 * Files of the host in the shared trees: what a descriptor stands for, one step below it, and its opening. The only
 * part of the server that opens files. Knows nothing of messages and fids' numbers.
 */
#ifndef RUNNER_P9_TREE_H
#define RUNNER_P9_TREE_H

#include <sys/stat.h>

#include "runner/p9_session.h"

struct descriptor_name {
	char text[12];
};

/* The share in which the fid's file is. */
const struct p9_share *p9_share_of(const struct p9_session *session, const struct p9_fid *fid);

/* The number of a file in a share, where other file systems may be mounted. */
uint64_t p9_file_number(const struct p9_share *share, dev_t dev, uint64_t ino);

/* Appends the qid of a file; its version changes with the contents. */
void p9_put_qid_of(const struct p9_share *share, const struct stat *st, struct p9_reply *reply);

/* -errno of the call that failed last. Descriptors that run out are the client's doing: it holds too many fids. */
int p9_last_error(void);

/* The name of a descriptor in the export's self_fd. */
struct descriptor_name p9_descriptor_name(int fd);

/* One name (p9_name) below a directory; a link is not followed but opened itself. Returns an O_PATH descriptor or
 * -errno. */
int p9_step(int directory, const char *name);

/* Opens what an O_PATH descriptor stands for, with open(2) flags. The caller has seen that it is a regular file or a
 * directory, and no alien. Returns a descriptor or -errno. */
int p9_reopen(const struct p9_session *session, int fd, int flags);

/* A second O_PATH descriptor of what the fid stands for, as if it had just been walked to. Returns it or -errno. */
int p9_clone(const struct p9_session *session, const struct p9_fid *from);

/* Notes in `fid`, whose descriptor is set, what it stands for: in this share, `st` is fstat's answer. `from` is the fid
 * from which it was reached, NULL for a root. */
void p9_describe(struct p9_fid *fid, uint8_t share, const struct stat *st, const struct p9_fid *from);

/* 0, or -EROFS when the fid's share is not to be written, -EACCES when the fid's file is not. */
int p9_writable(const struct p9_session *session, const struct p9_fid *fid);

/* The directory `fid` is to be changed at this name, which is copied to name[P9_NAME_MAX + 1]; *reach is the name's.
 * Returns 0 or -errno. */
int p9_change_at(const struct p9_session *session, const struct p9_fid *fid, struct p9_string string, char *name,
		 struct p9_reach *reach);

/* Is the file on a file system that answers by itself, so that no other process or machine can hold up who reads it? */
bool p9_is_local(int fd);

#endif
