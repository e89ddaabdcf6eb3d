/* SPDX-License-Identifier: Apache-2.0
 *
 * The operations of 9P2000.L on shared trees, one function a request. Each takes one name at a time below a descriptor
 * that it has, and opens by way of /proc/self/fd what an O_PATH descriptor has shown to be a regular file or directory:
 * no symbolic link of the tree is ever followed, nothing outside is named, and no device or FIFO is opened.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "runner/p9_session.h"

#define V9FS_MAGIC 0x01021997u
#define KEPT_MODE  01777u /* set-id bits mean nothing in a share, and are not made */

typedef int operation(struct p9_session *session, struct p9_fid *fid, const struct p9_request *request,
		      struct p9_reply *reply);

/* ---- files and what they are ---- */

/* File systems that are the host kernel's interfaces rather than files; some of their files block or act when read. */
static bool is_alien(int fd)
{
	static const uint32_t magic[] = {
	    0x9fa0,	0x62656572, 0x27e0eb,	0x63677270, 0x64626720, 0x74726163, 0x73636673,
	    0xf97cff8c, 0xcafe4a11, 0x6165676c, 0xde5e81e4, 0x62656570, 0x1cd1,	    0x65735543,
	    0x42494e4d, 0x19800202, 0x6e736673, 0x43415d53, 0x07655821,
	}; /* proc, sys, cgroup, cgroup2, debug, trace, security, selinux, bpf, pstore, efivar, config, devpts, fusectl,
	      binfmt_misc, mqueue, ns, smack, rdt */
	struct statfs fs;
	if (fstatfs(fd, &fs))
		return true;
	for (size_t i = 0; i < sizeof(magic) / sizeof(magic[0]); i++)
		if ((uint32_t)fs.f_type == magic[i])
			return true;
	return false;
}

int p9_share_open(struct p9_share *share, const char *path, bool writable)
{
	struct stat st;
	int fd = open(path, O_PATH | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	int error = fstat(fd, &st)				   ? -errno
		    : !S_ISDIR(st.st_mode) && !S_ISREG(st.st_mode) ? -EINVAL
		    : is_alien(fd)				   ? -EACCES
								   : 0;
	if (error) {
		close(fd);
		return error;
	}
	*share = (struct p9_share){.root = fd, .writable = writable, .dev = st.st_dev, .ino = st.st_ino};
	return 0;
}

static const struct p9_share *share_of(const struct p9_session *session, const struct p9_fid *fid)
{
	return &session->export->share[fid->share];
}

static uint64_t file_number(const struct p9_share *share, dev_t dev, uint64_t ino)
{
	return dev == share->dev ? ino : ino ^ (uint64_t)dev * 0x9e3779b97f4a7c15ull;
}

static struct p9_qid qid_of(const struct p9_share *share, const struct stat *st)
{
	uint64_t version =
	    ((uint64_t)st->st_mtim.tv_sec * 1000000000ull + (uint64_t)st->st_mtim.tv_nsec) * 0x9e3779b97f4a7c15ull +
	    (uint64_t)st->st_size;
	return (struct p9_qid){
	    .type = S_ISDIR(st->st_mode)   ? P9_QTDIR
		    : S_ISLNK(st->st_mode) ? P9_QTSYMLINK
					   : P9_QTFILE,
	    .version = (uint32_t)(version >> 32) ^ (uint32_t)version,
	    .path = file_number(share, st->st_dev, st->st_ino),
	};
}

static int put_qid_of(const struct p9_share *share, int fd, struct p9_reply *reply)
{
	struct stat st;
	if (fstat(fd, &st))
		return -errno;
	struct p9_qid qid = qid_of(share, &st);
	p9_put_qid(reply, &qid);
	return 0;
}

/* Descriptors that run out are the client's doing: it holds too many fids. */
static int last_error(void)
{
	return errno == EMFILE ? -ENFILE : -errno;
}

/* One name below a directory; a link is not followed but opened itself. */
static int step(int directory, const char *name)
{
	struct open_how how = {.flags = O_PATH | O_NOFOLLOW | O_CLOEXEC,
			       .resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS};
	int fd = (int)syscall(SYS_openat2, directory, name, &how, sizeof(how));
	return fd < 0 ? last_error() : fd;
}

struct descriptor_name {
	char text[12];
};

static struct descriptor_name name_of(int fd)
{
	struct descriptor_name name;
	snprintf(name.text, sizeof(name.text), "%d", fd);
	return name;
}

/* Opens what an O_PATH descriptor stands for. The caller has seen that it is a regular file or a directory. */
static int reopen(const struct p9_session *session, int fd, int flags)
{
	int opened = openat(session->export->self_fd, name_of(fd).text, flags | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	return opened < 0 ? last_error() : opened;
}

static int writable(const struct p9_session *session, const struct p9_fid *fid)
{
	return share_of(session, fid)->writable ? 0 : -EROFS;
}

/* The directory `fid` is to be changed at this name. */
static int change_at(const struct p9_session *session, const struct p9_fid *fid, struct p9_string string, char *name)
{
	int error = fid->alien ? -EACCES : S_ISDIR(fid->kind) ? p9_name(string, name) : -ENOTDIR;
	return error ? error : writable(session, fid);
}

/* ---- fids ---- */

static int describe(struct p9_session *session, struct p9_fid *fid, uint8_t share, const struct stat *st,
		    const struct p9_fid *from)
{
	fid->share = share;
	fid->kind = st->st_mode & S_IFMT;
	fid->dev = st->st_dev;
	fid->alien = from && (from->alien || (from->dev != st->st_dev && is_alien(fid->fd)));
	return 0;
}

static int op_attach(struct p9_session *session, struct p9_fid *unused, const struct p9_request *request,
		     struct p9_reply *reply)
{
	struct p9_string aname = request->string[1];
	unsigned index = 0;
	int error = 0;
	struct stat st;
	if (!aname.length || aname.length > 2)
		return -ENOENT;
	for (unsigned i = 0; i < aname.length; i++) {
		if (aname.bytes[i] < '0' || aname.bytes[i] > '9')
			return -ENOENT;
		index = index * 10 + (unsigned)(aname.bytes[i] - '0');
	}
	if (index >= session->export->shares)
		return -ENOENT;
	const struct p9_share *share = &session->export->share[index];
	int fd = fcntl(share->root, F_DUPFD_CLOEXEC, 0);
	if (fd < 0)
		return last_error();
	struct p9_fid *fid = p9_fid_add(session, (uint32_t)request->number[0], fd, &error);
	if (!fid)
		return error;
	if (fstat(fd, &st))
		return -errno;
	describe(session, fid, (uint8_t)index, &st, NULL);
	struct p9_qid qid = qid_of(share, &st);
	p9_put_qid(reply, &qid);
	return 0;
}

/* A second descriptor of what the fid stands for, as if it had just been walked to. */
static int clone(struct p9_session *session, const struct p9_fid *from)
{
	int fd = from->open ? openat(session->export->self_fd, name_of(from->fd).text, O_PATH | O_CLOEXEC)
			    : fcntl(from->fd, F_DUPFD_CLOEXEC, 0);
	return fd < 0 ? last_error() : fd;
}

/* Where a walk has got to. */
struct place {
	struct p9_fid at; /* its fd belongs to the walk */
	struct stat st;
};

static int walk_step(struct p9_session *session, struct place *place, struct p9_string string, struct p9_reply *reply)
{
	char name[P9_NAME_MAX + 1];
	int fd, error = place->at.alien ? -EACCES : p9_name(string, name);
	if (error || (fd = error = step(place->at.fd, name)) < 0)
		return error;
	if (fstat(fd, &place->st)) {
		error = -errno;
		close(fd);
		return error;
	}
	struct p9_fid from = place->at;
	place->at.fd = fd;
	describe(session, &place->at, from.share, &place->st, &from);
	close(from.fd);
	struct p9_qid qid = qid_of(share_of(session, &place->at), &place->st);
	p9_put_qid(reply, &qid);
	return 0;
}

static int op_walk(struct p9_session *session, struct p9_fid *fid, const struct p9_request *request,
		   struct p9_reply *reply)
{
	uint32_t number = (uint32_t)request->number[1];
	int error = 0;
	uint16_t done = 0;
	if (number != fid->number && p9_fid_find(session, number))
		return -EBADF;
	struct place place = {.at = *fid};
	uint8_t *count = reply->at;
	p9_put16(reply, 0);
	place.at.fd = clone(session, fid);
	if (place.at.fd < 0)
		return place.at.fd;
	while (done < request->names && !(error = walk_step(session, &place, request->name[done], reply)))
		done++;
	if (done < request->names) {
		close(place.at.fd);
		count[0] = (uint8_t)done;
		return done ? 0 : error;
	}
	count[0] = (uint8_t)done;
	if (number == fid->number)
		p9_fid_drop(session, number);
	struct p9_fid *new = p9_fid_add(session, number, place.at.fd, &error);
	if (!new)
		return error;
	new->share = place.at.share;
	new->kind = place.at.kind;
	new->dev = place.at.dev;
	new->alien = place.at.alien;
	return 0;
}

static int op_clunk(struct p9_session *session, struct p9_fid *fid, const struct p9_request *request,
		    struct p9_reply *reply)
{
	p9_fid_drop(session, fid->number);
	return 0;
}

static int op_remove(struct p9_session *session, struct p9_fid *fid, const struct p9_request *request,
		     struct p9_reply *reply)
{
	p9_fid_drop(session, fid->number); /* whatever the answer */
	return -EOPNOTSUPP;
}

/* ---- open files ---- */

static int put_open(struct p9_session *session, struct p9_fid *fid, int fd, struct p9_reply *reply)
{
	int error = put_qid_of(share_of(session, fid), fd, reply);
	if (error) {
		close(fd);
		return error;
	}
	close(fid->fd);
	fid->fd = fd;
	fid->open = true;
	p9_put32(reply, 0);
	return 0;
}

static int op_lopen(struct p9_session *session, struct p9_fid *fid, const struct p9_request *request,
		    struct p9_reply *reply)
{
	int flags = (int)request->number[1] & (O_ACCMODE | O_TRUNC | O_DIRECTORY);
	if (fid->open)
		return -EBADF;
	if (S_ISLNK(fid->kind))
		return -ELOOP;
	if (fid->alien || (!S_ISREG(fid->kind) && !S_ISDIR(fid->kind)))
		return -EACCES;
	if ((flags & O_ACCMODE) == O_ACCMODE)
		return -EINVAL;
	if (((flags & O_ACCMODE) != O_RDONLY || (flags & O_TRUNC)) && writable(session, fid))
		return -EROFS;
	int fd = reopen(session, fid->fd, flags);
	return fd < 0 ? fd : put_open(session, fid, fd, reply);
}

/* A file of that name is there already: opens it, if it is a regular one. */
static int open_existing(struct p9_session *session, int directory, const char *name, int flags)
{
	struct stat st;
	int path = step(directory, name);
	if (path < 0)
		return path;
	int fd = fstat(path, &st)      ? -errno
		 : S_ISLNK(st.st_mode) ? -ELOOP
		 : S_ISDIR(st.st_mode) ? -EISDIR
		 : S_ISREG(st.st_mode) ? reopen(session, path, flags)
				       : -EACCES;
	close(path);
	return fd;
}

static int op_lcreate(struct p9_session *session, struct p9_fid *fid, const struct p9_request *request,
		      struct p9_reply *reply)
{
	char name[P9_NAME_MAX + 1];
	int wanted = (int)request->number[1], flags = wanted & (O_ACCMODE | O_TRUNC);
	int error = fid->open ? -EBADF : change_at(session, fid, request->string[0], name);
	if (error || (flags & O_ACCMODE) == O_ACCMODE)
		return error ? error : -EINVAL;
	/* Always exclusive first: a FIFO or device that stands there must not be opened. */
	int fd = openat(fid->fd, name, flags | O_CREAT | O_EXCL | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC,
			(mode_t)request->number[2] & 0777);
	if (fd < 0 && errno == EEXIST && !(wanted & O_EXCL))
		fd = open_existing(session, fid->fd, name, flags);
	else if (fd < 0)
		fd = last_error();
	if (fd < 0)
		return fd;
	error = put_open(session, fid, fd, reply);
	if (!error)
		fid->kind = S_IFREG;
	return error;
}

static int op_read(struct p9_session *session, struct p9_fid *fid, const struct p9_request *request,
		   struct p9_reply *reply)
{
	uint64_t count = request->number[2];
	size_t done = 0;
	if (!fid->open)
		return -EBADF;
	if (S_ISDIR(fid->kind))
		return -EISDIR;
	if (request->number[1] > INT64_MAX - P9_MSIZE_MAX)
		return -EINVAL;
	if (count > session->msize - P9_READ_EXTRA)
		count = session->msize - P9_READ_EXTRA;
	uint8_t *to = reply->at + 4;
	while (done < count) {
		ssize_t n = pread(fid->fd, to + done, count - done, (off_t)(request->number[1] + done));
		if (n < 0 && !done)
			return -errno;
		if (n <= 0)
			break;
		done += (size_t)n;
	}
	p9_put32(reply, (uint32_t)done);
	reply->at += done;
	return 0;
}

static int op_write(struct p9_session *session, struct p9_fid *fid, const struct p9_request *request,
		    struct p9_reply *reply)
{
	size_t done = 0;
	if (!fid->open || !S_ISREG(fid->kind))
		return -EBADF;
	if (request->number[1] > INT64_MAX - P9_MSIZE_MAX)
		return -EFBIG;
	while (done < request->data_bytes) {
		ssize_t n = pwrite(fid->fd, request->data + done, request->data_bytes - done,
				   (off_t)(request->number[1] + done));
		if (n < 0 && !done)
			return -errno;
		if (n <= 0)
			break;
		done += (size_t)n;
	}
	p9_put32(reply, (uint32_t)done);
	return 0;
}

static int op_fsync(struct p9_session *session, struct p9_fid *fid, const struct p9_request *request,
		    struct p9_reply *reply)
{
	if (!fid->open)
		return -EBADF;
	return (request->number[1] ? fdatasync(fid->fd) : fsync(fid->fd)) ? -errno : 0;
}

/* ---- directories ---- */

/* struct linux_dirent64, getdents64(2) */
struct entry {
	uint64_t ino, next;
	uint16_t length;
	uint8_t type;
	char name[];
};

static uint8_t qid_type(uint8_t type)
{
	return type == DT_DIR ? P9_QTDIR : type == DT_LNK ? P9_QTSYMLINK : P9_QTFILE;
}

static void put_entry(struct p9_session *session, const struct p9_fid *fid, const struct entry *entry, uint64_t own_ino,
		      struct p9_reply *reply)
{
	const struct p9_share *share = share_of(session, fid);
	/* What is above the share is nobody's business. */
	bool above = !strcmp(entry->name, "..") && fid->dev == share->dev && own_ino == share->ino;
	struct p9_qid qid = {.type = qid_type(entry->type),
			     .path = file_number(share, fid->dev, above ? own_ino : entry->ino)};
	p9_put_qid(reply, &qid);
	p9_put64(reply, entry->next);
	p9_put8(reply, entry->type);
	p9_put_string(reply, entry->name, strlen(entry->name));
}

static int op_readdir(struct p9_session *session, struct p9_fid *fid, const struct p9_request *request,
		      struct p9_reply *reply)
{
	static _Alignas(8) char scratch[65536]; /* one message at a time */
	uint64_t count = request->number[2];
	struct stat st;
	if (!fid->open || !S_ISDIR(fid->kind))
		return fid->open ? -ENOTDIR : -EBADF;
	if (count > session->msize - P9_READ_EXTRA)
		count = session->msize - P9_READ_EXTRA;
	if (count > sizeof(scratch))
		count = sizeof(scratch);
	if (fstat(fid->fd, &st) || lseek(fid->fd, (off_t)request->number[1], SEEK_SET) < 0)
		return -errno;
	long bytes = syscall(SYS_getdents64, fid->fd, scratch, count);
	if (bytes < 0)
		return -errno;
	uint8_t *length = reply->at, *start;
	p9_put32(reply, 0);
	start = reply->at;
	for (long at = 0; at < bytes;) {
		const struct entry *entry = (const struct entry *)(scratch + at);
		if ((size_t)(reply->at - start) + 24 + strlen(entry->name) > count)
			break;
		put_entry(session, fid, entry, st.st_ino, reply);
		at += entry->length;
	}
	uint8_t *end = reply->at;
	if (end == start && bytes)
		return -EINVAL; /* as getdents: no room for one entry */
	reply->at = length;
	p9_put32(reply, (uint32_t)(end - start));
	reply->at = end;
	return 0;
}

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

static int op_getattr(struct p9_session *session, struct p9_fid *fid, const struct p9_request *request,
		      struct p9_reply *reply)
{
	static const struct timespec none;
	struct stat st;
	if (fstat(fid->fd, &st))
		return -errno;
	struct p9_qid qid = qid_of(share_of(session, fid), &st);
	p9_put64(reply, P9_GETATTR_BASIC);
	p9_put_qid(reply, &qid);
	p9_put32(reply, st.st_mode & (S_IFMT | KEPT_MODE));
	p9_put32(reply, guest_uid(session->export, st.st_uid));
	p9_put32(reply, guest_gid(session->export, st.st_gid));
	p9_put64(reply, st.st_nlink);
	p9_put64(reply, 0); /* the host's device numbers mean nothing */
	p9_put64(reply, (uint64_t)st.st_size);
	p9_put64(reply, (uint64_t)st.st_blksize);
	p9_put64(reply, (uint64_t)st.st_blocks);
	put_time(reply, &st.st_atim);
	put_time(reply, &st.st_mtim);
	put_time(reply, &st.st_ctim);
	put_time(reply, &none);
	p9_put64(reply, 0);
	p9_put64(reply, 0);
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
	int fd = reopen(session, fid->fd, O_WRONLY);
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
	int result = S_ISLNK(fid->kind) ? utimensat(fid->fd, "", times, AT_EMPTY_PATH)
					: utimensat(session->export->self_fd, name_of(fid->fd).text, times, 0);
	return result ? -errno : 0;
}

static int op_setattr(struct p9_session *session, struct p9_fid *fid, const struct p9_request *request,
		      struct p9_reply *reply)
{
	uint64_t valid = request->number[1];
	int error = fid->alien ? -EACCES : writable(session, fid);
	if (!error && (valid & P9_SETATTR_SIZE))
		error = set_size(session, fid, request->number[5]);
	if (!error && (valid & (P9_SETATTR_UID | P9_SETATTR_GID)))
		error = set_owner(session, fid, valid, (uint32_t)request->number[3], (uint32_t)request->number[4]);
	if (!error && (valid & P9_SETATTR_MODE)) {
		if (S_ISLNK(fid->kind))
			error = -EOPNOTSUPP;
		else if (fchmodat(session->export->self_fd, name_of(fid->fd).text,
				  (mode_t)request->number[2] & KEPT_MODE, 0))
			error = -errno;
	}
	if (!error && (valid & (P9_SETATTR_ATIME | P9_SETATTR_MTIME)))
		error = set_times(session, fid, valid, request->number);
	return error;
}

static int op_statfs(struct p9_session *session, struct p9_fid *fid, const struct p9_request *request,
		     struct p9_reply *reply)
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

static int op_readlink(struct p9_session *session, struct p9_fid *fid, const struct p9_request *request,
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

/* ---- names ---- */

/* The answer to the making of a file: its qid. */
static int put_made(const struct p9_session *session, const struct p9_fid *fid, const char *name, int result,
		    struct p9_reply *reply)
{
	struct stat st;
	if (result || fstatat(fid->fd, name, &st, AT_SYMLINK_NOFOLLOW))
		return -errno;
	struct p9_qid qid = qid_of(share_of(session, fid), &st);
	p9_put_qid(reply, &qid);
	return 0;
}

static int op_mkdir(struct p9_session *session, struct p9_fid *fid, const struct p9_request *request,
		    struct p9_reply *reply)
{
	char name[P9_NAME_MAX + 1];
	int error = change_at(session, fid, request->string[0], name);
	return error ? error
		     : put_made(session, fid, name, mkdirat(fid->fd, name, (mode_t)request->number[1] & KEPT_MODE),
				reply);
}

static int op_symlink(struct p9_session *session, struct p9_fid *fid, const struct p9_request *request,
		      struct p9_reply *reply)
{
	char name[P9_NAME_MAX + 1], target[P9_PATH_MAX];
	struct p9_string to = request->string[1];
	int error = change_at(session, fid, request->string[0], name);
	if (error)
		return error;
	if (!to.length || to.length >= sizeof(target) || memchr(to.bytes, 0, to.length))
		return to.length ? -ENAMETOOLONG : -ENOENT;
	memcpy(target, to.bytes, to.length);
	target[to.length] = 0;
	return put_made(session, fid, name, symlinkat(target, fid->fd, name), reply);
}

static int op_mknod(struct p9_session *session, struct p9_fid *fid, const struct p9_request *request,
		    struct p9_reply *reply)
{
	char name[P9_NAME_MAX + 1];
	uint32_t mode = (uint32_t)request->number[1];
	int error = change_at(session, fid, request->string[0], name);
	if (error)
		return error;
	if ((mode & S_IFMT) != S_IFREG && (mode & S_IFMT) != 0)
		return -EPERM;
	int fd = openat(fid->fd, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode & 0777);
	if (fd < 0)
		return last_error();
	error = put_qid_of(share_of(session, fid), fd, reply);
	close(fd);
	return error;
}

static int op_link(struct p9_session *session, struct p9_fid *fid, const struct p9_request *request,
		   struct p9_reply *reply)
{
	char name[P9_NAME_MAX + 1];
	const struct p9_fid *old = p9_fid_find(session, (uint32_t)request->number[1]);
	int error = change_at(session, fid, request->string[0], name);
	if (error || !old)
		return error ? error : -EBADF;
	if (old->share != fid->share)
		return -EXDEV;
	if (old->alien || (!S_ISREG(old->kind) && !S_ISLNK(old->kind)))
		return -EPERM;
	return linkat(session->export->self_fd, name_of(old->fd).text, fid->fd, name, AT_SYMLINK_FOLLOW) ? -errno : 0;
}

static int op_renameat(struct p9_session *session, struct p9_fid *fid, const struct p9_request *request,
		       struct p9_reply *reply)
{
	char old_name[P9_NAME_MAX + 1], new_name[P9_NAME_MAX + 1];
	const struct p9_fid *to = p9_fid_find(session, (uint32_t)request->number[1]);
	int error = to ? change_at(session, fid, request->string[0], old_name) : -EBADF;
	if (!error)
		error = change_at(session, to, request->string[1], new_name);
	if (error)
		return error;
	if (to->share != fid->share)
		return -EXDEV;
	return renameat(fid->fd, old_name, to->fd, new_name) ? -errno : 0;
}

static int op_unlinkat(struct p9_session *session, struct p9_fid *fid, const struct p9_request *request,
		       struct p9_reply *reply)
{
	char name[P9_NAME_MAX + 1];
	int error = change_at(session, fid, request->string[0], name);
	if (error || (request->number[1] & ~(uint64_t)AT_REMOVEDIR))
		return error ? error : -EINVAL;
	return unlinkat(fid->fd, name, (int)request->number[1]) ? -errno : 0;
}

/* ---- locks ---- */

static int op_lock(struct p9_session *session, struct p9_fid *fid, const struct p9_request *request,
		   struct p9_reply *reply)
{
	p9_put8(reply, 0); /* success: locks are local to the guest */
	return 0;
}

static int op_getlock(struct p9_session *session, struct p9_fid *fid, const struct p9_request *request,
		      struct p9_reply *reply)
{
	p9_put8(reply, F_UNLCK);
	p9_put64(reply, request->number[2]);
	p9_put64(reply, request->number[3]);
	p9_put32(reply, (uint32_t)request->number[4]);
	p9_put_string(reply, request->string[0].bytes, request->string[0].length);
	return 0;
}

static int op_not_supported(struct p9_session *session, struct p9_fid *fid, const struct p9_request *request,
			    struct p9_reply *reply)
{
	return -EOPNOTSUPP;
}

static operation *operation_of(uint8_t type)
{
	switch (type) {
	case P9_TWALK:
		return op_walk;
	case P9_TCLUNK:
		return op_clunk;
	case P9_TREMOVE:
		return op_remove;
	case P9_TLOPEN:
		return op_lopen;
	case P9_TLCREATE:
		return op_lcreate;
	case P9_TREAD:
		return op_read;
	case P9_TWRITE:
		return op_write;
	case P9_TFSYNC:
		return op_fsync;
	case P9_TREADDIR:
		return op_readdir;
	case P9_TGETATTR:
		return op_getattr;
	case P9_TSETATTR:
		return op_setattr;
	case P9_TSTATFS:
		return op_statfs;
	case P9_TREADLINK:
		return op_readlink;
	case P9_TMKDIR:
		return op_mkdir;
	case P9_TSYMLINK:
		return op_symlink;
	case P9_TMKNOD:
		return op_mknod;
	case P9_TLINK:
		return op_link;
	case P9_TRENAMEAT:
		return op_renameat;
	case P9_TUNLINKAT:
		return op_unlinkat;
	case P9_TLOCK:
		return op_lock;
	case P9_TGETLOCK:
		return op_getlock;
	default:
		return op_not_supported;
	}
}

int p9_operate(struct p9_session *session, const struct p9_request *request, struct p9_reply *reply)
{
	if (request->type == P9_TFLUSH)
		return 0; /* requests are answered in order: it has been */
	if (request->type == P9_TAUTH)
		return -ENOENT;
	if (request->type == P9_TATTACH)
		return op_attach(session, NULL, request, reply);
	struct p9_fid *fid = p9_fid_find(session, (uint32_t)request->number[0]);
	return fid ? operation_of(request->type)(session, fid, request, reply) : -EBADF;
}
