/* SPDX-License-Identifier: Apache-2.0
 *
 * Names of AF_UNIX sockets: paths in the file system, abstract names, autobind.
 */
#include "guestkernel/fs/dentry.h"
#include "guestkernel/fs/inode.h"
#include "guestkernel/lib.h"
#include "guestkernel/mm/page.h"
#include "guestkernel/net/unix.h"
#include <linux/fcntl.h>

#define BUCKETS	       64
#define AUTOBIND_NAMES 0x100000 /* five hexadecimal digits */

static struct list abstract_names[BUCKETS]; /* unix_sock.name_link; zero until first use */

struct unix_name *unix_name_get(struct unix_name *name)
{
	if (name)
		name->refs++;
	return name;
}

void unix_name_put(struct unix_name *name)
{
	if (name && !--name->refs)
		kfree(name);
}

u32 unix_name_copy(const struct unix_name *name, void *addr)
{
	const u16 family = K_AF_UNIX;
	if (!name) {
		memcpy(addr, &family, sizeof(family));
		return sizeof(family);
	}
	memcpy(addr, name->addr, name->len);
	return name->len;
}

static int check(const void *addr, u32 len)
{
	u16 family;
	if (len <= UNIX_ADDR_MIN || len > UNIX_ADDR_MAX)
		return -EINVAL;
	memcpy(&family, addr, sizeof(family));
	return family == K_AF_UNIX ? 0 : -EINVAL;
}

static struct unix_name *new_name(const void *addr, u32 len)
{
	struct unix_name *n = kzalloc(sizeof(*n));
	if (n) {
		n->refs = 1;
		n->len = len;
		memcpy(n->addr, addr, len);
	}
	return n;
}

/* ---- abstract names: each type has its own ---- */

static struct list *bucket(const u8 *addr, u32 len, int type)
{
	u32 hash = (u32)type;
	for (u32 i = UNIX_ADDR_MIN; i < len; i++)
		hash = hash * 31 + addr[i];
	struct list *b = &abstract_names[hash % BUCKETS];
	if (!b->next)
		list_init(b);
	return b;
}

static struct unix_sock *find_abstract(const u8 *addr, u32 len, int type)
{
	struct unix_sock *u;
	list_for_each (u, bucket(addr, len, type), name_link)
		if (u->socket.type == type && u->name->len == len && !memcmp(u->name->addr, addr, len))
			return u;
	return NULL;
}

static int bind_abstract(struct unix_sock *u, const void *addr, u32 len)
{
	if (find_abstract(addr, len, u->socket.type))
		return -EADDRINUSE;
	struct unix_name *name = new_name(addr, len);
	if (!name)
		return -ENOMEM;
	u->name = name;
	list_push(bucket(name->addr, len, u->socket.type), &u->name_link);
	return 0;
}

int unix_autobind(struct unix_sock *u)
{
	static u32 next;
	u8 addr[UNIX_ADDR_MIN + 1 + 5 + 1] = {K_AF_UNIX};
	if (u->name)
		return 0;
	for (u32 tries = 0; tries < AUTOBIND_NAMES; tries++) {
		ksnprintf((char *)addr + UNIX_ADDR_MIN + 1, 6, "%05x", next++ % AUTOBIND_NAMES);
		int r = bind_abstract(u, addr, sizeof(addr) - 1);
		if (r != -EADDRINUSE)
			return r;
	}
	return -ENOSPC;
}

/* ---- paths ---- */

/* Path names end at the first NUL; text gets one in any case. */
static void path_of(const void *addr, u32 len, char text[UNIX_PATH_BYTES + 1])
{
	memcpy(text, (const u8 *)addr + UNIX_ADDR_MIN, len - UNIX_ADDR_MIN);
	text[len - UNIX_ADDR_MIN] = 0;
}

static int bind_path(struct unix_sock *u, const void *addr, u32 len)
{
	char text[UNIX_PATH_BYTES + 1];
	struct inode *inode;
	path_of(addr, len, text);
	struct unix_name *name = new_name(addr, UNIX_ADDR_MIN);
	if (!name)
		return -ENOMEM;
	name->len = UNIX_ADDR_MIN + (u32)strlen(text) + 1;
	memcpy(name->addr + UNIX_ADDR_MIN, text, strlen(text) + 1);
	int r = vfs_mknod(AT_FDCWD, text, K_S_IFSOCK | 0777, 0, &inode);
	if (!r && u->name) { /* another thread was first while the walk slept */
		inode_put(inode);
		r = -EINVAL;
	}
	if (r) {
		unix_name_put(name);
		return r == -EEXIST ? -EADDRINUSE : r;
	}
	u->name = name;
	u->inode = inode;
	inode->socket = u;
	return 0;
}

static bool path_exists(const void *addr, u32 len)
{
	char text[UNIX_PATH_BYTES + 1];
	struct path path;
	path_of(addr, len, text);
	if (path_lookup(AT_FDCWD, text, 0, &path))
		return false;
	path_put(&path);
	return true;
}

static int find_path(const void *addr, u32 len, struct unix_sock **out)
{
	char text[UNIX_PATH_BYTES + 1];
	struct path path;
	path_of(addr, len, text);
	int r = path_lookup(AT_FDCWD, text, LOOKUP_FOLLOW, &path);
	if (r)
		return r;
	struct inode *inode = path.dentry->inode;
	r = inode_permission(inode, MAY_WRITE);
	if (!r) {
		*out = inode_is(inode, K_S_IFSOCK) ? inode->socket : NULL;
		r = *out ? 0 : -ECONNREFUSED;
	}
	path_put(&path);
	return r;
}

/* ---- what the families' operations are made of ---- */

int unix_bind(struct socket *s, const void *addr, u32 len)
{
	struct unix_sock *u = unix_of(s);
	u16 family = 0;
	if (len >= sizeof(family))
		memcpy(&family, addr, sizeof(family));
	if (len == UNIX_ADDR_MIN && family == K_AF_UNIX)
		return unix_autobind(u);
	int r = check(addr, len);
	if (r)
		return r;
	bool abstract = !((const u8 *)addr)[UNIX_ADDR_MIN];
	if (u->name)
		return abstract || !path_exists(addr, len) ? -EINVAL : -EADDRINUSE;
	return abstract ? bind_abstract(u, addr, len) : bind_path(u, addr, len);
}

void unix_unbind(struct unix_sock *u)
{
	list_remove(&u->name_link);
	if (u->inode) {
		u->inode->socket = NULL;
		inode_put(u->inode);
		u->inode = NULL;
	}
}

int unix_find(const void *addr, u32 len, int type, struct unix_sock **out)
{
	int r = check(addr, len);
	if (r)
		return r;
	if (((const u8 *)addr)[UNIX_ADDR_MIN]) {
		r = find_path(addr, len, out);
	} else {
		*out = find_abstract(addr, len, type);
		r = *out ? 0 : -ECONNREFUSED;
	}
	if (!r && (*out)->socket.type != type)
		return -EPROTOTYPE;
	if (!r)
		unix_get(*out);
	return r;
}
