/* SPDX-License-Identifier: Apache-2.0
 *
 * 9P operations on the attributes of files: who owns them, sizes, times, where links point.
 */
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <unistd.h>

#include "runner/p9_ops.h"

#define V9FS_MAGIC 0x01021997u

/* ---- attributes ---- */

static uint32_t guest_uid(const struct p9_export *export, uid_t uid)
{
	return uid == export->host_uid ? export->guest_uid : uid;
}

static uint32_t guest_gid(const struct p9_export *export, gid_t gid)
{
	return gid == export->host_gid ? export->guest_gid : gid;
}

static void put_time(struct p9_reply *reply, const struct timespec *time)
{
	p9_put64(reply, (uint64_t)time->tv_sec);
	p9_put64(reply, (uint64_t)time->tv_nsec);
}

void p9_put_attributes(const struct p9_session *session, const struct p9_fid *fid, const struct stat *st,
		       struct p9_reply *reply)
{
	static const struct timespec none;
	p9_put64(reply, P9_GETATTR_BASIC);
	p9_put_qid_of(p9_share_of(session, fid), st, reply);
	p9_put32(reply, st->st_mode & (S_IFMT | P9_KEPT_MODE));
	p9_put32(reply, guest_uid(session->export, st->st_uid));
	p9_put32(reply, guest_gid(session->export, st->st_gid));
	p9_put64(reply, st->st_nlink);
	p9_put64(reply, 0); /* the host's device numbers mean nothing */
	p9_put64(reply, (uint64_t)st->st_size);
	p9_put64(reply, (uint64_t)st->st_blksize);
	p9_put64(reply, (uint64_t)st->st_blocks);
	put_time(reply, &st->st_atim);
	put_time(reply, &st->st_mtim);
	put_time(reply, &st->st_ctim);
	put_time(reply, &none);
	p9_put64(reply, 0);
	p9_put64(reply, 0);
}

int p9_getattr(struct p9_session *session, struct p9_fid *fid, const struct p9_request *request, struct p9_reply *reply)
{
	struct stat st;
	if (fstat(fid->fd, &st))
		return -errno;
	p9_put_attributes(session, fid, &st, reply);
	return 0;
}

static int set_size(struct p9_session *session, const struct p9_fid *fid, uint64_t size)
{
	if (!S_ISREG(fid->kind))
		return S_ISDIR(fid->kind) ? -EISDIR : -EINVAL;
	if (size > INT64_MAX)
		return -EFBIG;
	/* A file that is open for writing may have lost its permission since. */
	if (fid->open && !ftruncate(fid->fd, (off_t)size))
		return 0;
	int fd = p9_reopen(session, fid->fd, O_WRONLY);
	if (fd < 0)
		return fd;
	int error = ftruncate(fd, (off_t)size) ? -errno : 0;
	close(fd);
	return error;
}

static int set_owner(const struct p9_session *session, const struct p9_fid *fid, uint64_t valid, uint32_t uid,
		     uint32_t gid)
{
	const struct p9_export *export = session->export;
	struct stat st;
	if (fstat(fid->fd, &st))
		return -errno;
	uid_t new_uid = !(valid & P9_SETATTR_UID) ? st.st_uid : uid == export->guest_uid ? export->host_uid : uid;
	gid_t new_gid = !(valid & P9_SETATTR_GID) ? st.st_gid : gid == export->guest_gid ? export->host_gid : gid;
	if (new_uid == st.st_uid && new_gid == st.st_gid)
		return 0;
	return fchownat(fid->fd, "", new_uid, new_gid, AT_EMPTY_PATH) ? -errno : 0;
}

static struct timespec time_to_set(uint64_t valid, uint64_t bit, uint64_t set_bit, uint64_t seconds, uint64_t ns)
{
	if (!(valid & bit))
		return (struct timespec){.tv_nsec = UTIME_OMIT};
	if (!(valid & set_bit))
		return (struct timespec){.tv_nsec = UTIME_NOW};
	return (struct timespec){.tv_sec = (time_t)seconds, .tv_nsec = ns < 1000000000 ? (long)ns : -1};
}

static int set_times(const struct p9_session *session, const struct p9_fid *fid, uint64_t valid, const uint64_t *number)
{
	const struct timespec times[2] = {
	    time_to_set(valid, P9_SETATTR_ATIME, P9_SETATTR_ATIME_SET, number[6], number[7]),
	    time_to_set(valid, P9_SETATTR_MTIME, P9_SETATTR_MTIME_SET, number[8], number[9]),
	};
	int result = S_ISLNK(fid->kind)
			 ? utimensat(fid->fd, "", times, AT_EMPTY_PATH)
			 : utimensat(session->export->self_fd, p9_descriptor_name(fid->fd).text, times, 0);
	return result ? -errno : 0;
}

int p9_setattr(struct p9_session *session, struct p9_fid *fid, const struct p9_request *request, struct p9_reply *reply)
{
	uint64_t valid = request->number[1];
	int error = fid->alien ? -EACCES : p9_writable(session, fid);
	if (!error)
		p9_reach_note(session->export, &fid->reach, NOTED_WRITE);
	if (!error && (valid & P9_SETATTR_SIZE))
		error = set_size(session, fid, request->number[5]);
	if (!error && (valid & (P9_SETATTR_UID | P9_SETATTR_GID)))
		error = set_owner(session, fid, valid, (uint32_t)request->number[3], (uint32_t)request->number[4]);
	if (!error && (valid & P9_SETATTR_MODE)) {
		if (S_ISLNK(fid->kind))
			error = -EOPNOTSUPP;
		else if (fchmodat(session->export->self_fd, p9_descriptor_name(fid->fd).text,
				  (mode_t)request->number[2] & P9_KEPT_MODE, 0))
			error = -errno;
	}
	if (!error && (valid & (P9_SETATTR_ATIME | P9_SETATTR_MTIME)))
		error = set_times(session, fid, valid, request->number);
	return error;
}

int p9_statfs(struct p9_session *session, struct p9_fid *fid, const struct p9_request *request, struct p9_reply *reply)
{
	struct statfs fs;
	if (fstatfs(fid->fd, &fs))
		return -errno;
	p9_put32(reply, V9FS_MAGIC);
	p9_put32(reply, (uint32_t)fs.f_bsize);
	p9_put64(reply, fs.f_blocks);
	p9_put64(reply, fs.f_bfree);
	p9_put64(reply, fs.f_bavail);
	p9_put64(reply, fs.f_files);
	p9_put64(reply, fs.f_ffree);
	p9_put64(reply, 0);
	p9_put32(reply, P9_NAME_MAX);
	return 0;
}

int p9_readlink(struct p9_session *session, struct p9_fid *fid, const struct p9_request *request,
		struct p9_reply *reply)
{
	char target[P9_PATH_MAX];
	if (!S_ISLNK(fid->kind))
		return -EINVAL;
	ssize_t n = fid->alien ? -1 : readlinkat(fid->fd, "", target, sizeof(target));
	if (n < 0)
		return fid->alien ? -EACCES : -errno;
	p9_put_string(reply, target, (size_t)n);
	return 0;
}
