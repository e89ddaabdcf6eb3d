/* SPDX-License-Identifier: Apache-2.0
 *
 * Owns the contents of tmpfs's regular files: the page cache is the only place they are. Also memory without a name
 * (shared anonymous mappings, memfd).
 */
#include <linux/falloc.h>
#include <linux/fcntl.h>
#include <linux/fs.h>
#include <linux/memfd.h>
#include "guestkernel/fs/inode.h"
#include "guestkernel/fs/mount.h"
#include "guestkernel/fs/pipe.h"
#include "guestkernel/fs/tmpfs.h"
#include "guestkernel/lib.h"
#include "guestkernel/mm/page.h"
#include "guestkernel/mm/vm.h"

/* Newer than Debian 12's headers. */
#ifndef F_SEAL_EXEC
#define F_SEAL_EXEC 0x20
#endif
#ifndef MFD_EXEC
#define MFD_NOEXEC_SEAL 8u
#define MFD_EXEC	16u
#endif

#define MAX_SIZE 0x7fffffffffffffffull /* of a file: loff_t */

static struct page *cached(const struct inode *inode, u64 index)
{
	return radix_get(&tmpfs_node(inode)->pages, index);
}

int tmpfs_insert_page(struct inode *inode, u64 index, struct page *page)
{
	struct tmpfs_sb *t = tmpfs_sb(inode);
	int r = !tmpfs_pages_left(t) ? -ENOSPC : radix_set(&tmpfs_node(inode)->pages, index, page);
	if (r) {
		page_put(page);
		return r;
	}
	page_set_cache(page, inode, index);
	tmpfs_pool_count(t, true);
	return 0;
}

static void drop_page(struct inode *inode, u64 index)
{
	struct page *page = radix_remove(&tmpfs_node(inode)->pages, index);
	if (!page)
		return;
	page_clear_cache(page);
	tmpfs_pool_count(tmpfs_sb(inode), false);
	page_put(page);
}

/* The page at index without a reference, made when it is a hole. whole: the caller overwrites all of it. */
static int make_page(struct inode *inode, u64 index, bool whole, struct page **out)
{
	struct page *page = cached(inode, index);
	if (!page) {
		if (!tmpfs_pages_left(tmpfs_sb(inode)))
			return -ENOSPC;
		page = page_alloc(0, whole ? 0 : ALLOC_ZERO);
		if (!page)
			return -ENOMEM;
		int r = tmpfs_insert_page(inode, index, page);
		if (r)
			return r;
	}
	*out = page;
	return 0;
}

int tmpfs_get_page(struct inode *inode, u64 index, bool create, struct page **out)
{
	*out = NULL;
	if (index >= PAGE_UP(inode->size) / PAGE_SIZE)
		return -EIO;
	struct page *page = cached(inode, index);
	if (!page && create) {
		int r = make_page(inode, index, false, &page);
		if (r)
			return r;
	}
	if (page)
		page_get(page);
	*out = page;
	return 0;
}

/* ---- read and write ---- */

static long file_read_pages(struct file *file, struct uio *uio, u64 *pos)
{
	struct inode *inode = file->inode;
	size_t done = 0;
	if (!(file->flags & O_NOATIME))
		inode_touch_atime(&file->path, inode);
	while (uio->left && *pos < inode->size) {
		size_t offset = *pos & (PAGE_SIZE - 1);
		size_t n = MIN(MIN(PAGE_SIZE - offset, inode->size - *pos), uio->left);
		struct page *page = cached(inode, *pos / PAGE_SIZE);
		size_t moved;
		if (page) {
			page_get(page); /* the copy may sleep */
			moved = uio_copy_to(uio, (u8 *)page_virt(page) + offset, n);
			page_put(page);
		} else {
			moved = uio_zero(uio, n);
		}
		*pos += moved;
		done += moved;
		if (moved < n)
			return done ? (long)done : -EFAULT;
	}
	return (long)done;
}

static int check_seals(const struct inode *inode, u64 end)
{
	if (inode->seals & (F_SEAL_WRITE | F_SEAL_FUTURE_WRITE))
		return -EPERM;
	return (inode->seals & F_SEAL_GROW) && end > inode->size ? -EPERM : 0;
}

/* Copies up to n bytes into one page; returns how many or -errno. */
static long write_page(struct inode *inode, u64 pos, size_t n, struct uio *uio)
{
	size_t offset = pos & (PAGE_SIZE - 1);
	struct page *page = cached(inode, pos / PAGE_SIZE);
	bool fresh = !page;
	int r = fresh ? make_page(inode, pos / PAGE_SIZE, n == PAGE_SIZE, &page) : 0;
	if (r)
		return r;
	page_get(page);
	size_t moved = uio_copy_from(uio, (u8 *)page_virt(page) + offset, n);
	if (fresh && n == PAGE_SIZE && moved < n)
		memset((u8 *)page_virt(page) + moved, 0, n - moved); /* it was not zeroed */
	page_put(page);
	return moved ? (long)moved : -EFAULT;
}

static long file_write_pages(struct file *file, struct uio *uio, u64 *pos)
{
	struct inode *inode = file->inode;
	size_t done = 0;
	if (file->flags & O_APPEND)
		*pos = inode->size;
	if (!uio->left)
		return 0;
	if (*pos >= MAX_SIZE)
		return -EFBIG;
	long r = check_seals(inode, *pos + uio->left);
	if (r)
		return r;
	inode_drop_suid(inode);
	while (uio->left) {
		size_t n = MIN(PAGE_SIZE - (*pos & (PAGE_SIZE - 1)), uio->left);
		r = write_page(inode, *pos, n, uio);
		if (r < 0)
			break;
		*pos += (u64)r;
		done += (size_t)r;
		inode->size = MAX(inode->size, *pos);
		if ((size_t)r < n)
			break;
	}
	if (!done)
		return r;
	inode_changed(inode);
	return (long)done;
}

/* ---- size and holes ---- */

static void drop_range(struct inode *inode, u64 first, u64 end)
{
	u64 index = first;
	while (radix_next(&tmpfs_node(inode)->pages, &index) && index < end)
		drop_page(inode, index++);
}

static void zero_part(struct inode *inode, u64 pos, u64 n)
{
	struct page *page = cached(inode, pos / PAGE_SIZE);
	if (page && n)
		memset((u8 *)page_virt(page) + (pos & (PAGE_SIZE - 1)), 0, n);
}

int tmpfs_truncate(struct inode *inode, u64 size)
{
	u64 old = inode->size;
	if (size > MAX_SIZE)
		return -EFBIG;
	if ((size < old && (inode->seals & F_SEAL_SHRINK)) || (size > old && (inode->seals & F_SEAL_GROW)))
		return -EPERM;
	inode->size = size;
	if (size >= old)
		return 0;
	u64 first = PAGE_UP(size) / PAGE_SIZE;
	mm_unmap_inode(inode, first);
	drop_range(inode, first, ~0ull);
	if (size & (PAGE_SIZE - 1))
		zero_part(inode, size, PAGE_SIZE - (size & (PAGE_SIZE - 1)));
	return 0;
}

void tmpfs_free_pages(struct inode *inode)
{
	drop_range(inode, 0, ~0ull);
	radix_free(&tmpfs_node(inode)->pages);
}

static long punch_hole(struct inode *inode, u64 offset, u64 len)
{
	u64 end = offset + len, first = PAGE_UP(offset) / PAGE_SIZE, last = end / PAGE_SIZE;
	if (inode->seals & (F_SEAL_WRITE | F_SEAL_FUTURE_WRITE))
		return -EPERM;
	if (first > last) { /* inside one page */
		zero_part(inode, offset, len);
		return 0;
	}
	zero_part(inode, offset, first * PAGE_SIZE - offset);
	if (end & (PAGE_SIZE - 1))
		zero_part(inode, last * PAGE_SIZE, end & (PAGE_SIZE - 1));
	if (first < last)
		mm_unmap_inode_range(inode, first, last);
	drop_range(inode, first, last);
	return 0;
}

/* How many pages of [first, end) are holes. */
static u64 holes_in(const struct inode *inode, u64 first, u64 end)
{
	u64 present = 0;
	for (u64 i = first; radix_next(&tmpfs_node(inode)->pages, &i) && i < end; i++)
		present++;
	return end - first - present;
}

static long file_fallocate(struct file *file, int mode, u64 offset, u64 len)
{
	struct inode *inode = file->inode;
	if (mode & ~(FALLOC_FL_KEEP_SIZE | FALLOC_FL_PUNCH_HOLE))
		return -EOPNOTSUPP;
	inode_drop_suid(inode);
	if (mode & FALLOC_FL_PUNCH_HOLE) {
		if (!(mode & FALLOC_FL_KEEP_SIZE))
			return -EOPNOTSUPP;
		long r = punch_hole(inode, offset, len);
		if (!r)
			inode_changed(inode);
		return r;
	}
	if (offset + len > inode->size && (inode->seals & F_SEAL_GROW))
		return -EPERM;
	int limit = vfs_check_size_limit(inode, offset + len);
	if (limit)
		return limit;
	u64 first = offset / PAGE_SIZE, end = PAGE_UP(offset + len) / PAGE_SIZE, i;
	struct tmpfs_sb *t = tmpfs_sb(inode);
	if (end - first > tmpfs_pages_total(t) || holes_in(inode, first, end) > tmpfs_pages_left(t))
		return -ENOSPC;
	for (i = first; i < end; i++) {
		struct page *page;
		bool there = cached(inode, i);
		int r = make_page(inode, i, false, &page);
		if (r) { /* all or nothing, as far as beyond the old size goes */
			while (!there && i-- > first)
				if (i * PAGE_SIZE >= inode->size)
					drop_page(inode, i);
			return r;
		}
	}
	if (!(mode & FALLOC_FL_KEEP_SIZE) && offset + len > inode->size)
		inode->size = offset + len;
	inode_changed(inode);
	return 0;
}

/* The first data (or hole) at or after pos; the end of the file counts as a hole. */
static s64 find_data(struct inode *inode, u64 pos, bool data)
{
	u64 index = pos / PAGE_SIZE;
	if (pos >= inode->size)
		return -ENXIO;
	if (data) {
		if (!radix_next(&tmpfs_node(inode)->pages, &index) || index * PAGE_SIZE >= inode->size)
			return -ENXIO;
	} else {
		while (index * PAGE_SIZE < inode->size && cached(inode, index))
			index++;
	}
	return (s64)MIN(MAX(index * PAGE_SIZE, pos), inode->size);
}

static s64 file_seek(struct file *file, s64 offset, int whence)
{
	s64 base = 0;
	switch (whence) {
	case SEEK_SET:
		break;
	case SEEK_CUR:
		base = (s64)file->pos;
		break;
	case SEEK_END:
		base = (s64)file->inode->size;
		break;
	case SEEK_DATA:
	case SEEK_HOLE:
		if (offset < 0)
			return -ENXIO;
		offset = find_data(file->inode, (u64)offset, whence == SEEK_DATA);
		if (offset < 0)
			return offset;
		break;
	default:
		return -EINVAL;
	}
	return file_seek_from(file, base, offset);
}

static int file_fsync(struct file *file)
{
	return 0;
}

/* ---- splice ---- */

static long file_splice_read(struct file *file, struct pipe *pipe, u64 *pos, size_t len, u32 flags)
{
	struct inode *inode = file->inode;
	size_t done = 0;
	while (done < len && *pos < inode->size && pipe_room(pipe)) {
		u32 offset = *pos & (PAGE_SIZE - 1);
		u32 n = (u32)MIN(MIN(PAGE_SIZE - offset, inode->size - *pos), len - done);
		struct page *page = cached(inode, *pos / PAGE_SIZE);
		if (page)
			page_get(page);
		else if (!(page = page_alloc(0, ALLOC_ZERO)))
			return done ? (long)done : -ENOMEM;
		pipe_push_page(pipe, page, offset, n);
		*pos += n;
		done += n;
	}
	inode_touch_atime(&file->path, inode);
	return (long)done;
}

/* Moves a pipe's page into the cache when it is a whole page (or the file's last one) and nobody else has it. */
static bool take_page(struct inode *inode, struct pipe *pipe, u64 pos, size_t len, int *error)
{
	const struct pipe_buf *buf = pipe_peek(pipe);
	u32 n = buf->len;
	if ((pos & (PAGE_SIZE - 1)) || buf->offset || n > len || cached(inode, pos / PAGE_SIZE))
		return false;
	if (n < PAGE_SIZE && pos + n < inode->size)
		return false;
	struct page *page = pipe_steal_page(pipe);
	if (!page)
		return false;
	if (n < PAGE_SIZE)
		memset((u8 *)page_virt(page) + n, 0, PAGE_SIZE - n);
	*error = tmpfs_insert_page(inode, pos / PAGE_SIZE, page);
	return true;
}

static long file_splice_write(struct file *file, struct pipe *pipe, u64 *pos, size_t len, u32 flags)
{
	struct inode *inode = file->inode;
	size_t done = 0;
	int r = check_seals(inode, *pos + len);
	if (r)
		return r;
	inode_drop_suid(inode);
	while (done < len && pipe_peek(pipe)) {
		const struct pipe_buf *buf = pipe_peek(pipe);
		size_t n = MIN(buf->len, len - done);
		if (!take_page(inode, pipe, *pos, len - done, &r)) {
			struct page *page;
			n = MIN(n, PAGE_SIZE - (*pos & (PAGE_SIZE - 1)));
			r = make_page(inode, *pos / PAGE_SIZE, false, &page);
			if (!r) {
				memcpy((u8 *)page_virt(page) + (*pos & (PAGE_SIZE - 1)), pipe_data(buf), n);
				pipe_consume(pipe, (u32)n);
			}
		}
		if (r)
			break;
		*pos += n;
		done += n;
		inode->size = MAX(inode->size, *pos);
	}
	if (done)
		inode_changed(inode);
	return done ? (long)done : r;
}

const struct file_ops tmpfs_file_ops = {
    .read = file_read_pages,
    .write = file_write_pages,
    .seek = file_seek,
    .fsync = file_fsync,
    .fallocate = file_fallocate,
    .splice_read = file_splice_read,
    .splice_write = file_splice_write,
};

/* ---- memory without a name ---- */

static int shmem_file(u64 size, const char *name, u32 mode, struct file **out)
{
	static struct superblock *sb; /* mounted nowhere */
	int r = sb ? 0 : tmpfs_create(&tmpfs_super_ops, "", &sb);
	if (r)
		return r;
	((struct tmpfs_sb *)sb->data)->pooled = false; /* memory rather than files */
	if (size > MAX_SIZE)
		return -EINVAL;
	struct inode *inode = tmpfs_inode(sb, K_S_IFREG | mode, 0);
	if (!inode)
		return -ENOMEM;
	inode->nlink = 0;
	inode->size = size;
	struct file *file = file_alloc(&tmpfs_file_ops, inode, O_RDWR | O_LARGEFILE);
	inode_put(inode);
	if (!file)
		return -ENFILE;
	file->anon_name = name;
	*out = file;
	return 0;
}

int shmem_file_create(u64 size, struct file **out)
{
	return shmem_file(size, "/dev/zero (deleted)", 0777, out);
}

#define MEMFD_NAME_LIMIT 249 /* NAME_MAX less "memfd:" */

int memfd_create_file(const char *name, u32 flags, struct file **out)
{
	if (flags & ~(MFD_CLOEXEC | MFD_ALLOW_SEALING | MFD_NOEXEC_SEAL | MFD_EXEC))
		return -EINVAL;
	if ((flags & MFD_NOEXEC_SEAL) && (flags & MFD_EXEC))
		return -EINVAL;
	size_t len = strlen(name);
	if (len > MEMFD_NAME_LIMIT)
		return -EINVAL;
	char *text = kmalloc(len + sizeof("/memfd: (deleted)"));
	if (!text)
		return -ENOMEM;
	ksnprintf(text, len + sizeof("/memfd: (deleted)"), "/memfd:%s (deleted)", name);
	int r = shmem_file(0, text, flags & MFD_NOEXEC_SEAL ? 0666 : 0777, out);
	if (r) {
		kfree(text);
		return r;
	}
	struct inode *inode = (*out)->inode;
	tmpfs_node(inode)->target = text; /* freed with the inode */
	if (flags & (MFD_ALLOW_SEALING | MFD_NOEXEC_SEAL))
		inode->seals = flags & MFD_NOEXEC_SEAL ? F_SEAL_EXEC : 0;
	return 0;
}

/* Is there a shared mapping that is, or may become, writable? */
static bool mapped_writable(const struct inode *inode)
{
	struct vma *vma;
	list_for_each (vma, &inode->mappings, inode_link)
		if ((vma->flags & VMA_SHARED) && !(vma->flags & VMA_NOWRITE))
			return true;
	return false;
}

/* Contents in tmpfs's page cache can be sealed: devices and directories there have none. */
static bool sealable(const struct inode *inode)
{
	return inode_is(inode, K_S_IFREG) && inode->ops->get_page == tmpfs_get_page;
}

int memfd_add_seals(struct file *file, u32 seals)
{
	struct inode *inode = file->inode;
	if (!sealable(inode))
		return -EINVAL;
	if (!file_writable(file))
		return -EPERM;
	if (seals &
	    ~(u32)(F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_FUTURE_WRITE | F_SEAL_EXEC))
		return -EINVAL;
	if (inode->seals & F_SEAL_SEAL)
		return -EPERM;
	if ((seals & F_SEAL_WRITE) && mapped_writable(inode))
		return -EBUSY;
	if ((seals & F_SEAL_EXEC) && (inode->mode & 0111))
		seals |= F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_FUTURE_WRITE;
	inode->seals |= seals;
	return 0;
}

int memfd_get_seals(struct file *file)
{
	return sealable(file->inode) ? (int)file->inode->seals : -EINVAL;
}
