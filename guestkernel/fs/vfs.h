/* SPDX-License-Identifier: Apache-2.0
 *
 * Files: open file descriptions, inodes, names, mounts, descriptor tables.
 *
 *   fd -> struct file (open file description) -> struct inode; struct path names a dentry in a mount.
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
struct vma;
struct mm;

struct path {
	struct mount *mount;
	struct dentry *dentry;
};

/* Bits of poll results: EPOLLIN etc. as in <linux/eventpoll.h>. */
struct poll_table; /* NULL: only the current state is asked */
/* Called by a file's poll operation for each queue that can make the state change. */
void poll_wait(struct poll_table *table, struct wait_queue *q);

struct file_ops {
	/* At *pos, which is advanced (NULL for things that have no position). Return bytes, 0 at the end, -errno. */
	long (*read)(struct file *file, struct uio *uio, u64 *pos);
	long (*write)(struct file *file, struct uio *uio, u64 *pos);
	u32 (*poll)(struct file *file, struct poll_table *table);
	long (*ioctl)(struct file *file, u32 cmd, u64 arg);      /* -ENOTTY for unknown */
	s64 (*seek)(struct file *file, s64 offset, int whence);  /* NULL: -ESPIPE */
	/* Directory entries from *pos on: emit returns false when the buffer is full. */
	int (*readdir)(struct file *file, void *arg, bool (*emit)(void *arg, const char *name, size_t len, u64 ino, unsigned type, u64 next_pos));
	int (*mmap)(struct file *file, struct vma *vma);         /* NULL: page cache of the inode, or -ENODEV when it has none */
	int (*fsync)(struct file *file);
	long (*fallocate)(struct file *file, int mode, u64 offset, u64 len);
	void (*release)(struct file *file);                      /* last reference is gone */
	int (*flush)(struct file *file);                         /* each close(2) */
	void (*show_fdinfo)(struct file *file, char *buf, size_t size);
};

struct file {
	u32 refs;
	u32 flags;           /* O_* of open(2), without O_CLOEXEC */
	u64 pos;
	const struct file_ops *ops;
	struct inode *inode; /* a reference; anonymous inodes for pipes, sockets, epoll ... */
	struct path path;    /* a reference, or {NULL} for things without a name */
	void *data;          /* the type's own */
	int owner_pid, owner_sig; /* F_SETOWN */
	u32 seals_pad;
};

struct inode_ops {
	int (*lookup)(struct inode *dir, const char *name, size_t len, struct inode **out); /* -ENOENT */
	int (*create)(struct inode *dir, struct dentry *d, u32 mode, u64 rdev, struct inode **out); /* any type by mode */
	int (*symlink)(struct inode *dir, struct dentry *d, const char *target, struct inode **out);
	int (*link)(struct inode *dir, struct dentry *d, struct inode *inode);
	int (*unlink)(struct inode *dir, struct dentry *d);
	int (*rmdir)(struct inode *dir, struct dentry *d);
	int (*rename)(struct inode *old_dir, struct dentry *old, struct inode *new_dir, struct dentry *new, u32 flags);
	long (*readlink)(struct inode *inode, char *buf, size_t size); /* length; not NUL-terminated */
	int (*follow)(struct inode *inode, struct path *out);          /* magic links of /proc */
	int (*open)(struct inode *inode, struct file *file);           /* sets file->ops and data */
	int (*truncate)(struct inode *inode, u64 size);
	int (*setattr)(struct inode *inode);                           /* attributes in *inode were changed */
	int (*getattr)(struct inode *inode, struct k_stat *st);        /* refresh before stat */
	/* Page cache: page `index` of the file, referenced; create: allocate a hole. NULL page with 0: a hole. -EIO, -ENOMEM */
	int (*get_page)(struct inode *inode, u64 index, bool create, struct page **page);
};

struct superblock;
struct inode {
	u32 refs;
	u32 mode, uid, gid, nlink;
	u64 ino, rdev, size;
	struct k_timespec atime, mtime, ctime;
	const struct inode_ops *ops;
	struct superblock *sb;
	void *data;
	u32 seals;          /* memfd */
	u64 generation;
	struct list mappings; /* shared users of mm_unmap_inode: mm/ owns it */
	void *locks;        /* flock and fcntl locks */
	void *watches;      /* inotify */
	void *pipe;         /* FIFO */
	void *socket;       /* bound AF_UNIX socket */
};

/* Descriptor tables */
struct files;
struct files *files_create(void);
struct files *files_clone(struct files *files);
struct files *files_get(struct files *files);
void files_put(struct files *files);
void files_close_on_exec(struct files *files);
int fd_install(struct file *file, int min_fd, bool cloexec); /* takes over the reference on success; -EMFILE */
struct file *fd_get(int fd);                                  /* with a reference, or NULL: EBADF */
struct file *fd_get_path(int fd);                             /* the same, O_PATH files too */
struct file *files_get_file(struct files *files, int fd);
int fd_close(int fd);

/* Open file descriptions */
struct file *file_alloc(const struct file_ops *ops, struct inode *inode, u32 flags); /* for anonymous objects; NULL: memory */
void file_get(struct file *file);
void file_put(struct file *file);
long file_read(struct file *file, struct uio *uio, u64 *pos);
long file_write(struct file *file, struct uio *uio, u64 *pos);
/* Reads kernel-side, all of it or an error (ELF loader). Returns bytes. */
long file_read_kernel(struct file *file, void *buf, size_t n, u64 pos);
struct inode *anon_inode(u32 mode); /* a fresh inode of no file system */
void inode_get(struct inode *inode);
void inode_put(struct inode *inode);

/* Root, working directory, umask */
struct fs_ctx;
struct fs_ctx *fs_ctx_create(void);
struct fs_ctx *fs_ctx_clone(struct fs_ctx *fs);
struct fs_ctx *fs_ctx_get(struct fs_ctx *fs);
void fs_ctx_put(struct fs_ctx *fs);
void path_get(const struct path *path);
void path_put(struct path *path);

/* Path walk. dirfd: AT_FDCWD or a descriptor. flags: LOOKUP_*. */
#define LOOKUP_FOLLOW 1u    /* follow a symbolic link at the end */
#define LOOKUP_DIRECTORY 2u /* the result must be a directory */
#define LOOKUP_EMPTY 4u     /* AT_EMPTY_PATH */
int path_lookup(int dirfd, const char *name, u32 flags, struct path *out);
/* open(2) from inside the kernel; for exec too (then checks execute permission when exec is set). */
int file_open(int dirfd, const char *name, u32 flags, u32 mode, struct file **out);
int file_open_exec(int dirfd, const char *name, int at_flags, struct file **out);
/* Text of a path as seen from the process's root; returns length with NUL or -ENAMETOOLONG. */
long path_text(const struct path *path, char *buf, size_t size);
int inode_permission(struct inode *inode, u32 mask); /* 4 read 2 write 1 execute of the current process */

/* File systems */
void vfs_init(void);              /* root tmpfs, /dev, /proc */
int initramfs_unpack(const void *base, u64 length); /* the boot archive; page-aligned contents are used in place */

/* An unnamed regular file of this size in memory, open for reading and writing (shared anonymous mappings). fs/tmpfs.c. -ENOMEM */
int shmem_file_create(u64 size, struct file **file);

/* Pipes (fs/pipe.c) */
int pipe_create(struct file **read_end, struct file **write_end, u32 flags);

#endif
