/* SPDX-License-Identifier: Apache-2.0
 * The arguments of futex(2), each operation with each kind of word, time-out and second word, shared and private; and
 * those of futex_waitv(2). No call waits.
 * area: Threads and SMP
 */
#include <linux/futex.h>

#include "matrix.h"

#define COLUMNS 17

static unsigned words[4] __attribute__((aligned(64)));
static char *hole, *read_only;

static long call(int op, int column)
{
	static const struct timespec zero, late = {0, 1000000000}, negative = {-1, 0}, early = {0, -1};
	unsigned *word = words, *second = words + 1, value = 1, third = 1;
	const void *timeout = NULL;
	memset(words, 0, sizeof(words));
	switch (column) {
	case 1:
		word = (unsigned *)((char *)words + 2);
		break;
	case 2:
		word = (unsigned *)hole;
		break;
	case 3:
		word = NULL;
		break;
	case 4:
		word = (unsigned *)0xffff800000000000;
		break;
	case 5:
		word = (unsigned *)read_only;
		break;
	case 6:
		timeout = (void *)8;
		break;
	case 7:
		timeout = &late;
		break;
	case 8:
		timeout = &negative;
		break;
	case 9:
		timeout = &early;
		break;
	case 10:
		timeout = &zero;
		break;
	case 11:
		second = (unsigned *)((char *)words + 5);
		break;
	case 12:
		second = (unsigned *)hole;
		break;
	case 13:
		second = words;
		break;
	case 14:
		third = 0;
		break;
	case 15:
		value = (unsigned)-1;
		break;
	case 16:
		timeout = (void *)-1L;
		break;
	}
	return RESULT(syscall(SYS_futex, word, op, value, timeout, second, third));
}

static void operations(void)
{
	static const char *const columns[COLUMNS] = {"another value",
						     "an odd word",
						     "an unmapped word",
						     "a null word",
						     "a kernel word",
						     "a read-only word",
						     "an unmapped time-out",
						     "a time-out of a second in nanoseconds",
						     "a negative time-out",
						     "negative nanoseconds",
						     "a time-out of zero",
						     "an odd second word",
						     "an unmapped second word",
						     "the word twice",
						     "bitset zero",
						     "value -1",
						     "time-out -1"};
	static const struct {
		int op;
		const char *name;
		short wanted[COLUMNS];
	} rows[] = {
	    {FUTEX_WAIT,
	     "FUTEX_WAIT",
	     {-EAGAIN, -EINVAL, -EFAULT, -EFAULT, -EFAULT, -EFAULT, -EFAULT, -EINVAL, -EINVAL, -EINVAL, -EAGAIN,
	      -EAGAIN, -EAGAIN, -EAGAIN, -EAGAIN, -EAGAIN, -EFAULT}},
	    {FUTEX_WAIT | FUTEX_PRIVATE_FLAG,
	     "FUTEX_WAIT private",
	     {-EAGAIN, -EINVAL, -EFAULT, -EFAULT, -EFAULT, -EAGAIN, -EFAULT, -EINVAL, -EINVAL, -EINVAL, -EAGAIN,
	      -EAGAIN, -EAGAIN, -EAGAIN, -EAGAIN, -EAGAIN, -EFAULT}},
	    {FUTEX_WAKE,
	     "FUTEX_WAKE",
	     {0, -EINVAL, -EFAULT, -EFAULT, -EFAULT, -EFAULT, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}},
	    {FUTEX_WAKE | FUTEX_PRIVATE_FLAG,
	     "FUTEX_WAKE private",
	     {0, -EINVAL, 0, 0, -EFAULT, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}},
	    {FUTEX_FD,
	     "FUTEX_FD",
	     {-ENOSYS, -ENOSYS, -ENOSYS, -ENOSYS, -ENOSYS, -ENOSYS, -ENOSYS, -ENOSYS, -ENOSYS, -ENOSYS, -ENOSYS,
	      -ENOSYS, -ENOSYS, -ENOSYS, -ENOSYS, -ENOSYS, -ENOSYS}},
	    {FUTEX_FD | FUTEX_PRIVATE_FLAG,
	     "FUTEX_FD private",
	     {-ENOSYS, -ENOSYS, -ENOSYS, -ENOSYS, -ENOSYS, -ENOSYS, -ENOSYS, -ENOSYS, -ENOSYS, -ENOSYS, -ENOSYS,
	      -ENOSYS, -ENOSYS, -ENOSYS, -ENOSYS, -ENOSYS, -ENOSYS}},
	    {FUTEX_REQUEUE,
	     "FUTEX_REQUEUE",
	     {0, -EINVAL, -EFAULT, -EFAULT, -EFAULT, -EFAULT, 0, 0, 0, 0, 0, -EINVAL, -EFAULT, 0, 0, -EINVAL, -EINVAL}},
	    {FUTEX_REQUEUE | FUTEX_PRIVATE_FLAG,
	     "FUTEX_REQUEUE private",
	     {0, -EINVAL, 0, 0, -EFAULT, 0, 0, 0, 0, 0, 0, -EINVAL, 0, 0, 0, -EINVAL, -EINVAL}},
	    {FUTEX_CMP_REQUEUE,
	     "FUTEX_CMP_REQUEUE",
	     {-EAGAIN, -EINVAL, -EFAULT, -EFAULT, -EFAULT, -EFAULT, -EAGAIN, -EAGAIN, -EAGAIN, -EAGAIN, -EAGAIN,
	      -EINVAL, -EFAULT, -EAGAIN, 0, -EINVAL, -EINVAL}},
	    {FUTEX_CMP_REQUEUE | FUTEX_PRIVATE_FLAG,
	     "FUTEX_CMP_REQUEUE private",
	     {-EAGAIN, -EINVAL, -EFAULT, -EFAULT, -EFAULT, -EAGAIN, -EAGAIN, -EAGAIN, -EAGAIN, -EAGAIN, -EAGAIN,
	      -EINVAL, -EAGAIN, -EAGAIN, 0, -EINVAL, -EINVAL}},
	    {FUTEX_WAKE_OP,
	     "FUTEX_WAKE_OP",
	     {0, -EINVAL, -EFAULT, -EFAULT, -EFAULT, -EFAULT, 0, 0, 0, 0, 0, -EINVAL, -EFAULT, 0, 0, 0, 0}},
	    {FUTEX_WAKE_OP | FUTEX_PRIVATE_FLAG,
	     "FUTEX_WAKE_OP private",
	     {0, -EINVAL, 0, 0, -EFAULT, 0, 0, 0, 0, 0, 0, -EINVAL, -EFAULT, 0, 0, 0, 0}},
	    {FUTEX_LOCK_PI,
	     "FUTEX_LOCK_PI",
	     {0, -EINVAL, -EFAULT, -EFAULT, -EFAULT, -EFAULT, -EFAULT, -EINVAL, -EINVAL, -EINVAL, 0, 0, 0, 0, 0, 0,
	      -EFAULT}},
	    {FUTEX_LOCK_PI | FUTEX_PRIVATE_FLAG,
	     "FUTEX_LOCK_PI private",
	     {0, -EINVAL, -EFAULT, -EFAULT, -EFAULT, -EFAULT, -EFAULT, -EINVAL, -EINVAL, -EINVAL, 0, 0, 0, 0, 0, 0,
	      -EFAULT}},
	    {FUTEX_UNLOCK_PI,
	     "FUTEX_UNLOCK_PI",
	     {-EPERM, -EPERM, -EFAULT, -EFAULT, -EFAULT, -EPERM, -EPERM, -EPERM, -EPERM, -EPERM, -EPERM, -EPERM, -EPERM,
	      -EPERM, -EPERM, -EPERM, -EPERM}},
	    {FUTEX_UNLOCK_PI | FUTEX_PRIVATE_FLAG,
	     "FUTEX_UNLOCK_PI private",
	     {-EPERM, -EPERM, -EFAULT, -EFAULT, -EFAULT, -EPERM, -EPERM, -EPERM, -EPERM, -EPERM, -EPERM, -EPERM, -EPERM,
	      -EPERM, -EPERM, -EPERM, -EPERM}},
	    {FUTEX_TRYLOCK_PI,
	     "FUTEX_TRYLOCK_PI",
	     {0, -EINVAL, -EFAULT, -EFAULT, -EFAULT, -EFAULT, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}},
	    {FUTEX_TRYLOCK_PI | FUTEX_PRIVATE_FLAG,
	     "FUTEX_TRYLOCK_PI private",
	     {0, -EINVAL, -EFAULT, -EFAULT, -EFAULT, -EFAULT, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}},
	    {FUTEX_WAIT_BITSET,
	     "FUTEX_WAIT_BITSET",
	     {-EAGAIN, -EINVAL, -EFAULT, -EFAULT, -EFAULT, -EFAULT, -EFAULT, -EINVAL, -EINVAL, -EINVAL, -EAGAIN,
	      -EAGAIN, -EAGAIN, -EAGAIN, -EINVAL, -EAGAIN, -EFAULT}},
	    {FUTEX_WAIT_BITSET | FUTEX_PRIVATE_FLAG,
	     "FUTEX_WAIT_BITSET private",
	     {-EAGAIN, -EINVAL, -EFAULT, -EFAULT, -EFAULT, -EAGAIN, -EFAULT, -EINVAL, -EINVAL, -EINVAL, -EAGAIN,
	      -EAGAIN, -EAGAIN, -EAGAIN, -EINVAL, -EAGAIN, -EFAULT}},
	    {FUTEX_WAKE_BITSET,
	     "FUTEX_WAKE_BITSET",
	     {0, -EINVAL, -EFAULT, -EFAULT, -EFAULT, -EFAULT, 0, 0, 0, 0, 0, 0, 0, 0, -EINVAL, 0, 0}},
	    {FUTEX_WAKE_BITSET | FUTEX_PRIVATE_FLAG,
	     "FUTEX_WAKE_BITSET private",
	     {0, -EINVAL, 0, 0, -EFAULT, 0, 0, 0, 0, 0, 0, 0, 0, 0, -EINVAL, 0, 0}},
	    {FUTEX_WAIT_REQUEUE_PI,
	     "FUTEX_WAIT_REQUEUE_PI",
	     {-EAGAIN, -EINVAL, -EFAULT, -EFAULT, -EFAULT, -EFAULT, -EFAULT, -EINVAL, -EINVAL, -EINVAL, -EAGAIN,
	      -EINVAL, -EFAULT, -EINVAL, -EAGAIN, -EAGAIN, -EFAULT}},
	    {FUTEX_WAIT_REQUEUE_PI | FUTEX_PRIVATE_FLAG,
	     "FUTEX_WAIT_REQUEUE_PI private",
	     {-EAGAIN, -EINVAL, -EFAULT, -EFAULT, -EFAULT, -EAGAIN, -EFAULT, -EINVAL, -EINVAL, -EINVAL, -EAGAIN,
	      -EINVAL, -EAGAIN, -EINVAL, -EAGAIN, -EAGAIN, -EFAULT}},
	    {FUTEX_CMP_REQUEUE_PI,
	     "FUTEX_CMP_REQUEUE_PI",
	     {-EAGAIN, -EINVAL, -EFAULT, -EFAULT, -EFAULT, -EFAULT, -EAGAIN, -EAGAIN, -EAGAIN, -EAGAIN, -EAGAIN,
	      -EINVAL, -EFAULT, -EINVAL, 0, -EINVAL, -EINVAL}},
	    {FUTEX_CMP_REQUEUE_PI | FUTEX_PRIVATE_FLAG,
	     "FUTEX_CMP_REQUEUE_PI private",
	     {-EAGAIN, -EINVAL, -EFAULT, -EFAULT, -EFAULT, -EAGAIN, -EAGAIN, -EAGAIN, -EAGAIN, -EAGAIN, -EAGAIN,
	      -EINVAL, -EAGAIN, -EINVAL, 0, -EINVAL, -EINVAL}},
	    {FUTEX_LOCK_PI2,
	     "FUTEX_LOCK_PI2",
	     {0, -EINVAL, -EFAULT, -EFAULT, -EFAULT, -EFAULT, -EFAULT, -EINVAL, -EINVAL, -EINVAL, 0, 0, 0, 0, 0, 0,
	      -EFAULT}},
	    {FUTEX_LOCK_PI2 | FUTEX_PRIVATE_FLAG,
	     "FUTEX_LOCK_PI2 private",
	     {0, -EINVAL, -EFAULT, -EFAULT, -EFAULT, -EFAULT, -EFAULT, -EINVAL, -EINVAL, -EINVAL, 0, 0, 0, 0, 0, 0,
	      -EFAULT}},
	    {FUTEX_WAIT | FUTEX_CLOCK_REALTIME,
	     "FUTEX_WAIT by the wall clock",
	     {-ENOSYS, -ENOSYS, -ENOSYS, -ENOSYS, -ENOSYS, -ENOSYS, -EFAULT, -EINVAL, -EINVAL, -EINVAL, -ENOSYS,
	      -ENOSYS, -ENOSYS, -ENOSYS, -ENOSYS, -ENOSYS, -EFAULT}},
	    {FUTEX_WAKE | FUTEX_CLOCK_REALTIME,
	     "FUTEX_WAKE by the wall clock",
	     {-ENOSYS, -ENOSYS, -ENOSYS, -ENOSYS, -ENOSYS, -ENOSYS, -ENOSYS, -ENOSYS, -ENOSYS, -ENOSYS, -ENOSYS,
	      -ENOSYS, -ENOSYS, -ENOSYS, -ENOSYS, -ENOSYS, -ENOSYS}},
	    {FUTEX_WAIT_BITSET | FUTEX_CLOCK_REALTIME,
	     "FUTEX_WAIT_BITSET by the wall clock",
	     {-EAGAIN, -EINVAL, -EFAULT, -EFAULT, -EFAULT, -EFAULT, -EFAULT, -EINVAL, -EINVAL, -EINVAL, -EAGAIN,
	      -EAGAIN, -EAGAIN, -EAGAIN, -EINVAL, -EAGAIN, -EFAULT}},
	    {FUTEX_LOCK_PI | FUTEX_CLOCK_REALTIME,
	     "FUTEX_LOCK_PI by the wall clock",
	     {-ENOSYS, -ENOSYS, -ENOSYS, -ENOSYS, -ENOSYS, -ENOSYS, -EFAULT, -EINVAL, -EINVAL, -EINVAL, -ENOSYS,
	      -ENOSYS, -ENOSYS, -ENOSYS, -ENOSYS, -ENOSYS, -EFAULT}},
	    {FUTEX_LOCK_PI2 | FUTEX_CLOCK_REALTIME,
	     "FUTEX_LOCK_PI2 by the wall clock",
	     {0, -EINVAL, -EFAULT, -EFAULT, -EFAULT, -EFAULT, -EFAULT, -EINVAL, -EINVAL, -EINVAL, 0, 0, 0, 0, 0, 0,
	      -EFAULT}},
	    {FUTEX_WAIT_REQUEUE_PI | FUTEX_CLOCK_REALTIME,
	     "FUTEX_WAIT_REQUEUE_PI by the wall clock",
	     {-EAGAIN, -EINVAL, -EFAULT, -EFAULT, -EFAULT, -EFAULT, -EFAULT, -EINVAL, -EINVAL, -EINVAL, -EAGAIN,
	      -EINVAL, -EFAULT, -EINVAL, -EAGAIN, -EAGAIN, -EFAULT}},
	    {FUTEX_UNLOCK_PI | FUTEX_CLOCK_REALTIME,
	     "FUTEX_UNLOCK_PI by the wall clock",
	     {-ENOSYS, -ENOSYS, -ENOSYS, -ENOSYS, -ENOSYS, -ENOSYS, -ENOSYS, -ENOSYS, -ENOSYS, -ENOSYS, -ENOSYS,
	      -ENOSYS, -ENOSYS, -ENOSYS, -ENOSYS, -ENOSYS, -ENOSYS}},
	    {14,
	     "operation 14",
	     {-ENOSYS, -ENOSYS, -ENOSYS, -ENOSYS, -ENOSYS, -ENOSYS, -ENOSYS, -ENOSYS, -ENOSYS, -ENOSYS, -ENOSYS,
	      -ENOSYS, -ENOSYS, -ENOSYS, -ENOSYS, -ENOSYS, -ENOSYS}},
	    {64,
	     "operation 64",
	     {-ENOSYS, -ENOSYS, -ENOSYS, -ENOSYS, -ENOSYS, -ENOSYS, -ENOSYS, -ENOSYS, -ENOSYS, -ENOSYS, -ENOSYS,
	      -ENOSYS, -ENOSYS, -ENOSYS, -ENOSYS, -ENOSYS, -ENOSYS}},
	    {FUTEX_WAKE | 512,
	     "operation FUTEX_WAKE | 512",
	     {-ENOSYS, -ENOSYS, -ENOSYS, -ENOSYS, -ENOSYS, -ENOSYS, -ENOSYS, -ENOSYS, -ENOSYS, -ENOSYS, -ENOSYS,
	      -ENOSYS, -ENOSYS, -ENOSYS, -ENOSYS, -ENOSYS, -ENOSYS}},
	    {-1,
	     "operation -1",
	     {-ENOSYS, -ENOSYS, -ENOSYS, -ENOSYS, -ENOSYS, -ENOSYS, -ENOSYS, -ENOSYS, -ENOSYS, -ENOSYS, -ENOSYS,
	      -ENOSYS, -ENOSYS, -ENOSYS, -ENOSYS, -ENOSYS, -ENOSYS}},
	};
	theme("futex arguments");
	for (size_t r = 0; r < COUNT(rows); r++)
		for (int c = 0; c < COLUMNS; c++)
			cell(rows[r].name, columns[c], call(rows[r].op, c), rows[r].wanted[c]);
}

/* ---- futex_waitv ---- */

static void vectors(void)
{
	struct futex_waitv v[129];
	static const struct timespec zero, late = {0, 1000000000}, negative = {-1, 0};
	static const struct {
		const char *name;
		int count, flags;    /* of the call */
		unsigned word_flags; /* of the last word */
		int which, reserved; /* 0: its word has another value, 1: odd, 2: unmapped, 3: null, 4: read-only, 5: as
					expected */
		int timeout, clock;  /* 0: none, 1: zero, 2: bad, 3: negative, 4: unmapped */
		short wanted;
	} rows[] = {
	    {"one word", 1, 0, 2, 0, 0, 0, 0, -EAGAIN},
	    {"one private word", 1, 0, 130, 0, 0, 0, 0, -EAGAIN},
	    {"128 words", 128, 0, 130, 0, 0, 0, 0, -EAGAIN},
	    {"129 words", 129, 0, 130, 0, 0, 0, 0, -EINVAL},
	    {"no words", 0, 0, 2, 0, 0, 0, 0, -EINVAL},
	    {"-1 words", -1, 0, 2, 0, 0, 0, 0, -EINVAL},
	    {"flags of the call", 1, 1, 2, 0, 0, 0, 0, -EINVAL},
	    {"no size", 1, 0, 0, 0, 0, 0, 0, -EINVAL},
	    {"two bytes", 1, 0, 1, 0, 0, 0, 0, -EINVAL},
	    {"eight bytes", 1, 0, 3, 0, 0, 0, 0, -EINVAL},
	    {"flag 256", 1, 0, 258, 0, 0, 0, 0, -EINVAL},
	    {"flag 1<<31", 1, 0, 2 + (1u << 31), 0, 0, 0, 0, -EINVAL},
	    {"a reserved word", 1, 0, 2, 0, 1, 0, 0, -EINVAL},
	    {"an odd word", 1, 0, 2, 1, 0, 0, 0, -EINVAL},
	    {"an odd private word", 1, 0, 130, 1, 0, 0, 0, -EINVAL},
	    {"an unmapped word", 1, 0, 2, 2, 0, 0, 0, -EFAULT},
	    {"an unmapped private word", 1, 0, 130, 2, 0, 0, 0, -EFAULT},
	    {"a null word", 1, 0, 2, 3, 0, 0, 0, -EFAULT},
	    {"a read-only word", 1, 0, 2, 4, 0, 1, 1, -EFAULT},
	    {"the last of five is odd", 5, 0, 2, 1, 0, 0, 0, -EINVAL},
	    {"the last of five is unmapped", 5, 0, 2, 2, 0, 0, 0, -EFAULT},
	    {"the last of five differs", 5, 0, 2, 0, 0, 0, 0, -EAGAIN},
	    {"a time-out of zero", 2, 0, 130, 5, 0, 1, CLOCK_MONOTONIC, -ETIMEDOUT},
	    {"a time-out of zero by the wall clock", 2, 0, 130, 5, 0, 1, CLOCK_REALTIME, -ETIMEDOUT},
	    {"a time-out by another clock", 2, 0, 130, 5, 0, 1, CLOCK_BOOTTIME, -EINVAL},
	    {"a time-out by no clock", 2, 0, 130, 5, 0, 1, 99, -EINVAL},
	    {"no time-out by no clock", 2, 0, 130, 0, 0, 0, 99, -EAGAIN},
	    {"a bad time-out", 2, 0, 130, 5, 0, 2, CLOCK_MONOTONIC, -EINVAL},
	    {"a negative time-out", 2, 0, 130, 5, 0, 3, CLOCK_MONOTONIC, -EINVAL},
	    {"an unmapped time-out", 2, 0, 130, 5, 0, 4, CLOCK_MONOTONIC, -EFAULT},
	    {"an unmapped time-out and flags", 2, 1, 130, 5, 0, 4, CLOCK_MONOTONIC, -EINVAL},
	    {"a bad time-out and an odd word", 2, 0, 130, 1, 0, 2, CLOCK_MONOTONIC, -EINVAL},
	};
	theme("futex_waitv arguments");
	for (size_t r = 0; r < COUNT(rows); r++) {
		const void *timeouts[] = {NULL, &zero, &late, &negative, hole};
		void *last[] = {words, (char *)words + 2, hole, NULL, read_only, words};
		memset(words, 0, sizeof(words));
		for (int i = 0; i < 129; i++)
			v[i] = (struct futex_waitv){.val = 0, .uaddr = (uintptr_t)&words[1], .flags = FUTEX_32 | 128};
		int at = rows[r].count > 0 ? rows[r].count - 1 : 0;
		v[at] = (struct futex_waitv){.val = rows[r].which == 0,
					     .uaddr = (uintptr_t)last[rows[r].which],
					     .flags = rows[r].word_flags,
					     .__reserved = (unsigned)rows[r].reserved};
		cell("futex_waitv", rows[r].name,
		     RESULT(syscall(SYS_futex_waitv, v, rows[r].count, rows[r].flags, timeouts[rows[r].timeout],
				    rows[r].clock)),
		     rows[r].wanted);
	}
	CHECK_ERRNO(syscall(SYS_futex_waitv, NULL, 1, 0, NULL, 0), EINVAL);
	CHECK_ERRNO(syscall(SYS_futex_waitv, hole, 1, 0, NULL, 0), EFAULT);
	CHECK_ERRNO(syscall(SYS_futex_waitv, 0xffff800000000000, 1, 0, NULL, 0), EFAULT);
}

/* ---- robust lists ---- */

static void lists(void)
{
	void *head;
	size_t length;
	theme("robust list arguments");
	for (long size = 0; size <= 64; size += 8)
		if (size != 24)
			CHECKF(RESULT(syscall(SYS_set_robust_list, words, size)) == -EINVAL,
			       "set_robust_list of %ld bytes", size);
	CHECK_ERRNO(syscall(SYS_set_robust_list, words, -1), EINVAL);
	CHECK_ERRNO(syscall(SYS_get_robust_list, -1, &head, &length), ESRCH);
	CHECK_ERRNO(syscall(SYS_get_robust_list, 1 << 28, &head, &length), ESRCH);
	CHECK_ERRNO(syscall(SYS_get_robust_list, 0, hole, &length), EFAULT);
	CHECK_ERRNO(syscall(SYS_get_robust_list, 0, &head, hole), EFAULT);
	CHECK(syscall(SYS_get_robust_list, getpid(), &head, &length) == 0 && length == 24);
	CHECK_IN_CHILD_THAT(syscall(SYS_set_robust_list, hole, 24) == 0, "a bad list is found out at the end alone");
	CHECK_IN_CHILD_THAT(syscall(SYS_set_robust_list, 0xffff800000000000, 24) == 0, "and does no harm");
}

int main(void)
{
	limit_seconds(60);
	hole = unmapped_address();
	read_only = map_pages(1, PROT_READ);
	operations();
	vectors();
	lists();
	return finish();
}
