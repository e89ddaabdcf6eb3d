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
	struct stat st;
	if (result || fstatat(fid->fd, name, &st, AT_SYMLINK_NOFOLLOW))
		return -errno;
	p9_put_qid_of(p9_share_of(session, fid), &st, reply);
	return 0;
}

int p9_mkdir(struct p9_session *session, struct p9_fid *fid, const struct p9_request *request, struct p9_reply *reply)
{
	char name[P9_NAME_MAX + 1];
	int error = p9_change_at(session, fid, request->string[0], name);
	return error ? error
		     : put_made(session, fid, name, mkdirat(fid->fd, name, (mode_t)request->number[1] & P9_KEPT_MODE),
				reply);
}

int p9_symlink(struct p9_session *session, struct p9_fid *fid, const struct p9_request *request, struct p9_reply *reply)
{
	char name[P9_NAME_MAX + 1], target[P9_PATH_MAX];
	struct p9_string to = request->string[1];
	int error = p9_change_at(session, fid, request->string[0], name);
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
	uint32_t mode = (uint32_t)request->number[1];
	int error = p9_change_at(session, fid, request->string[0], name);
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
	const struct p9_fid *old = p9_fid_find(session, (uint32_t)request->number[1]);
	int error = p9_change_at(session, fid, request->string[0], name);
	if (error || !old)
		return error ? error : -EBADF;
	if (old->share != fid->share)
		return -EXDEV;
	if (old->alien || (!S_ISREG(old->kind) && !S_ISLNK(old->kind)))
		return -EPERM;
	return linkat(session->export->self_fd, p9_descriptor_name(old->fd).text, fid->fd, name, AT_SYMLINK_FOLLOW)
		   ? -errno
		   : 0;
}

int p9_renameat(struct p9_session *session, struct p9_fid *fid, const struct p9_request *request,
		struct p9_reply *reply)
{
	char old_name[P9_NAME_MAX + 1], new_name[P9_NAME_MAX + 1];
	const struct p9_fid *to = p9_fid_find(session, (uint32_t)request->number[1]);
	int error = to ? p9_change_at(session, fid, request->string[0], old_name) : -EBADF;
	if (!error)
		error = p9_change_at(session, to, request->string[1], new_name);
	if (error)
		return error;
	if (to->share != fid->share)
		return -EXDEV;
	return renameat(fid->fd, old_name, to->fd, new_name) ? -errno : 0;
}

int p9_unlinkat(struct p9_session *session, struct p9_fid *fid, const struct p9_request *request,
		struct p9_reply *reply)
{
	char name[P9_NAME_MAX + 1];
	int error = p9_change_at(session, fid, request->string[0], name);
	if (error || (request->number[1] & ~(uint64_t)AT_REMOVEDIR))
		return error ? error : -EINVAL;
	return unlinkat(fid->fd, name, (int)request->number[1]) ? -errno : 0;
}
