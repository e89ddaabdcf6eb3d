/* SPDX-License-Identifier: Apache-2.0
 *
 * Files: open file descriptions, inodes, descriptor tables, and what a file system provides.
 *
 *   fd -> struct file (open file description) -> struct inode; struct path names a dentry in a mount.
 *
 * Names and mounts are in dentry.h and mount.h, the path walk in namei.h, operations on inodes in inode.h.
 */
#ifndef GUESTKERNEL_FS_VFS_H
#define GUESTKERNEL_FS_VFS_H

#include "guestkernel/linux_abi.h"
#include "guestkernel/list.h"
#include "guestkernel/mm/uaccess.h"
#include "guestkernel/proc/sched.h"

struct inode;
struct dentry;
struct file;
struct mount;
struct page;
struct pipe;
struct vma;
struct mm;
struct statfs_info;
struct attr;

struct path {
	struct mount *mount;
	struct dentry *dentry;
};

/* Bits of poll results: EPOLLIN etc. as in <linux/eventpoll.h>. */
struct poll_table { /* NULL: only the current state is asked */
	void (*add)(struct poll_table *table, struct wait_queue *q);
};
/* Called by a file's poll operation for each queue that can make the state change. */
static inline void poll_wait(struct poll_table *table, struct wait_queue *q)
{
	if (table)
		table->add(table, q);
}

/* Receives one directory entry; false: the buffer is full, the entry was not taken. */
typedef bool (*emit_fn)(void *arg, const char *name, size_t len, u64 ino, unsigned type, u64 next_pos);

struct file_ops {
	/* At *pos, which is advanced (NULL for things that have no position). Return bytes, 0 at the end, -errno. */
	long (*read)(struct file *file, struct uio *uio, u64 *pos);
	long (*write)(struct file *file, struct uio *uio, u64 *pos);
	u32 (*poll)(struct file *file, struct poll_table *table); /* NULL: always readable and writable */
	long (*ioctl)(struct file *file, u32 cmd, u64 arg);	  /* -ENOTTY for unknown */
	s64 (*seek)(struct file *file, s64 offset, int whence);	  /* NULL: -ESPIPE */
	/* Directory entries from file->pos on; advances it past each entry that emit took. */
	int (*readdir)(struct file *file, void *arg, emit_fn emit);
	/* NULL: page cache of the inode, or -ENODEV when it has no get_page. May put another file in vma->file (and
	 * drop the reference that was there). */
	int (*mmap)(struct file *file, struct vma *vma);
	void (*unmapped)(struct file *file); /* a VMA that mapped it is going; it has left the inode's mappings */
	int (*fsync)(struct file *file);     /* NULL: -EINVAL */
	long (*fallocate)(struct file *file, int mode, u64 offset, u64 len);
	/* Moves up to len bytes into the pipe as page references (pipe_push_page); at least one byte, 0 at the end, or
	 * -errno; may sleep unless flags has SPLICE_F_NONBLOCK (or the file O_NONBLOCK). *pos as for read. */
	long (*splice_read)(struct file *file, struct pipe *pipe, u64 *pos, size_t len, u32 flags);
	/* Takes up to len bytes from the pipe (pipe_peek, pipe_consume, pipe_steal_page), which holds at least one. */
	long (*splice_write)(struct file *file, struct pipe *pipe, u64 *pos, size_t len, u32 flags);
	/* The type sends SIGIO (O_ASYNC): who gets it before F_SETOWN, a group as a negative number, 0: nobody. */
	int (*async)(struct file *file);
	void (*release)(struct file *file); /* last reference is gone */
	int (*flush)(struct file *file);    /* each close(2) */
	void (*show_fdinfo)(struct file *file, char *buf, size_t size);
};

struct file {
	u32 refs;
	u32 flags; /* O_* of open(2), without O_CLOEXEC */
	u64 pos;
	const struct file_ops *ops;
	struct inode *inode;	 /* a reference; anonymous inodes for pipes, sockets, epoll ... */
	struct path path;	 /* a reference, or {NULL} for things without a name */
	void *data;		 /* the type's own */
	const char *anon_name;	 /* what /proc/PID/fd shows for things without a name, e.g. "anon_inode:[eventpoll]" */
	struct async *async;	 /* its owner and SIGIO, or NULL: async.c */
	bool executes;		 /* opened for execve: counted in inode->execs */
	struct list epoll_items; /* who watches it: epoll.c */
};

/* A compressed block in a file, and which part of what comes out is wanted (abi/unpack.h). */
struct unpack_request {
	u64 offset;
	u32 packed, algorithm, skip, count;
};

struct inode_ops {
	/* A new inode (referenced) for a name that has no dentry yet; -ENOENT. NULL: every name that exists has a
	 * dentry. */
	int (*lookup)(struct inode *dir, const char *name, size_t len, struct inode **out);
	/* The same where the file system may sleep and may enter other names that it learns of (dentry.h). hint:
	 * LOOKUP_OPEN, LOOKUP_READ, here and below. */
	int (*lookup_entry)(struct dentry *dir, const char *name, size_t len, u32 hint, struct inode **out);
	/* `path` will be walked from dir: a hint before its first component is looked up. */
	void (*lookup_ahead)(struct dentry *dir, const char *path, u32 hint);
	/* Does a kept dentry still tell the truth? 1: yes; 0: no; -errno. May sleep. NULL: always. A name that is
	 * known to be absent is asked of the directory's inode. */
	int (*revalidate)(struct dentry *d, u32 hint);
	/* create() and symlink() find out themselves whether the name exists (-EEXIST): it need not be looked up first.
	 */
	bool create_tells;
	bool (*valid)(struct inode *inode); /* false: the dentry that has this inode is stale. NULL: always valid */
	/* The five below are called with permissions checked; d is the (unnamed yet) entry. They keep nlink and times.
	 */
	int (*create)(struct inode *dir, struct dentry *d, u32 mode, u64 rdev,
		      struct inode **out); /* any type by mode; d NULL: no name */
	int (*symlink)(struct inode *dir, struct dentry *d, const char *target, struct inode **out);
	int (*link)(struct inode *dir, struct dentry *d, struct inode *inode);
	int (*unlink)(struct inode *dir, struct dentry *d);
	int (*rmdir)(struct inode *dir, struct dentry *d); /* d is empty */
	/* Where not all entries are dentries and the file system must look: 0, -ENOTEMPTY. May sleep. */
	int (*empty)(struct dentry *d);
	/* replaced: the inode that `new` stands for so far, or NULL. flags: RENAME_EXCHANGE or 0 */
	int (*rename)(struct inode *old_dir, struct inode *inode, struct inode *new_dir, struct inode *replaced,
		      u32 flags);
	/* Instead of rename, called before the dentries change: d becomes `name` in new_dir. */
	int (*rename_name)(struct inode *old_dir, struct dentry *d, struct inode *new_dir, const char *name, size_t len,
			   struct inode *replaced, u32 flags);
	long (*readlink)(struct inode *inode, char *buf, size_t size); /* length; not NUL-terminated */
	int (*follow)(struct inode *inode, struct path *out);	       /* magic links of /proc */
	int (*open)(struct inode *inode, struct file *file);	       /* sets file->ops and data */
	int (*truncate)(struct inode *inode, u64 size);
	/* Before *inode changes; an error refuses it. 1: *inode has its new attributes already. */
	int (*setattr)(struct inode *inode, const struct attr *attr);
	int (*getattr)(struct inode *inode, struct k_stat *st); /* completes what stat tells from *inode */
	/* Page cache: page `index` of the file, referenced; create: allocate a hole. NULL page with 0: a hole.
	 * -EIO: beyond the end of the file; -ENOMEM; -ENOSPC */
	int (*get_page)(struct inode *inode, u64 index, bool create, struct page **page);
	/* May be NULL. A page table that maps 512 pages of the file from `index` (a multiple of that) on, for
	 * pt_link(); the file keeps it and has it unlinked by mm_unmap_inode_range(). NULL: not now. Must not sleep. */
	struct page *(*get_table)(struct inode *inode, u64 index, u32 prot);
	/* A shared mapping is about to write to a page of the cache. With this set each first write to a page is seen.
	 * 1: the page was replaced and unmapped, so that the access is to be tried again. */
	int (*page_dirty)(struct inode *inode, u64 index);
	/* Has blocks of the file decompressed where the file is kept, all at once; take() gets what comes out of each,
	 * and must not sleep. -EIO, -EINTR, -ENOMEM, -EUCLEAN; the first error. NULL: it cannot */
	int (*unpack)(struct inode *inode, const struct unpack_request *list, unsigned n, void *arg,
		      void (*take)(void *arg, unsigned i, const u8 *data, u32 bytes));
	/* *out: the inode's list of struct xattr, or *temporary, filled with a copy that the caller frees. change: the
	 * former, to be changed. May sleep. -EUCLEAN, -E2BIG, -EROFS, -EIO, -EINTR, -ENOMEM. NULL: -EOPNOTSUPP */
	int (*xattrs)(struct inode *inode, bool change, struct list *temporary, struct list **out);
	void (*destroy)(struct inode *inode); /* last reference is gone: frees what data holds */
};

struct superblock;
struct inode {
	u32 refs;
	u32 mode, uid, gid, nlink;
	u32 writers, execs; /* open files that can write; that are being executed (ETXTBSY) */
	u32 readers;	    /* open files that can only read */
	u64 ino, rdev, size;
	struct k_timespec atime, mtime, ctime, btime;
	const struct inode_ops *ops;
	struct superblock *sb;
	void *data;
	u32 seals;		     /* F_SEAL_* of memfd; mm/ refuses writable shared mappings for the write seals */
	bool linkable;		     /* O_TMPFILE without O_EXCL: linkat(2) may give it its first name */
	struct list mappings;	     /* shared users of mm_unmap_inode: mm/ owns it */
	struct inode_locks *locks;   /* flock and fcntl locks (locks.c) */
	struct inode_leases *leases; /* F_SETLEASE (lease.c), or NULL */
	struct list watches;	     /* inotify (inotify.c) */
	struct pipe *pipe;	     /* FIFO or anonymous pipe, while it is open */
	void *socket;		     /* bound AF_UNIX socket */
};

static inline bool inode_is(const struct inode *inode, u32 type)
{
	return (inode->mode & K_S_IFMT) == type;
}

/* A mounted (or internal) instance of a file system. */
struct super_ops {
	const char *type; /* as in /proc/mounts */
	u64 magic;	  /* statfs f_type */
	void (*statfs)(struct superblock *sb, struct statfs_info *info);
	void (*options)(struct superblock *sb, char *buf, size_t size); /* ",size=..." for /proc/mounts */
	int (*remount)(struct superblock *sb, const char *options);	/* NULL: options are not looked at */
	void (*unmounted)(struct superblock *sb); /* nothing shows its names any more; inodes may still be in use */
	void (*destroy)(struct superblock *sb);
};
struct superblock {
	u32 refs;   /* mounts and inodes */
	u32 mounts; /* detached ones in use too; the tree of names goes with the last */
	const struct super_ops *ops;
	u64 dev; /* st_dev */
	u64 next_ino;
	bool pinned; /* a dentry of a name that exists holds its own reference (no backing store to look it up again) */
	/* Names are kept with a reference of their own, the longest unused ones dropped beyond names_limit. */
	bool keeps_names;
	bool keeps_absence; /* those that do not exist too */
	bool read_only;	    /* whatever its mounts say */
	bool immutable;	    /* read_only for good: an image */
	bool layered;	    /* a dentry is truer than what a lookup says (dentry.h) */
	u32 names, names_limit;
	struct list unused; /* dentries that are kept, the one used longest ago first */
	struct dentry *root;
	void *data;
};
struct statfs_info {
	u64 blocks, bfree, files, ffree;
};

/* Descriptor tables */
struct files;
struct files *files_create(void);
struct files *files_clone(struct files *files);
struct files *files_get(struct files *files);
void files_put(struct files *files);
bool files_shared(const struct files *files); /* more than one process uses it */
void files_close_on_exec(struct files *files);
int fd_install(struct file *file, int min_fd, bool cloexec); /* takes over the reference on success; -EMFILE */
/* The same in two steps, so that nothing can fail after the file was made: a slot that is in use but not open ... */
int fd_reserve(int min_fd, bool cloexec);
void fd_publish(int fd, struct file *file);		  /* ... gets its file (the reference is taken over) ... */
void fd_unreserve(int fd);				  /* ... or is given back. */
struct file *fd_get(int fd);				  /* with a reference, or NULL: EBADF */
struct file *fd_get_path(int fd);			  /* the same, O_PATH files too */
struct file *files_get_file(struct files *files, int fd); /* the same of any table */
int fd_close(int fd);
/* Makes `to` a duplicate of file (dup2): what was open there is closed. -EBADF, -EBUSY, -ENOMEM */
int fd_replace(int to, struct file *file, bool cloexec);
int fd_cloexec(int fd, int set); /* set < 0: only asks; returns the old state or -EBADF */
/* Closes first..last, or only marks them close-on-exec. */
void fd_close_range(u32 first, u32 last, bool only_cloexec);
/* The lowest open descriptor >= fd of a table, or -1. */
int files_next(struct files *files, int fd, bool *cloexec);
u32 files_slots(struct files *files); /* FDSize of /proc/PID/status */

/* Open file descriptions */
struct file *file_alloc(const struct file_ops *ops, struct inode *inode,
			u32 flags); /* for anonymous objects; NULL: memory */
/* The same with a fresh anonymous inode; name as in /proc/PID/fd. */
struct file *file_alloc_anon(const struct file_ops *ops, void *data, u32 flags, const char *name);
/* Where lseek(2) ends: moves to base + offset, both of any size; -EINVAL when that is no position. */
s64 file_seek_from(struct file *file, s64 base, s64 offset);
/* Does the file have positions that pread(2) and its like can name? Not what lseek(2) only does no harm to. */
bool file_has_position(const struct file *file);
/* -EINVAL when len bytes from pos on would end beyond the last position (positions that are addresses, as those of
 * /proc/PID/mem are, may lie above it). */
int file_check_span(const struct file *file, u64 pos, u64 len);
/* How many of len bytes may be written at pos: RLIMIT_FSIZE cuts, and ends in -EFBIG with SIGXFSZ. */
long file_write_room(const struct file *file, u64 pos, u64 len);
void file_get(struct file *file);
void file_put(struct file *file);
/* Counts who has a regular file open for writing or for reading: change 1, or -1 as file_put() does. */
void file_count_open(const struct file *file, int change);
long file_read(struct file *file, struct uio *uio, u64 *pos);
/* Lets an anonymous file (with an inode of its own) be opened again through /proc/PID/fd: reopen.c. */
void file_make_reopenable(struct file *file);
void file_reopen_gone(struct file *file); /* file_put() alone calls it */
long file_write(struct file *file, struct uio *uio, u64 *pos);
s64 noop_seek(struct file *file, s64 offset, int whence); /* things without positions that do not mind: always 0 */
u32 file_poll(struct file *file, struct poll_table *table);
static inline bool file_readable(const struct file *file)
{
	return !(file->flags & 1); /* access mode 3 permits neither */
}
static inline bool file_writable(const struct file *file)
{
	return (file->flags & 3) == 1 || (file->flags & 3) == 2;
}
/* Reads kernel-side, all of it or an error (ELF loader). Returns bytes. */
long file_read_kernel(struct file *file, void *buf, size_t n, u64 pos);
long file_write_kernel(struct file *file, const void *buf, size_t n, u64 *pos);
extern u64 files_open;		    /* open file descriptions in the guest */
struct inode *anon_inode(u32 mode); /* a fresh inode of no file system */
void inode_get(struct inode *inode);
void inode_put(struct inode *inode);

/* Root, working directory, umask */
struct fs_ctx {
	u32 refs, umask;
	struct path root, cwd;
};
struct fs_ctx *fs_ctx_create(void);
struct fs_ctx *fs_ctx_clone(struct fs_ctx *fs);
struct fs_ctx *fs_ctx_get(struct fs_ctx *fs);
void fs_ctx_put(struct fs_ctx *fs);
struct fs_ctx *fs_ctx_current(void); /* of the current process; the kernel's own outside of one */
void path_get(const struct path *path);
void path_put(struct path *path); /* {NULL} is harmless; becomes {NULL} */

/* Path walk. dirfd: AT_FDCWD or a descriptor. flags: LOOKUP_*. */
#define LOOKUP_FOLLOW	 1u /* follow a symbolic link at the end */
#define LOOKUP_DIRECTORY 2u /* the result must be a directory */
#define LOOKUP_EMPTY	 4u /* AT_EMPTY_PATH */
/* Hints of what the last name is wanted for: */
#define LOOKUP_OPEN 512u  /* it will be opened, executed or changed */
#define LOOKUP_READ 1024u /* opened for reading */
#define LOOKUP_GONE 2048u /* it will be removed, whatever it is */
int path_lookup(int dirfd, const char *name, u32 flags, struct path *out);
/* open(2) from inside the kernel; for exec too (then checks execute permission when exec is set). */
int file_open(int dirfd, const char *name, u32 flags, u32 mode, struct file **out);
int file_open_exec(int dirfd, const char *name, int at_flags, struct file **out);
/* Opens what a path already names (/proc links, descriptors). */
int file_open_path(const struct path *path, u32 flags, struct file **out);
/* The same without a look at permissions, for the kernel's own use. */
int file_open_unchecked(const struct path *path, u32 flags, struct file **out);
/* Text of a path as seen from the process's root; returns length with NUL or -ENAMETOOLONG. */
long path_text(const struct path *path, char *buf, size_t size);
/* Is it within what the current process can reach from its root? */
bool path_reachable(const struct path *path);
int inode_permission(struct inode *inode, u32 mask); /* 4 read 2 write 1 execute of the current process */

/* File systems */
void vfs_init(void);				    /* root tmpfs, /dev, /proc */
int initramfs_unpack(const void *base, u64 length); /* the boot archive; page-aligned contents are used in place */

/* Memory that behaves as a file (tmpfs without a name): MAP_SHARED|MAP_ANONYMOUS, memfd, System V shared memory. */
int shmem_file_create(u64 size, struct file **out);

/* Pipes (fs/pipe.c) */
int pipe_create(struct file **read_end, struct file **write_end, u32 flags);

#endif
