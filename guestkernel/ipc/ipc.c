/* SPDX-License-Identifier: Apache-2.0
 *
 * Owns tables of IPC objects: identifiers, lookup by key, permissions, limits. Knows no kind of object.
 *
 * An identifier is seq << 15 | index. seq grows when an index is used again, so that an old identifier does not name a
 * new object.
 */
#include "guestkernel/ipc/ipc.h"
#include <linux/capability.h>
#include "guestkernel/lib.h"
#include "guestkernel/mm/page.h"
#include "guestkernel/proc/process.h"

#define INDEX_BITS  15
#define INDEX_LIMIT (1 << INDEX_BITS)
#define SLOTS_FIRST 16u

/* Linux's defaults. */
struct ipc_limits ipc_limits = {
    .shmmax = 18446744073692774399ull,
    .shmall = 18446744073692774399ull,
    .shmmni = 4096,
    .semmsl = 32000,
    .semmns = 1024000000,
    .semopm = 500,
    .semmni = 32000,
    .msgmax = 8192,
    .msgmnb = 16384,
    .msgmni = 32000,
};

static u64 charged;

bool ipc_charge(u64 bytes)
{
	struct page_stats stats;

	page_stats(&stats);
	if (bytes > stats.total * PAGE_SIZE / 8 || charged > stats.total * PAGE_SIZE / 8 - bytes)
		return false;
	charged += bytes;
	return true;
}

void ipc_uncharge(u64 bytes)
{
	charged -= bytes;
}

s64 ipc_now(void)
{
	return (s64)(time_wall_ns() / 1000000000);
}

/* ---- the table ---- */

struct ipc_object *ipc_at(const struct ipc_table *table, unsigned index)
{
	return index < table->size ? table->slots[index] : NULL;
}

struct ipc_object *ipc_find(const struct ipc_table *table, int id)
{
	struct ipc_object *object = id < 0 ? NULL : ipc_at(table, (unsigned)id % INDEX_LIMIT);

	return object && object->id == id ? object : NULL;
}

int ipc_highest(const struct ipc_table *table)
{
	int index = (int)table->size - 1;

	while (index > 0 && !table->slots[index])
		index--;
	return MAX(index, 0);
}

static struct ipc_object *find_key(const struct ipc_table *table, s32 key)
{
	for (unsigned i = 0; table->used && i < table->size; i++)
		if (table->slots[i] && table->slots[i]->key == key)
			return table->slots[i];
	return NULL;
}

/* The lowest free index; -ENOSPC, -ENOMEM. */
static int free_index(struct ipc_table *table)
{
	unsigned i, size;
	struct ipc_object **slots;

	if (table->used >= MIN(*table->limit, (u64)INDEX_LIMIT))
		return -ENOSPC;
	for (i = 0; i < table->size; i++)
		if (!table->slots[i])
			return (int)i;
	size = table->size ? table->size * 2 : SLOTS_FIRST;
	slots = krealloc(table->slots, size * sizeof(struct ipc_object *));
	if (!slots)
		return -ENOMEM;
	memset(slots + table->size, 0, (size - table->size) * sizeof(struct ipc_object *));
	table->slots = slots;
	table->size = size;
	return (int)i;
}

int ipc_add(struct ipc_table *table, struct ipc_object *object, s32 key, u32 mode)
{
	const struct cred *cred = &current->cred;
	int index = free_index(table);

	if (index < 0)
		return index;
	if (index <= table->last_index)
		table->seq++;
	table->last_index = index;
	object->refs = 1;
	object->removed = false;
	object->key = key;
	object->seq = table->seq;
	object->id = (int)((u32)table->seq << INDEX_BITS & INT32_MAX) | index;
	object->uid = object->cuid = cred->euid;
	object->gid = object->cgid = cred->egid;
	object->mode = mode & 0777;
	table->slots[index] = object;
	table->used++;
	return 0;
}

void ipc_ref(struct ipc_object *object)
{
	object->refs++;
}

void ipc_unref(struct ipc_table *table, struct ipc_object *object)
{
	kassert(object->refs > 0);
	if (!--object->refs)
		table->destroy(object);
}

void ipc_remove(struct ipc_table *table, struct ipc_object *object)
{
	kassert(!object->removed);
	object->removed = true;
	table->slots[object->id % INDEX_LIMIT] = NULL;
	table->used--;
	ipc_unref(table, object);
}

long ipc_get(struct ipc_table *table, s32 key, u32 flags, u64 size)
{
	struct ipc_object *object = key == K_IPC_PRIVATE ? NULL : find_key(table, key);
	int error;

	if (!object) {
		if (key != K_IPC_PRIVATE && !(flags & K_IPC_CREAT))
			return -ENOENT;
		error = table->create(key, flags, size, &object);
		return error ? error : object->id;
	}
	if (flags & K_IPC_CREAT && flags & K_IPC_EXCL)
		return -EEXIST;
	if (!table->big_enough(object, size))
		return -EINVAL;
	return ipc_allowed(object, flags & 0777) ? object->id : -EACCES;
}

/* ---- permissions ---- */

static bool in_group(const struct cred *cred, u32 gid)
{
	if (cred->egid == gid)
		return true;
	for (u32 i = 0; i < cred_group_count(cred); i++)
		if (cred->groups->ids[i] == gid)
			return true;
	return false;
}

bool ipc_allowed(const struct ipc_object *object, u32 rights)
{
	const struct cred *cred = &current->cred;
	u32 asked = (rights >> 6 | rights >> 3 | rights) & 7, granted = object->mode;

	if (cred->euid == object->cuid || cred->euid == object->uid)
		granted >>= 6;
	else if (in_group(cred, object->cgid) || in_group(cred, object->gid))
		granted >>= 3;
	return !(asked & ~granted) || cred_has_cap(CAP_IPC_OWNER);
}

int ipc_find_owned(const struct ipc_table *table, int id, struct ipc_object **out)
{
	u32 euid = current->cred.euid;

	*out = ipc_find(table, id);
	if (!*out)
		return -EINVAL;
	return euid == (*out)->uid || euid == (*out)->cuid || cred_has_cap(CAP_SYS_ADMIN) ? 0 : -EPERM;
}

int ipc_find_stat(const struct ipc_table *table, int id, bool by_index, bool unchecked, struct ipc_object **out)
{
	*out = by_index ? ipc_at(table, (unsigned)id % INDEX_LIMIT) : ipc_find(table, id);
	if (!*out)
		return -EINVAL;
	return unchecked || ipc_allowed(*out, IPC_READ) ? 0 : -EACCES;
}

int ipc_find_allowed(const struct ipc_table *table, int id, u32 rights, struct ipc_object **out)
{
	*out = ipc_find(table, id);
	if (!*out)
		return -EINVAL;
	return ipc_allowed(*out, rights) ? 0 : -EACCES;
}

void ipc_show(const struct ipc_object *object, struct k_ipc_perm *perm)
{
	*perm = (struct k_ipc_perm){.key = object->key,
				    .uid = object->uid,
				    .gid = object->gid,
				    .cuid = object->cuid,
				    .cgid = object->cgid,
				    .mode = object->mode,
				    .seq = object->seq};
}

void ipc_set(struct ipc_object *object, const struct k_ipc_perm *perm)
{
	object->uid = perm->uid;
	object->gid = perm->gid;
	object->mode = (object->mode & ~0777u) | (perm->mode & 0777);
}
