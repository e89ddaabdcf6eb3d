/* SPDX-License-Identifier: Apache-2.0
 *
 * The only way to user memory: a walk of the current process's page tables, faulting pages in as an access by the
 * program would, then a copy through the direct map. All return 0 or -EFAULT unless told otherwise. They may sleep
 * (a page of a file may have to be read).
 */
#ifndef GUESTKERNEL_MM_UACCESS_H
#define GUESTKERNEL_MM_UACCESS_H

#include "guestkernel/types.h"

struct mm;
struct page;

int copy_from_user(void *to, user_ptr from, size_t n);
int copy_to_user(user_ptr to, const void *from, size_t n);
int clear_user(user_ptr to, size_t n);
/* Like copy_*, but return how many bytes were moved before a fault (for read and write). */
size_t copy_from_user_partial(void *to, user_ptr from, size_t n);
size_t copy_to_user_partial(user_ptr to, const void *from, size_t n);
/* Copies a string with its NUL; returns its length without the NUL, -ENAMETOOLONG when it does not fit in size,
 * -EFAULT. */
long strncpy_from_user(char *to, user_ptr from, size_t size);
/* In another address space (execve's new image, ptrace-like readers). */
int mm_copy_to(struct mm *mm, u64 to, const void *from, size_t n);
int mm_copy_from(struct mm *mm, void *to, u64 from, size_t n);
/* Pins the page under a user address, faulted in for reading or writing; *page gets a reference, *pa the exact address.
 */
int user_pin(struct mm *mm, u64 addr, bool write, struct page **page, paddr_t *pa);
/* The frames (physical address / PAGE_SIZE) of RAM under [addr, addr + n) of the current process, as far as they are
 * there and the program may access them so: returns how many bytes that is. Never sleeps; good until the caller does.
 */
u64 user_frames(u64 addr, u64 n, bool write, u32 *frames);
/* A 32-bit word at a 4-aligned user address as kernel pointer, valid until the caller sleeps (futex). write: must be
 * writable. */
int user_word(u64 addr, bool write, u32 **word);

#define get_user(var, ptr) copy_from_user(&(var), (ptr), sizeof(var))
#define put_user(ptr, var) copy_to_user((ptr), &(var), sizeof(var))

/* A series of buffers that a read or write moves data through: user memory (iov) or kernel memory. */
struct iov {
	u64 base, len; /* as struct iovec */
};
struct uio {
	const struct iov *iov; /* remaining; user addresses, or kernel addresses when kernel is set */
	unsigned count;
	u64 offset; /* into iov[0] */
	u64 left;   /* bytes in all that remain */
	bool kernel;
};
void uio_init_user(struct uio *uio, struct iov *one, user_ptr base, u64 len);
void uio_init_kernel(struct uio *uio, struct iov *one, void *base, u64 len);
/* Reads and checks an iovec array from the program: count <= IOV_LIMIT, lengths not negative, total cut to RW_LIMIT.
 * *iovs is kmalloc'ed (the caller frees) unless count is small enough for the caller's fast[8]. -EINVAL, -EFAULT,
 * -ENOMEM */
int uio_import(struct uio *uio, user_ptr vec, u64 count, struct iov fast[8], struct iov **iovs);
/* Move up to n bytes and advance; return how many (less than n: a fault, or the end). */
size_t uio_copy_to(struct uio *uio, const void *from, size_t n); /* kernel -> buffers (read) */
size_t uio_copy_from(struct uio *uio, void *to, size_t n);	 /* buffers -> kernel (write) */
size_t uio_zero(struct uio *uio, size_t n);
/* Advances by n <= left bytes that were moved by other means. */
void uio_skip(struct uio *uio, u64 n);

#endif
