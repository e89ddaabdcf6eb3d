/* SPDX-License-Identifier: Apache-2.0
 *
 * The operations of 9P2000.L on fids and what they hold open, and the table of all operations.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "abi/unpack.h"
#include "runner/p9_ops.h"

/* ---- fids ---- */

static int attach(struct p9_session *session, const struct p9_request *request, struct p9_reply *reply)
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
	if (fstat(share->root, &st))
		return -errno;
	int fd = (int)syscall(SYS_fcntl, share->root, F_DUPFD_CLOEXEC, 0);
	if (fd < 0)
		return p9_last_error();
	struct p9_fid *fid = p9_fid_add(session, (uint32_t)request->number[0], fd, &error);
	if (!fid)
		return error;
	p9_describe(fid, (uint8_t)index, &st, NULL);
	fid->reach = share->reach;
	p9_put_qid_of(share, &st, reply);
	return 0;
}

/* Where a walk has got to. */
struct place {
	struct p9_fid at; /* its fd belongs to the walk */
	struct stat st;
};

int p9_walk_step(struct p9_session *session, const struct p9_fid *from, struct p9_string string, struct p9_fid *to,
		 struct stat *st)
{
	char name[P9_NAME_MAX + 1];
	struct p9_reach reach;
	int fd, error = from->alien ? -EACCES : p9_name(string, name);
	if (!error)
		error = p9_reach_step(session->export, &from->reach, name, &reach);
	if (error || (fd = error = p9_step(from->fd, name)) < 0)
		return error;
	if (fstat(fd, st)) {
		error = -errno;
		close(fd);
		return error;
	}
	struct p9_fid found = *from;
	found.fd = fd;
	p9_describe(&found, from->share, st, from);
	p9_reach_note_name(session->export, &from->reach, name, 0, &reach);
	found.reach = reach;
	*to = found;
	return 0;
}

static int walk_on(struct p9_session *session, struct place *place, struct p9_string string, struct p9_reply *reply)
{
	int before = place->at.fd, error = p9_walk_step(session, &place->at, string, &place->at, &place->st);
	if (error)
		return error;
	close(before);
	p9_put_qid_of(p9_share_of(session, &place->at), &place->st, reply);
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
	place.at.fd = p9_clone(session, fid);
	if (place.at.fd < 0)
		return place.at.fd;
	while (done < request->names && !(error = walk_on(session, &place, request->name[done], reply)))
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
	new->reach = place.at.reach;
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
	struct stat st;
	if (fstat(fd, &st)) {
		int error = -errno;
		close(fd);
		return error;
	}
	p9_put_qid_of(p9_share_of(session, fid), &st, reply);
	fid->kind = st.st_mode & S_IFMT;
	fid->dev = st.st_dev;
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
	bool writes = (flags & O_ACCMODE) != O_RDONLY || (flags & O_TRUNC), reads = (flags & O_ACCMODE) != O_WRONLY;
	int error = writes ? p9_writable(session, fid) : 0;
	/* A directory that is only on the way to what is listed shows that and no other name. */
	if (!error && reads && !S_ISDIR(fid->kind) && !(fid->reach.rights & REACH_READ))
		error = -EACCES;
	if (error)
		return error;
	int fd = p9_reopen(session, fid->fd, flags);
	if (fd >= 0)
		p9_reach_note(session->export, &fid->reach, (reads ? NOTED_READ : 0) | (writes ? NOTED_WRITE : 0));
	return fd < 0 ? fd : put_open(session, fid, fd, reply);
}

/* A file of that name is there already: opens it, if it is a regular one. */
static int open_existing(struct p9_session *session, const struct p9_fid *directory, const char *name, int flags)
{
	struct p9_fid found = {.fd = p9_step(directory->fd, name)};
	struct stat st;
	if (found.fd < 0)
		return found.fd;
	int fd = fstat(found.fd, &st) ? -errno : 0;
	if (!fd) {
		p9_describe(&found, directory->share, &st, directory);
		fd = S_ISLNK(found.kind)		   ? -ELOOP
		     : S_ISDIR(found.kind)		   ? -EISDIR
		     : found.alien || !S_ISREG(found.kind) ? -EACCES
							   : p9_reopen(session, found.fd, flags);
	}
	close(found.fd);
	return fd;
}

static int op_lcreate(struct p9_session *session, struct p9_fid *fid, const struct p9_request *request,
		      struct p9_reply *reply)
{
	char name[P9_NAME_MAX + 1];
	struct p9_reach reach;
	int wanted = (int)request->number[1], flags = wanted & (O_ACCMODE | O_TRUNC);
	int error = fid->open ? -EBADF : p9_change_at(session, fid, request->string[0], name, &reach);
	if (error || (flags & O_ACCMODE) == O_ACCMODE)
		return error ? error : -EINVAL;
	/* Always exclusive first: a FIFO or device that stands there must not be opened. */
	int fd = openat(fid->fd, name, flags | O_CREAT | O_EXCL | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC,
			(mode_t)request->number[2] & 0777);
	bool made = fd >= 0;
	if (fd < 0 && errno == EEXIST && !(wanted & O_EXCL))
		fd = open_existing(session, fid, name, flags);
	else if (fd < 0)
		fd = p9_last_error();
	if (fd < 0)
		return fd;
	p9_reach_note_name(session->export, &fid->reach, name, NOTED_READ | NOTED_WRITE | (made ? NOTED_MADE : 0),
			   &reach);
	fid->reach = reach;
	return put_open(session, fid, fd, reply);
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

/* Only of shares that are not written from here: the guest keeps what it has of those for the run. */
static int op_map(struct p9_session *session, struct p9_fid *fid, const struct p9_request *request,
		  struct p9_reply *reply)
{
	const struct p9_export *export = session->export;
	if (!export->map || !p9_writable(session, fid))
		return -EOPNOTSUPP;
	if (!fid->open || !S_ISREG(fid->kind))
		return -EBADF;
	return export->map(export->map_context, fid->fd, request->number[1], request->number[2],
			   (uint32_t)request->number[3]);
}

/* The runner gets what the fid stands for, with the rights that it was opened with. P9_NOFID takes the slot's file
 * back.
 */
static int op_lend(struct p9_session *session, struct p9_fid *fid, const struct p9_request *request,
		   struct p9_reply *reply)
{
	const struct p9_export *export = session->export;
	if (!export->lend)
		return -EOPNOTSUPP;
	if (fid && (!fid->open || !S_ISREG(fid->kind)))
		return -EBADF;
	if (fid && !p9_is_local(fid->fd))
		return -EOPNOTSUPP;
	return export->lend(export->map_context, fid ? fid->fd : -1, (uint32_t)request->number[1]);
}

/* Decompresses one block of an image: who asks says where it lies and what it is, and gets no more than he asks for. */
static int op_unpack(struct p9_session *session, struct p9_fid *fid, const struct p9_request *request,
		     struct p9_reply *reply)
{
	static uint8_t packed[UNPACK_PACKED_MAX], plain[UNPACK_PLAIN_MAX]; /* one message at a time */
	uint64_t offset = request->number[1], bytes = request->number[2], skip = request->number[4],
		 count = request->number[5], end = skip + count;
	size_t filled = 0;
	if (!p9_share_of(session, fid)->image || !session->export->unpack)
		return -EOPNOTSUPP;
	if (!fid->open || !S_ISREG(fid->kind))
		return -EBADF;
	if (!bytes || bytes > sizeof(packed) || end > sizeof(plain) || count > session->msize - P9_READ_EXTRA ||
	    offset > INT64_MAX - sizeof(packed))
		return -EINVAL;
	while (filled < bytes) {
		ssize_t n = pread(fid->fd, packed + filled, bytes - filled, (off_t)(offset + filled));
		if (n <= 0)
			return n < 0 ? -errno : -EIO;
		filled += (size_t)n;
	}
	int64_t got = session->export->unpack((uint32_t)request->number[3], packed, bytes, plain, end, sizeof(plain));
	if (got < 0)
		return (int)got;
	count = (uint64_t)got < skip ? 0 : (uint64_t)got - skip < count ? (uint64_t)got - skip : count;
	p9_put32(reply, (uint32_t)count);
	memcpy(reply->at, plain + skip, count);
	reply->at += count;
	return 0;
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
	const struct p9_share *share = p9_share_of(session, fid);
	/* What is above the share is nobody's business. */
	bool above = !strcmp(entry->name, "..") && fid->dev == share->dev && own_ino == share->ino;
	struct p9_qid qid = {.type = qid_type(entry->type),
			     .path = p9_file_number(share, fid->dev, above ? own_ino : entry->ino)};
	p9_put_qid(reply, &qid);
	p9_put64(reply, entry->next);
	p9_put8(reply, entry->type);
	p9_put_string(reply, entry->name, strlen(entry->name));
}

/* Entries out of scratch[0..bytes), as far as `count` bytes behind `start` hold them. False: the first had no room. */
static bool put_entries(struct p9_session *session, const struct p9_fid *fid, const char *scratch, long bytes,
			uint64_t own_ino, const uint8_t *start, uint64_t count, struct p9_reply *reply)
{
	for (long at = 0; at < bytes;) {
		const struct entry *entry = (const struct entry *)(scratch + at);
		at += entry->length;
		if (!p9_reach_shows(session->export, &fid->reach, entry->name))
			continue;
		if ((size_t)(reply->at - start) + 24 + strlen(entry->name) > count)
			return reply->at != start;
		put_entry(session, fid, entry, own_ino, reply);
	}
	return true;
}

static int op_readdir(struct p9_session *session, struct p9_fid *fid, const struct p9_request *request,
		      struct p9_reply *reply)
{
	static _Alignas(8) char scratch[65536]; /* one message at a time */
	uint64_t count = request->number[2];
	struct stat st;
	long bytes;
	if (!fid->open || !S_ISDIR(fid->kind))
		return fid->open ? -ENOTDIR : -EBADF;
	if (count > session->msize - P9_READ_EXTRA)
		count = session->msize - P9_READ_EXTRA;
	if (count > sizeof(scratch))
		count = sizeof(scratch);
	if (fstat(fid->fd, &st) || lseek(fid->fd, (off_t)request->number[1], SEEK_SET) < 0)
		return -errno;
	uint8_t *length = reply->at, *start;
	p9_put32(reply, 0);
	start = reply->at;
	/* An answer with room for one more entry is the directory's end. */
	do {
		bytes = syscall(SYS_getdents64, fid->fd, scratch, count - (uint64_t)(reply->at - start));
		if (bytes < 0)
			return -errno;
		if (!put_entries(session, fid, scratch, bytes, st.st_ino, start, count, reply))
			return -EINVAL; /* as getdents: no room for one entry */
	} while (bytes && (uint64_t)(reply->at - start) + P9_ENTRY_MAX <= count);
	uint8_t *end = reply->at;
	reply->at = length;
	p9_put32(reply, (uint32_t)(end - start));
	reply->at = end;
	return 0;
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

static p9_operation *const operations[] = {
    [P9_TWALK] = op_walk,	  [P9_TCLUNK] = op_clunk,	[P9_TREMOVE] = op_remove,     [P9_TLOPEN] = op_lopen,
    [P9_TLCREATE] = op_lcreate,	  [P9_TREAD] = op_read,		[P9_TWRITE] = op_write,	      [P9_TFSYNC] = op_fsync,
    [P9_TREADDIR] = op_readdir,	  [P9_TGETATTR] = p9_getattr,	[P9_TSETATTR] = p9_setattr,   [P9_TSTATFS] = p9_statfs,
    [P9_TREADLINK] = p9_readlink, [P9_TMKDIR] = p9_mkdir,	[P9_TSYMLINK] = p9_symlink,   [P9_TMKNOD] = p9_mknod,
    [P9_TLINK] = p9_link,	  [P9_TRENAMEAT] = p9_renameat, [P9_TUNLINKAT] = p9_unlinkat, [P9_TLOCK] = op_lock,
    [P9_TGETLOCK] = op_getlock,	  [P9_TMAP] = op_map,		[P9_TLEND] = op_lend,	      [P9_TUNPACK] = op_unpack,
    [P9_TLOOK] = p9_look,
};

int p9_operate(struct p9_session *session, const struct p9_request *request, struct p9_reply *reply)
{
	if (request->type == P9_TFLUSH)
		return 0; /* requests are answered in order: it has been */
	if (request->type == P9_TAUTH)
		return -ENOENT;
	if (request->type == P9_TATTACH)
		return attach(session, request, reply);
	if (request->type == P9_TLEND && request->number[0] == P9_NOFID)
		return op_lend(session, NULL, request, reply);
	struct p9_fid *fid = p9_fid_find(session, (uint32_t)request->number[0]);
	if (!fid)
		return -EBADF;
	if (request->type >= sizeof(operations) / sizeof(operations[0]) || !operations[request->type])
		return -EOPNOTSUPP;
	return operations[request->type](session, fid, request, reply);
}
