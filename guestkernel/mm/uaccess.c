/* SPDX-License-Identifier: Apache-2.0
 *
 * Copies between kernel and user memory: page tables looked up in software, missing pages faulted in, bytes moved
 * through the direct map.
 */
#include "guestkernel/mm/uaccess.h"
#include "abi/boot.h"
#include "guestkernel/lib.h"
#include "guestkernel/limits.h"
#include "guestkernel/mm/page.h"
#include "guestkernel/mm/vm.h"
#include "guestkernel/proc/process.h"
#include "guestkernel/proc/signal.h"

#include <asm/signal.h>

/* ---- out of memory ---- */

static bool dying(void)
{
	struct thread *t = current;

	if (!t || !t->process)
		return true;
	return t->process->exiting || (t->pending && t->pending->set & SIGBIT(SIGKILL)) ||
	       (t->process->pending && t->process->pending->set & SIGBIT(SIGKILL));
}

bool mm_wait_memory(void)
{
	if (dying() || !oom_kill() || dying())
		return false;
	sched_yield_cpu(); /* the victim needs the CPU to give its memory back */
	return !dying();
}

/* ---- one page ---- */

static bool in_user_range(u64 addr, u64 n)
{
	return addr <= USER_END && n <= USER_END - addr;
}

/* Kernel address of the byte at a user address, accessible as asked, and how many follow it on the same page; NULL: a
 * fault. */
static u8 *user_byte(struct mm *mm, u64 addr, u32 access, size_t *left)
{
	int signo, code, r;

	for (;;) {
		struct pte pte = pt_lookup(&mm->pt, addr);

		if (pte.present && pte.prot & access) {
			u64 size = pte.huge ? HUGE_SIZE : PAGE_SIZE, offset = addr & (size - 1);

			*left = size - offset;
			return (u8 *)phys_to_virt(pte.pa) + offset;
		}
		r = mm_fault(mm, addr, access, &signo, &code);
		if (r == -ENOMEM && mm_wait_memory())
			continue;
		if (r)
			return NULL;
	}
}

/* ---- copies ---- */

enum direction { FROM_USER, TO_USER, ZERO_USER };

/* Moves up to n bytes; how many there were before a fault. */
static size_t move(struct mm *mm, u64 addr, void *buf, size_t n, enum direction direction)
{
	size_t done = 0, left;

	if (!mm || !in_user_range(addr, n))
		return 0;
	while (done < n) {
		u8 *p = user_byte(mm, addr + done, direction == FROM_USER ? PT_READ : PT_WRITE, &left);

		if (!p)
			break;
		left = MIN(left, n - done);
		if (direction == TO_USER)
			memcpy(p, (u8 *)buf + done, left);
		else if (direction == FROM_USER)
			memcpy((u8 *)buf + done, p, left);
		else
			memset(p, 0, left);
		if (direction == FROM_USER && page_lost(page_of(virt_to_phys(p))))
			break;
		done += left;
	}
	return done;
}

size_t copy_from_user_partial(void *to, user_ptr from, size_t n)
{
	return move(current->mm, from.addr, to, n, FROM_USER);
}
size_t copy_to_user_partial(user_ptr to, const void *from, size_t n)
{
	return move(current->mm, to.addr, (void *)from, n, TO_USER);
}
int copy_from_user(void *to, user_ptr from, size_t n)
{
	return copy_from_user_partial(to, from, n) == n ? 0 : -EFAULT;
}
int copy_to_user(user_ptr to, const void *from, size_t n)
{
	return copy_to_user_partial(to, from, n) == n ? 0 : -EFAULT;
}
int clear_user(user_ptr to, size_t n)
{
	return move(current->mm, to.addr, NULL, n, ZERO_USER) == n ? 0 : -EFAULT;
}
int mm_copy_to(struct mm *mm, u64 to, const void *from, size_t n)
{
	return move(mm, to, (void *)from, n, TO_USER) == n ? 0 : -EFAULT;
}
int mm_copy_from(struct mm *mm, void *to, u64 from, size_t n)
{
	return move(mm, from, to, n, FROM_USER) == n ? 0 : -EFAULT;
}

long strncpy_from_user(char *to, user_ptr from, size_t size)
{
	struct mm *mm = current->mm;
	size_t done = 0, left;

	while (mm && done < size) {
		u64 addr = from.addr + done;
		u8 *p = addr >= from.addr && addr < USER_END ? user_byte(mm, addr, PT_READ, &left) : NULL, *nul;

		if (!p)
			return -EFAULT;
		left = MIN(left, size - done);
		nul = memchr(p, 0, left);
		if (nul)
			left = (size_t)(nul - p) + 1;
		memcpy(to + done, p, left);
		done += left;
		/* Another CPU may have written meanwhile: what counts is what was copied. */
		if (nul && !to[done - 1])
			return (long)done - 1;
	}
	return mm ? -ENAMETOOLONG : -EFAULT;
}

/* ---- pages, words ---- */

int user_pin(struct mm *mm, u64 addr, bool write, struct page **page, paddr_t *pa)
{
	size_t left;
	u8 *p = mm && addr < USER_END ? user_byte(mm, addr, write ? PT_WRITE : PT_READ, &left) : NULL;

	if (!p)
		return -EFAULT;
	*pa = virt_to_phys(p);
	*page = page_head(page_of(*pa));
	page_get(*page);
	return 0;
}

u64 user_frames(u64 addr, u64 n, bool write, u32 *frames)
{
	struct mm *mm = current->mm;
	u64 done = 0;

	if (!mm || !in_user_range(addr, n))
		return 0;
	while (done < n) {
		struct pte pte = pt_lookup(&mm->pt, addr + done);
		u64 size = pte.huge ? HUGE_SIZE : PAGE_SIZE, in = (addr + done) & (size - 1);
		u64 here = MIN(size - in, n - done);

		if (!pte.present || !(pte.prot & (write ? PT_WRITE : PT_READ)) || pte.pa + size > boot->memory_bytes)
			break;
		for (u64 at = in & ~(PAGE_SIZE - 1); at < in + here; at += PAGE_SIZE)
			*frames++ = (u32)((pte.pa + at) / PAGE_SIZE);
		done += here;
	}
	return done;
}

int user_word(u64 addr, bool write, u32 **word)
{
	struct mm *mm = current->mm;
	size_t left;
	u8 *p;

	if (addr & 3)
		return -EINVAL;
	p = mm && addr < USER_END ? user_byte(mm, addr, write ? PT_WRITE : PT_READ, &left) : NULL;
	if (!p)
		return -EFAULT;
	*word = (u32 *)p;
	return 0;
}
