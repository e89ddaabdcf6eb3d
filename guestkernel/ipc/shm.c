/* SPDX-License-Identifier: Apache-2.0
 *
 * Owns System V shared memory: segments over tmpfs's nameless files, and their attaches, which are shared mappings.
 *
 * Each attach has an open file of its own, so that two attaches side by side never become one mapping. A segment that
 * was removed leaves the table with its last mapping.
 */
#include "guestkernel/ipc/shm.h"
#include <linux/capability.h>
#include <linux/fcntl.h>
#include <linux/resource.h>
#include "guestkernel/fs/vfs.h"
#include "guestkernel/lib.h"
#include "guestkernel/mm/page.h"
#include "guestkernel/mm/region.h"
#include "guestkernel/mm/vm.h"
#include "guestkernel/proc/process.h"

u64 shm_pages;

static int create(s32 key, u32 flags, u64 size, struct ipc_object **out);
static bool big_enough(const struct ipc_object *object, u64 size);
static void destroy(struct ipc_object *object);

struct ipc_table shm_table = {
    .create = create, .big_enough = big_enough, .destroy = destroy, .limit = &ipc_limits.shmmni, .last_index = -1};

static struct shm *shm_of(struct ipc_object *object)
{
	return container_of(object, struct shm, object);
}

static u64 pages_of(const struct shm *shm)
{
	return PAGE_UP(shm->size) >> PAGE_SHIFT;
}

/* ---- segments ---- */

static int check_size(u32 flags, u64 size)
{
	struct page_stats stats;
	u64 pages = PAGE_UP(size) >> PAGE_SHIFT;

	if (!size || size > ipc_limits.shmmax)
		return -EINVAL;
	if (size > INT64_MAX || shm_pages + pages > ipc_limits.shmall)
		return -ENOSPC;
	if (flags & K_SHM_HUGETLB)
		return -ENOMEM; /* no pages are set aside for it */
	page_stats(&stats);
	return pages > stats.total && !(flags & K_SHM_NORESERVE) ? -ENOMEM : 0;
}

static int make_memory(struct shm *shm, u32 mode)
{
	struct file *file;
	int error = shmem_file_create(shm->size, &file);

	if (error)
		return error;
	shm->inode = file->inode;
	inode_get(shm->inode);
	file_put(file);
	shm->inode->mode = K_S_IFREG | (mode & 0777);
	if (!shm->inode->mappings.next)
		list_init(&shm->inode->mappings);
	return 0;
}

static int create(s32 key, u32 flags, u64 size, struct ipc_object **out)
{
	struct shm *shm;
	int error = check_size(flags, size);

	if (error)
		return error;
	shm = kzalloc(sizeof(*shm));
	if (!shm)
		return -ENOMEM;
	shm->size = size;
	error = make_memory(shm, flags);
	if (!error)
		error = ipc_add(&shm_table, &shm->object, key, flags);
	if (error) {
		if (shm->inode)
			inode_put(shm->inode);
		kfree(shm);
		return error;
	}
	shm->inode->ino = (u64)shm->object.id;
	shm->ctime = ipc_now();
	shm->cpid = current->process->pid;
	shm_pages += pages_of(shm);
	ksnprintf(shm->name, sizeof(shm->name), "/SYSV%08x (deleted)", (u32)key);
	*out = &shm->object;
	return 0;
}

static bool big_enough(const struct ipc_object *object, u64 size)
{
	return size <= container_of(object, const struct shm, object)->size;
}

static void destroy(struct ipc_object *object)
{
	struct shm *shm = shm_of(object);

	inode_put(shm->inode);
	kfree(shm);
}

static void leave_table(struct shm *shm)
{
	shm_pages -= pages_of(shm);
	ipc_remove(&shm_table, &shm->object);
}

long shm_get(s32 key, u64 size, u32 flags)
{
	return ipc_get(&shm_table, key, flags, size);
}

/* ---- attaches ---- */

/* A mapping is going, by munmap(2), exec or exit: it stands no more among the inode's mappings. */
static void unmapped(struct file *file)
{
	struct shm *shm = file->data;

	shm->dtime = ipc_now();
	shm->lpid = current && current->process ? current->process->pid : 0;
	if (shm->object.mode & K_SHM_DEST && list_empty(&shm->inode->mappings) && !shm->object.removed)
		leave_table(shm);
}

static void release(struct file *file)
{
	struct shm *shm = file->data;

	ipc_unref(&shm_table, &shm->object);
}

static int no_write_back(struct file *file)
{
	return 0;
}

static const struct file_ops shm_file_ops = {.unmapped = unmapped, .release = release, .fsync = no_write_back};

/* Checks and rounds the address: 0, or -EINVAL. */
static int attach_address(u64 *addr, u32 flags)
{
	if (!*addr)
		return flags & K_SHM_REMAP ? -EINVAL : 0;
	if (!(*addr & ~PAGE_MASK))
		return 0;
	if (!(flags & K_SHM_RND))
		return -EINVAL;
	*addr = PAGE_DOWN(*addr);
	return !*addr && flags & K_SHM_REMAP ? -EINVAL : 0;
}

static struct file *attach_file(struct shm *shm, bool readonly)
{
	struct file *file = file_alloc(&shm_file_ops, shm->inode, (readonly ? O_RDONLY : O_RDWR) | O_LARGEFILE);

	if (!file)
		return NULL;
	file->anon_name = shm->name;
	file->data = shm;
	ipc_ref(&shm->object);
	return file;
}

static long map(struct mm *mm, struct shm *shm, u64 addr, u32 flags)
{
	u32 prot = PROT_READ | (flags & K_SHM_RDONLY ? 0 : PROT_WRITE) | (flags & K_SHM_EXEC ? PROT_EXEC : 0);
	u64 length = PAGE_UP(shm->size);
	struct file *file;
	long result;

	if (addr && !(flags & K_SHM_REMAP)) {
		const struct vma *vma = vma_find(mm, addr);

		if (addr + length < addr || (vma && vma->start < addr + length))
			return -EINVAL;
	}
	file = attach_file(shm, flags & K_SHM_RDONLY);
	if (!file)
		return -ENFILE;
	result = mm_mmap(mm, addr, length, prot, MAP_SHARED | (addr ? MAP_FIXED : 0), file, 0);
	if (result > 0) {
		shm->atime = ipc_now();
		shm->lpid = current->process->pid;
	}
	file_put(file);
	return result;
}

long shm_attach(struct mm *mm, int id, u64 addr, u32 flags)
{
	u32 rights = IPC_READ | (flags & K_SHM_RDONLY ? 0 : IPC_WRITE) | (flags & K_SHM_EXEC ? IPC_EXEC : 0);
	struct ipc_object *object;
	int error = id < 0 ? -EINVAL : attach_address(&addr, flags);

	if (!error)
		error = ipc_find_allowed(&shm_table, id, rights, &object);
	return error ? error : map(mm, shm_of(object), addr, flags);
}

/* The mapping at addr or above that begins an attach at addr. */
static struct vma *attach_at(struct mm *mm, u64 addr)
{
	struct vma *vma = vma_find(mm, addr);

	for (; vma; vma = vma_next(vma))
		if (vma->start >= addr && vma->file && vma->file->ops == &shm_file_ops &&
		    vma->start - addr == vma->pgoff << PAGE_SHIFT)
			return vma;
	return NULL;
}

int shm_detach(struct mm *mm, u64 addr)
{
	struct vma *vma = addr & ~PAGE_MASK ? NULL : attach_at(mm, addr), *next;
	struct file *file = vma ? vma->file : NULL;
	u64 end;
	int error = 0;

	if (!file)
		return -EINVAL;
	file_get(file); /* told apart from what another attach leaves at this address */
	end = addr + PAGE_UP(((struct shm *)file->data)->size);
	for (; vma && vma->start < end && !error; vma = next) {
		u64 start = vma->start, stop = vma->end;

		next = vma_next(vma);
		if (vma->file == file && start - addr == vma->pgoff << PAGE_SHIFT)
			error = range_unmap(mm, start, stop);
	}
	file_put(file);
	return error;
}

u64 shm_attaches(const struct shm *shm)
{
	struct list *link;
	u64 n = 0;

	for (link = shm->inode->mappings.next; link != &shm->inode->mappings; link = link->next)
		n++;
	return n;
}

u64 shm_resident_pages(const struct shm *shm)
{
	struct k_stat st = {0};

	if (shm->inode->ops->getattr)
		shm->inode->ops->getattr(shm->inode, &st);
	return (u64)st.blocks / (PAGE_SIZE / 512);
}

/* ---- control ---- */

void shm_stat(const struct shm *shm, struct k_shmid_ds *ds)
{
	*ds = (struct k_shmid_ds){.size = shm->size,
				  .atime = shm->atime,
				  .dtime = shm->dtime,
				  .ctime = shm->ctime,
				  .cpid = shm->cpid,
				  .lpid = shm->lpid,
				  .nattch = shm_attaches(shm)};
	ipc_show(&shm->object, &ds->perm);
}

int shm_set(int id, const struct k_ipc_perm *perm)
{
	struct ipc_object *object;
	int error = ipc_find_owned(&shm_table, id, &object);

	if (error)
		return error;
	ipc_set(object, perm);
	shm_of(object)->ctime = ipc_now();
	return 0;
}

int shm_remove(int id)
{
	struct ipc_object *object;
	int error = ipc_find_owned(&shm_table, id, &object);

	if (error)
		return error;
	if (!shm_attaches(shm_of(object))) {
		leave_table(shm_of(object));
		return 0;
	}
	object->mode |= K_SHM_DEST;
	object->key = K_IPC_PRIVATE; /* no shmget(2) finds it any more */
	return 0;
}

int shm_lock(int id, bool lock)
{
	struct ipc_object *object = ipc_find(&shm_table, id);

	if (!object)
		return -EINVAL;
	if (!cred_has_cap(CAP_IPC_LOCK)) {
		if (current->cred.euid != object->uid && current->cred.euid != object->cuid)
			return -EPERM;
		if (lock && !current->process->rlimit[RLIMIT_MEMLOCK].cur)
			return -EPERM;
	}
	object->mode = lock ? object->mode | K_SHM_LOCKED : object->mode & ~K_SHM_LOCKED;
	return 0;
}
