/* SPDX-License-Identifier: Apache-2.0
 *
 * Pseudo-terminal pairs: /dev/ptmx makes one, /dev/pts/N (devpts) opens its slave, /dev/tty the controlling terminal.
 */
#include <asm/ioctls.h>
#include <linux/capability.h>
#include <linux/fcntl.h>
#include <linux/fs.h>
#include <linux/magic.h>
#include "guestkernel/drv/tty.h"
#include "guestkernel/fs/dentry.h"
#include "guestkernel/fs/dev.h"
#include "guestkernel/fs/inode.h"
#include "guestkernel/fs/mount.h"
#include "guestkernel/fs/tmpfs.h"
#include "guestkernel/lib.h"
#include "guestkernel/limits.h"
#include "guestkernel/mm/page.h"

#define TTY_GROUP 5 /* Debian's group tty, as devpts is mounted there */

static struct list pairs = LIST_INIT(pairs);
static struct superblock *devpts; /* one instance, whoever mounts it */

/* ---- devpts ---- */

int devpts_create(const char *options, struct superblock **out)
{
	struct inode *inode;
	if (devpts) {
		superblock_get(devpts);
		*out = devpts;
		return 0;
	}
	int r = tmpfs_create(&devpts_super_ops, "mode=755", &devpts);
	if (r)
		return r;
	struct inode *dir = devpts->root->inode;
	r = dir->ops->create(dir, devpts->root, K_S_IFCHR | 0666, DEV(5, 2), &inode);
	if (!r)
		r = dentry_make(devpts->root, "ptmx", inode, NULL);
	if (r)
		panic("no memory for devpts");
	superblock_get(devpts); /* it outlives its mounts */
	*out = devpts;
	return 0;
}

static int make_name(struct tty *tty)
{
	struct inode *dir = devpts->root->inode, *inode;
	char name[12];
	ksnprintf(name, sizeof(name), "%u", tty->index);
	int r = dir->ops->create(dir, devpts->root, K_S_IFCHR | 0620, DEV(PTY_MAJOR, tty->index), &inode);
	if (r)
		return r;
	inode->gid = TTY_GROUP;
	return dentry_make(devpts->root, name, inode, &tty->dentry);
}

void pty_remove_name(struct tty *tty)
{
	struct dentry *d = tty->dentry;
	if (!d)
		return;
	tty->dentry = NULL;
	if (!(d->flags & DENTRY_DELETED)) { /* root may have removed it */
		struct inode *dir = devpts->root->inode;
		dir->ops->unlink(dir, d);
		dentry_delete(d);
	}
	dentry_put(d);
}

/* ---- pairs ---- */

static struct tty *find(u64 index)
{
	struct tty *tty;
	list_for_each (tty, &pairs, link)
		if (tty->index == index)
			return tty;
	return NULL;
}

static void typed_signal(struct ldisc *l, int sig)
{
	tty_signal(container_of(l, struct tty, ldisc), sig);
}

static void packet_event(struct ldisc *l, u8 bits)
{
	struct tty *tty = container_of(l, struct tty, ldisc);
	if (!tty->packet)
		return;
	if (bits & (TIOCPKT_STOP | TIOCPKT_START)) /* the last one counts */
		tty->packet_status &= (u8) ~(TIOCPKT_STOP | TIOCPKT_START);
	if (bits & (TIOCPKT_DOSTOP | TIOCPKT_NOSTOP))
		tty->packet_status &= (u8) ~(TIOCPKT_DOSTOP | TIOCPKT_NOSTOP);
	tty->packet_status |= bits;
}

static int pair_create(struct tty **out)
{
	u32 index = 0;
	while (index < PTY_LIMIT && find(index))
		index++;
	if (index == PTY_LIMIT)
		return -ENOSPC;
	struct tty *tty = kzalloc(sizeof(*tty));
	if (!tty)
		return -ENOMEM;
	tty->refs = 1;
	tty->index = index;
	tty->locked = true;
	ldisc_init(&tty->ldisc);
	tty->ldisc.signal = typed_signal;
	tty->ldisc.event = packet_event;
	wait_queue_init(&tty->read_wait);
	wait_queue_init(&tty->write_wait);
	wait_queue_init(&tty->master_read_wait);
	wait_queue_init(&tty->master_write_wait);
	int r = make_name(tty);
	if (r) {
		kfree(tty);
		return r;
	}
	list_append(&pairs, &tty->link);
	*out = tty;
	return 0;
}

/* ---- opening ---- */

static int open_master(struct inode *inode, struct file *file)
{
	struct tty *tty;
	int r = devpts ? pair_create(&tty) : -ENODEV;
	if (r)
		return r;
	file->ops = &tty_master_ops;
	file->data = tty;
	return 0;
}

static int open_terminal(struct tty *tty, struct file *file)
{
	if (tty->locked || tty->hung_up)
		return -EIO;
	if (tty->exclusive[0] && !cred_has_cap(CAP_SYS_ADMIN))
		return -EBUSY;
	tty_get(tty);
	tty->slaves++;
	tty->slave_gone = false;
	file->ops = &tty_slave_ops;
	file->data = tty;
	if (!(file->flags & O_NOCTTY))
		tty_opened(tty, file);
	return 0;
}

static int open_slave(struct inode *inode, struct file *file)
{
	struct tty *tty = find(inode->rdev & 0xff);
	return tty ? open_terminal(tty, file) : -EIO;
}

static int open_current(struct inode *inode, struct file *file)
{
	struct tty *tty = tty_current();
	return tty ? open_terminal(tty, file) : -ENXIO;
}

long pty_open_peer(struct tty *tty, u32 flags)
{
	struct mount *m;
	struct file *file;
	if (!tty->dentry)
		return -EIO;
	list_for_each (m, &all_mounts, link) {
		if (m->sb != devpts)
			continue;
		struct path path = {m, tty->dentry};
		int fd, r = file_open_path(&path, flags & (O_ACCMODE | O_NOCTTY | O_NONBLOCK), &file);
		if (r)
			return r;
		fd = fd_install(file, 0, flags & O_CLOEXEC);
		if (fd < 0)
			file_put(file);
		return fd;
	}
	return -ENODEV;
}

static struct chrdev devices[] = {
    {.rdev = DEV(5, 0), .count = 1, .open = open_current},
    {.rdev = DEV(5, 2), .count = 1, .open = open_master},
    {.rdev = DEV(PTY_MAJOR, 0), .count = PTY_LIMIT, .open = open_slave},
};

void tty_init(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(devices); i++)
		dev_register(&devices[i]);
	if (vfs_mount("devpts", "/dev/pts", "devpts", MS_NOSUID | MS_NOEXEC, ""))
		panic("cannot mount /dev/pts");
}
