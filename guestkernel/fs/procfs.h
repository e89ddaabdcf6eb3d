/* SPDX-License-Identifier: Apache-2.0
 *
 * procfs and sysfs: trees of tables, and files whose text is made when they are read.
 */
#ifndef GUESTKERNEL_FS_PROCFS_H
#define GUESTKERNEL_FS_PROCFS_H

#include "guestkernel/fs/vfs.h"

struct process;

int procfs_create(struct superblock **out);
int sysfs_create(struct superblock **out);

/* ---- text that grows ---- */
struct text {
	char *buf;
	size_t len, size;
	bool failed; /* out of memory: what is missing is missing */
	/* A text of any length is made in windows, each when a reader gets there. */
	bool paused; /* there is more, from `next` on: what it counts is show's own, 0 is the beginning */
	u64 next;
	u64 base; /* where in the file buf begins */
};
void text_printf(struct text *t, const char *format, ...) __attribute__((format(printf, 2, 3)));
void text_add(struct text *t, const void *bytes, size_t n);
/* Spaces up to `width` bytes from where t->len was `start`. */
void text_pad(struct text *t, size_t start, size_t width);
/* For show, behind a line: whether the window is full. Then it returns, and is called again with t->next = `next`. */
bool text_pause(struct text *t, u64 next);
/* A path with space, tab, newline and backslash as octal escapes (proc(5), mounts). */
void text_escaped(struct text *t, const char *s);

/* ---- tables ---- */
/* What an inode is about. */
struct proc_ref {
	struct process *process; /* a reference, or NULL */
	int tid;		 /* 0: the process as a whole */
	int fd;
};

struct proc_entry {
	const char *name;
	u32 mode; /* type and permissions */
	void (*show)(struct text *t, const struct proc_ref *ref);
	/* text has a NUL behind its n bytes. Returns n or -errno. */
	long (*write)(const struct proc_ref *ref, char *text, size_t n);
	bool guarded;							      /* only for who may inspect the process */
	long (*readlink)(const struct proc_ref *ref, char *buf, size_t size); /* symbolic links */
	int (*follow)(const struct proc_ref *ref, struct path *out);	      /* those that lead straight to a file */
	const struct proc_entry *children;				      /* directories: up to a NULL name */
	/* Directories: names that are not in a table. lookup fills *entry and *ref (whose process gets a reference). */
	int (*lookup)(const struct proc_ref *dir, const char *name, const struct proc_entry **entry,
		      struct proc_ref *ref);
	/* The first such name at or after id: false: none. */
	bool (*next)(const struct proc_ref *dir, u64 *id, char name[16]);
	u64 (*subdirectories)(const struct proc_ref *dir); /* for st_nlink, where programs look at it */
	u32 (*permissions)(const struct proc_ref *ref);	   /* where they are not always those of mode */
	u64 value;					   /* for show and write of numbers */
	/* Regular files that are no text: what an open file does, and what it does first (file->data is its own). */
	const struct file_ops *ops;
	void (*open)(struct file *file);
};
#define PROC_DIR  (K_S_IFDIR | 0555)
#define PROC_FILE (K_S_IFREG | 0444)
#define PROC_LINK (K_S_IFLNK | 0777)

extern const struct proc_entry proc_pid_dir, proc_tid_dir; /* proc_pid.c */
extern const struct proc_entry proc_sys_children[];	   /* proc_sys.c */
extern const struct proc_entry proc_root_children[];	   /* proc_root.c: the files of /proc itself */
extern const struct proc_entry sysfs_net_children[];	   /* sysfs_net.c */
/* sysfs_cache.c: the caches of one CPU, the number of which is dir->fd */
int sysfs_lookup_cache(const struct proc_ref *dir, const char *name, const struct proc_entry **entry,
		       struct proc_ref *ref);
bool sysfs_next_cache(const struct proc_ref *dir, u64 *id, char name[16]);
extern const struct proc_entry sysfs_root;				      /* sysfs.c */
extern const struct proc_entry proc_sysvipc_children[] __attribute__((weak)); /* ipc/: /proc/sysvipc */
extern const struct proc_entry proc_net_children[] __attribute__((weak));     /* net/: /proc/net, if it is there */

/* What a regular file of procfs is about. */
const struct proc_ref *procfs_ref(const struct inode *inode);
/* The process that an inode is /proc/PID of, not referenced; NULL: it is something else. */
struct process *procfs_process(const struct inode *inode);
/* May the current process see what is private to p (environment, memory map, descriptors)? As ptrace(2) attach. */
bool proc_may_inspect(const struct process *p);
/* What /proc/PID/fd/N says of an open file. Length, not NUL-terminated. */
long proc_describe_file(struct file *file, char *buf, size_t size);
/* A name that leads to an open file: its path, or a nameless entry for pipes and the like. */
int proc_path_of_file(struct file *file, struct path *out);
/* ipc/: the limits of /proc/sys/kernel that are System V's. */
#define PROC_IPC_LIMIT(name)                                                                                           \
	void proc_show_##name(struct text *t, const struct proc_ref *ref) __attribute__((weak));                       \
	long proc_write_##name(const struct proc_ref *ref, char *text, size_t n) __attribute__((weak));
PROC_IPC_LIMIT(shmmax)
PROC_IPC_LIMIT(shmall)
PROC_IPC_LIMIT(shmmni)
PROC_IPC_LIMIT(msgmax)
PROC_IPC_LIMIT(msgmnb)
PROC_IPC_LIMIT(msgmni)
PROC_IPC_LIMIT(semlimits)
void proc_show_mounts(struct text *t, const struct proc_ref *ref);
void proc_show_mountinfo(struct text *t, const struct proc_ref *ref);

#endif
