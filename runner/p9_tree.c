/* SPDX-License-Identifier: Apache-2.0
 *
 * Files of the host in shared trees. One name at a time is taken below a descriptor that there is, and what an O_PATH
 * descriptor has shown to be a regular file or directory is opened by way of /proc/self/fd: no symbolic link of the
 * tree is ever followed, nothing outside is named, and no device or FIFO is opened. Knows nothing of messages.
 */
#include "runner/p9_tree.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <unistd.h>

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

bool p9_is_local(int fd)
{
	static const uint32_t magic[] = {
	    0xef53,	0x58465342, 0x9123683e, 0x01021994, 0x858458f6, 0x794c7630, 0xf2f52010, 0x2fc12fc1, 0xca451a4e,
	    0x3153464a, 0x52654973, 0x4d44,	0x2011bab0, 0x7366746e, 0x73717368, 0xe0f5e1e2, 0x9660,
	}; /* ext2 to 4, xfs, btrfs, tmpfs, ramfs, overlay, f2fs, zfs, bcachefs, jfs, reiserfs, vfat, exfat, ntfs3,
	      squashfs, erofs, iso9660 */
	struct statfs fs;
	if (fstatfs(fd, &fs))
		return false;
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
	*share = (struct p9_share){
	    .root = fd, .writable = writable, .dev = st.st_dev, .ino = st.st_ino, .reach = {.rights = REACH_ALL}};
	return 0;
}

const struct p9_share *p9_share_of(const struct p9_session *session, const struct p9_fid *fid)
{
	return &session->export->share[fid->share];
}

uint64_t p9_file_number(const struct p9_share *share, dev_t dev, uint64_t ino)
{
	return dev == share->dev ? ino : ino ^ (uint64_t)dev * 0x9e3779b97f4a7c15ull;
}

void p9_put_qid_of(const struct p9_share *share, const struct stat *st, struct p9_reply *reply)
{
	uint64_t version =
	    ((uint64_t)st->st_mtim.tv_sec * 1000000000ull + (uint64_t)st->st_mtim.tv_nsec) * 0x9e3779b97f4a7c15ull +
	    (uint64_t)st->st_size;
	struct p9_qid qid = {
	    .type = S_ISDIR(st->st_mode)   ? P9_QTDIR
		    : S_ISLNK(st->st_mode) ? P9_QTSYMLINK
					   : P9_QTFILE,
	    .version = (uint32_t)(version >> 32) ^ (uint32_t)version,
	    .path = p9_file_number(share, st->st_dev, st->st_ino),
	};
	p9_put_qid(reply, &qid);
}

int p9_last_error(void)
{
	return errno == EMFILE ? -ENFILE : -errno;
}

int p9_step(int directory, const char *name)
{
	struct open_how how = {.flags = O_PATH | O_NOFOLLOW | O_CLOEXEC,
			       .resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS};
	int fd = (int)syscall(SYS_openat2, directory, name, &how, sizeof(how));
	return fd < 0 ? p9_last_error() : fd;
}

struct descriptor_name p9_descriptor_name(int fd)
{
	struct descriptor_name name;
	snprintf(name.text, sizeof(name.text), "%d", fd);
	return name;
}

int p9_reopen(const struct p9_session *session, int fd, int flags)
{
	int opened =
	    openat(session->export->self_fd, p9_descriptor_name(fd).text, flags | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	return opened < 0 ? p9_last_error() : opened;
}

int p9_writable(const struct p9_session *session, const struct p9_fid *fid)
{
	if (!p9_share_of(session, fid)->writable)
		return -EROFS;
	return fid->reach.rights & REACH_WRITE ? 0 : -EACCES;
}

int p9_change_at(const struct p9_session *session, const struct p9_fid *fid, struct p9_string string, char *name,
		 struct p9_reach *reach)
{
	int error = fid->alien ? -EACCES : S_ISDIR(fid->kind) ? p9_name(string, name) : -ENOTDIR;
	if (!error && !p9_share_of(session, fid)->writable)
		error = -EROFS;
	if (!error && (p9_reach_step(session->export, &fid->reach, name, reach) || !(reach->rights & REACH_WRITE)))
		error = -EACCES;
	return error;
}

void p9_describe(struct p9_fid *fid, uint8_t share, const struct stat *st, const struct p9_fid *from)
{
	fid->share = share;
	fid->kind = st->st_mode & S_IFMT;
	fid->dev = st->st_dev;
	fid->alien = from && (from->alien || (from->dev != st->st_dev && is_alien(fid->fd)));
}

/* Not fcntl(): that of musl sets the flag a second time. */
int p9_clone(const struct p9_session *session, const struct p9_fid *from)
{
	int fd = from->open ? openat(session->export->self_fd, p9_descriptor_name(from->fd).text, O_PATH | O_CLOEXEC)
			    : (int)syscall(SYS_fcntl, from->fd, F_DUPFD_CLOEXEC, 0);
	return fd < 0 ? p9_last_error() : fd;
}
