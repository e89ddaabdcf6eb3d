/* SPDX-License-Identifier: Apache-2.0
 *
 * 9P operations that make, move and remove names in a directory.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "runner/p9_ops.h"

/* ---- names ---- */

/* The answer to the making of a file: its qid. */
static int put_made(const struct p9_session *session, const struct p9_fid *fid, const char *name, int result,
		    struct p9_reply *reply)
{
	struct p9_reach reach;
	struct stat st;
	if (result || fstatat(fid->fd, name, &st, AT_SYMLINK_NOFOLLOW))
		return -errno;
	p9_reach_note_name(session->export, &fid->reach, name,
			   NOTED_WRITE | NOTED_MADE | (S_ISDIR(st.st_mode) ? NOTED_TREE : 0), &reach);
	p9_put_qid_of(p9_share_of(session, fid), &st, reply);
	return 0;
}

int p9_mkdir(struct p9_session *session, struct p9_fid *fid, const struct p9_request *request, struct p9_reply *reply)
{
	char name[P9_NAME_MAX + 1];
	struct p9_reach reach;
	int error = p9_change_at(session, fid, request->string[0], name, &reach);
	return error ? error
		     : put_made(session, fid, name, mkdirat(fid->fd, name, (mode_t)request->number[1] & P9_KEPT_MODE),
				reply);
}

int p9_symlink(struct p9_session *session, struct p9_fid *fid, const struct p9_request *request, struct p9_reply *reply)
{
	char name[P9_NAME_MAX + 1], target[P9_PATH_MAX];
	struct p9_reach reach;
	struct p9_string to = request->string[1];
	int error = p9_change_at(session, fid, request->string[0], name, &reach);
	if (error)
		return error;
	if (!to.length || to.length >= sizeof(target) || memchr(to.bytes, 0, to.length))
		return to.length ? -ENAMETOOLONG : -ENOENT;
	memcpy(target, to.bytes, to.length);
	target[to.length] = 0;
	return put_made(session, fid, name, symlinkat(target, fid->fd, name), reply);
}

int p9_mknod(struct p9_session *session, struct p9_fid *fid, const struct p9_request *request, struct p9_reply *reply)
{
	char name[P9_NAME_MAX + 1];
	struct p9_reach reach;
	uint32_t mode = (uint32_t)request->number[1];
	int error = p9_change_at(session, fid, request->string[0], name, &reach);
	if (error)
		return error;
	if ((mode & S_IFMT) != S_IFREG && (mode & S_IFMT) != 0)
		return -EPERM;
	int fd = openat(fid->fd, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode & 0777);
	if (fd < 0)
		return p9_last_error();
	close(fd);
	return put_made(session, fid, name, 0, reply);
}

int p9_link(struct p9_session *session, struct p9_fid *fid, const struct p9_request *request, struct p9_reply *reply)
{
	char name[P9_NAME_MAX + 1];
	struct p9_reach reach;
	const struct p9_fid *old = p9_fid_find(session, (uint32_t)request->number[1]);
	int error = p9_change_at(session, fid, request->string[0], name, &reach);
	if (error || !old)
		return error ? error : -EBADF;
	if (old->share != fid->share)
		return -EXDEV;
	if (old->alien || (!S_ISREG(old->kind) && !S_ISLNK(old->kind)))
		return -EPERM;
	/* By the new name the file could be written. */
	if (!(old->reach.rights & REACH_WRITE))
		return -EACCES;
	if (linkat(session->export->self_fd, p9_descriptor_name(old->fd).text, fid->fd, name, AT_SYMLINK_FOLLOW))
		return -errno;
	p9_reach_note(session->export, &old->reach, NOTED_WRITE);
	p9_reach_note_name(session->export, &fid->reach, name, NOTED_WRITE | NOTED_MADE, &reach);
	return 0;
}

int p9_renameat(struct p9_session *session, struct p9_fid *fid, const struct p9_request *request,
		struct p9_reply *reply)
{
	char old_name[P9_NAME_MAX + 1], new_name[P9_NAME_MAX + 1];
	const struct p9_fid *to = p9_fid_find(session, (uint32_t)request->number[1]);
	struct p9_reach old, new;
	struct stat st;
	int error = to ? p9_change_at(session, fid, request->string[0], old_name, &old) : -EBADF;
	if (!error)
		error = p9_change_at(session, to, request->string[1], new_name, &new);
	if (error)
		return error;
	if (to->share != fid->share)
		return -EXDEV;
	if (fstatat(fid->fd, old_name, &st, AT_SYMLINK_NOFOLLOW))
		return -errno;
	/* What lies in a directory moves along: to where other names may be reached. */
	if (S_ISDIR(st.st_mode) && !(old.rights & REACH_WRITE_BELOW))
		return -EACCES;
	if (renameat(fid->fd, old_name, to->fd, new_name))
		return -errno;
	unsigned tree = S_ISDIR(st.st_mode) ? NOTED_TREE : 0;
	p9_reach_note_name(session->export, &fid->reach, old_name, NOTED_WRITE | NOTED_GONE | tree, &old);
	p9_reach_note_name(session->export, &to->reach, new_name, NOTED_WRITE | NOTED_MADE | tree, &new);
	return 0;
}

int p9_unlinkat(struct p9_session *session, struct p9_fid *fid, const struct p9_request *request,
		struct p9_reply *reply)
{
	char name[P9_NAME_MAX + 1];
	struct p9_reach reach;
	int error = p9_change_at(session, fid, request->string[0], name, &reach);
	if (error || (request->number[1] & ~(uint64_t)AT_REMOVEDIR))
		return error ? error : -EINVAL;
	if (unlinkat(fid->fd, name, (int)request->number[1]))
		return -errno;
	p9_reach_note_name(session->export, &fid->reach, name, NOTED_WRITE | NOTED_GONE, &reach);
	return 0;
}
