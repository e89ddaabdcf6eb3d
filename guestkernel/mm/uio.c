/* SPDX-License-Identifier: Apache-2.0
 *
 * Series of buffers (struct uio): import from the program, copies that advance.
 */
#include "guestkernel/lib.h"
#include "guestkernel/limits.h"
#include "guestkernel/mm/page.h"
#include "guestkernel/mm/uaccess.h"

static void uio_init(struct uio *uio, struct iov *one, u64 base, u64 len, bool kernel)
{
	*one = (struct iov){base, len};
	*uio = (struct uio){.iov = one, .count = 1, .left = len, .kernel = kernel};
}
void uio_init_user(struct uio *uio, struct iov *one, user_ptr base, u64 len)
{
	uio_init(uio, one, base.addr, len, false);
}
void uio_init_kernel(struct uio *uio, struct iov *one, void *base, u64 len)
{
	uio_init(uio, one, (u64)(uintptr_t)base, len, true);
}

/* Checks the vectors and cuts their total to RW_LIMIT. */
static int check_vectors(struct uio *uio, struct iov *v, unsigned count)
{
	u64 total = 0;

	for (unsigned i = 0; i < count; i++) {
		if ((s64)v[i].len < 0)
			return -EINVAL;
		if (v[i].base > USER_END || v[i].len > USER_END - v[i].base)
			return -EFAULT;
		v[i].len = MIN(v[i].len, RW_LIMIT - total);
		total += v[i].len;
	}
	*uio = (struct uio){.iov = v, .count = count, .left = total};
	return 0;
}

int uio_import(struct uio *uio, user_ptr vec, u64 count, struct iov fast[8], struct iov **iovs)
{
	struct iov *v = fast;
	int r;

	*iovs = NULL;
	if (count > IOV_LIMIT)
		return -EINVAL;
	if (count > 8) {
		v = *iovs = kmalloc(count * sizeof(*v));
		if (!v)
			return -ENOMEM;
	}
	r = copy_from_user(v, vec, count * sizeof(*v));
	if (!r)
		r = check_vectors(uio, v, (unsigned)count);
	if (r) {
		kfree(*iovs);
		*iovs = NULL;
	}
	return r;
}

enum uio_op { UIO_TO, UIO_FROM, UIO_ZERO };

static size_t kernel_move(u64 base, void *buf, size_t n, enum uio_op op)
{
	void *p = (void *)(uintptr_t)base;

	if (op == UIO_TO)
		memcpy(p, buf, n);
	else if (op == UIO_FROM)
		memcpy(buf, p, n);
	else
		memset(p, 0, n);
	return n;
}

static size_t user_move(u64 base, void *buf, size_t n, enum uio_op op)
{
	if (op == UIO_TO)
		return copy_to_user_partial(user(base), buf, n);
	if (op == UIO_FROM)
		return copy_from_user_partial(buf, user(base), n);
	return clear_user(user(base), n) ? 0 : n;
}

static size_t uio_move(struct uio *uio, void *buf, size_t n, enum uio_op op)
{
	size_t done = 0;

	while (done < n && uio->left) {
		size_t step = MIN(uio->iov->len - uio->offset, n - done), moved;
		void *at = op == UIO_ZERO ? NULL : (u8 *)buf + done;

		if (!step) {
			uio->iov++;
			uio->count--;
			uio->offset = 0;
			continue;
		}
		if (op == UIO_ZERO) /* whole pages at most, so that a fault is found near where it is */
			step = MIN(step, PAGE_SIZE - ((uio->iov->base + uio->offset) & (PAGE_SIZE - 1)));
		moved = (uio->kernel ? kernel_move : user_move)(uio->iov->base + uio->offset, at, step, op);
		uio->offset += moved;
		uio->left -= moved;
		done += moved;
		if (moved < step)
			break;
	}
	return done;
}

size_t uio_copy_to(struct uio *uio, const void *from, size_t n)
{
	return uio_move(uio, (void *)from, n, UIO_TO);
}
size_t uio_copy_from(struct uio *uio, void *to, size_t n)
{
	return uio_move(uio, to, n, UIO_FROM);
}
size_t uio_zero(struct uio *uio, size_t n)
{
	return uio_move(uio, NULL, n, UIO_ZERO);
}
void uio_skip(struct uio *uio, u64 n)
{
	while (n) {
		u64 step = MIN(uio->iov->len - uio->offset, n);

		uio->offset += step;
		uio->left -= step;
		n -= step;
		if (n) {
			uio->iov++;
			uio->count--;
			uio->offset = 0;
		}
	}
}
