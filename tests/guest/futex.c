/* SPDX-License-Identifier: Apache-2.0
 * The futex calls themselves: wait, wake, bitsets, requeue, wake-op, priority inheritance, robust lists, waitv.
 * area: Threads and SMP
 */
#include <linux/futex.h>
#include <pthread.h>
#include <sched.h>
#include <stddef.h>

#include "probe.h"

static unsigned word, other;

static long futex(unsigned *address, int op, unsigned value, const void *timeout, unsigned *second, unsigned third)
{
	return syscall(SYS_futex, address, op, value, timeout, second, third);
}

static void arguments(void)
{
	unsigned *hole = (unsigned *)unmapped_address(), *odd = (unsigned *)((char *)&word + 1);
	struct timespec bad = {0, 1000000000}, negative = {-1, 0}, none = {0, 0};
	theme("futex");
	CHECK_ERRNO(futex(&word, FUTEX_WAIT, 1, NULL, NULL, 0), EAGAIN);
	CHECK_ERRNO(futex(&word, FUTEX_WAIT_PRIVATE, 1, NULL, NULL, 0), EAGAIN);
	CHECK_ERRNO(futex(odd, FUTEX_WAIT, 0, NULL, NULL, 0), EINVAL);
	CHECK_ERRNO(futex(odd, FUTEX_WAKE, 1, NULL, NULL, 0), EINVAL);
	CHECK_ERRNO(futex(hole, FUTEX_WAIT, 0, NULL, NULL, 0), EFAULT);
	CHECK_ERRNO(futex(hole, FUTEX_WAIT_PRIVATE, 0, NULL, NULL, 0), EFAULT);
	CHECK_ERRNO(futex(hole, FUTEX_WAKE, 1, NULL, NULL, 0), EFAULT);
	CHECK_THAT(futex(hole, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0) == 0, "a private wake does not look at the word");
	CHECK_ERRNO(futex((unsigned *)0xffff800000000000, FUTEX_WAIT_PRIVATE, 0, NULL, NULL, 0), EFAULT);
	CHECK_ERRNO(futex((unsigned *)0xffff800000000000, FUTEX_WAKE_PRIVATE, 0, NULL, NULL, 0), EFAULT);
	CHECK_ERRNO(futex(NULL, FUTEX_WAIT, 0, NULL, NULL, 0), EFAULT);
	CHECK_ERRNO(futex(&word, FUTEX_WAIT, 0, &bad, NULL, 0), EINVAL);
	CHECK_ERRNO(futex(&word, FUTEX_WAIT, 0, &negative, NULL, 0), EINVAL);
	CHECK_ERRNO(futex(&word, FUTEX_WAIT, 0, (void *)8, NULL, 0), EFAULT);
	CHECK_ERRNO(futex(&word, FUTEX_WAIT, 0, &none, NULL, 0), ETIMEDOUT);
	CHECK_ERRNO(futex(&word, FUTEX_WAIT_BITSET, 0, &none, NULL, 0), EINVAL);
	CHECK_ERRNO(futex(&word, FUTEX_WAKE_BITSET, 1, NULL, NULL, 0), EINVAL);
	CHECK_ERRNO(futex(&word, FUTEX_WAIT_BITSET, 0, &none, NULL, 1), ETIMEDOUT);
	CHECK_ERRNO(futex(&word, FUTEX_WAIT_BITSET | FUTEX_CLOCK_REALTIME, 0, &none, NULL, 1), ETIMEDOUT);
	CHECK_ERRNO(futex(&word, 99, 0, NULL, NULL, 0), ENOSYS);
	CHECK_ERRNO(futex(&word, FUTEX_FD, 0, NULL, NULL, 0), ENOSYS);
	CHECK_ERRNO(futex(&word, FUTEX_WAKE | FUTEX_CLOCK_REALTIME, 1, NULL, NULL, 0), ENOSYS);
	CHECK(futex(&word, FUTEX_WAKE, 1, NULL, NULL, 0) == 0);
	CHECK(futex(&word, FUTEX_WAKE, 0x7fffffff, NULL, NULL, 0) == 0);
	CHECK_ERRNO(futex(&word, FUTEX_CMP_REQUEUE, 1, (void *)1, &other, 7), EAGAIN);
	CHECK(futex(&word, FUTEX_CMP_REQUEUE, 1, (void *)1, &other, 0) == 0);
	CHECK_ERRNO(futex(&word, FUTEX_REQUEUE, (unsigned)-1, (void *)1, &other, 0), EINVAL);
	CHECK_ERRNO(futex(&word, FUTEX_CMP_REQUEUE, 1, (void *)-1L, &other, 0), EINVAL);
	CHECK_ERRNO(futex(&word, FUTEX_CMP_REQUEUE, 1, (void *)1, hole, 0), EFAULT);
	char *readonly = map_pages(1, PROT_READ);
	CHECK_ERRNO_THAT(futex((unsigned *)readonly, FUTEX_WAIT_PRIVATE, 0, &none, NULL, 0), ETIMEDOUT,
			 "a word in read-only memory");
	munmap(readonly, PAGE);
}

static void timeouts(void)
{
	struct timespec t = {0, 20000000};
	theme("futex time-outs");
	long begin = now_us();
	CHECK_ERRNO(futex(&word, FUTEX_WAIT_PRIVATE, 0, &t, NULL, 0), ETIMEDOUT);
	CHECK_THAT(now_us() - begin >= 20000, "a relative time-out is not early");
	begin = now_us();
	clock_gettime(CLOCK_MONOTONIC, &t);
	t.tv_nsec += 20000000;
	t.tv_sec += t.tv_nsec / 1000000000;
	t.tv_nsec %= 1000000000;
	CHECK_ERRNO(futex(&word, FUTEX_WAIT_BITSET_PRIVATE, 0, &t, NULL, FUTEX_BITSET_MATCH_ANY), ETIMEDOUT);
	CHECK_THAT(now_us() - begin >= 20000, "an absolute one by the monotonic clock");
	begin = now_us();
	clock_gettime(CLOCK_REALTIME, &t);
	t.tv_nsec += 20000000;
	t.tv_sec += t.tv_nsec / 1000000000;
	t.tv_nsec %= 1000000000;
	CHECK_ERRNO(futex(&word, FUTEX_WAIT_BITSET | FUTEX_CLOCK_REALTIME, 0, &t, NULL, FUTEX_BITSET_MATCH_ANY),
		    ETIMEDOUT);
	CHECK_THAT(now_us() - begin >= 15000, "an absolute one by the wall clock");
}

struct waiter {
	pthread_t thread;
	unsigned *address, bitset;
	pid_t id;
	long result;
};

static int started;

static void *wait_on_word(void *argument)
{
	struct waiter *w = argument;
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	t.tv_sec += 50;
	w->id = (pid_t)syscall(SYS_gettid);
	__atomic_add_fetch(&started, 1, __ATOMIC_SEQ_CST);
	w->result = futex(w->address, FUTEX_WAIT_BITSET_PRIVATE, 0, &t, NULL, w->bitset);
	return NULL;
}

/* Starts waiters; when it returns they wait. */
static void start(struct waiter *w, int count, unsigned bitset)
{
	started = 0;
	for (int i = 0; i < count; i++) {
		w[i] = (struct waiter){.address = &word, .bitset = bitset};
		pthread_create(&w[i].thread, NULL, wait_on_word, &w[i]);
	}
	while (__atomic_load_n(&started, __ATOMIC_SEQ_CST) < count)
		sched_yield();
	for (int i = 0; i < count; i++)
		until_asleep(getpid(), w[i].id);
}

static int join(struct waiter *w, int count)
{
	int good = 1;
	for (int i = 0; i < count; i++) {
		pthread_join(w[i].thread, NULL);
		good &= w[i].result == 0;
	}
	return good;
}

static void wakes(void)
{
	struct waiter w[4];
	theme("futex wake");
	start(w, 4, FUTEX_BITSET_MATCH_ANY);
	CHECK_THAT(futex(&word, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0) == 1, "wakes one of four");
	CHECK_THAT(futex(&word, FUTEX_WAKE_PRIVATE, 2, NULL, NULL, 0) == 2, "wakes two");
	CHECK_THAT(futex(&word, FUTEX_WAKE_PRIVATE, 9, NULL, NULL, 0) == 1, "wakes the rest");
	CHECK(join(w, 4));
	start(w, 2, 4);
	CHECK(futex(&word, FUTEX_WAKE_BITSET_PRIVATE, 9, NULL, NULL, 3) == 0);
	CHECK(futex(&word, FUTEX_WAKE_BITSET_PRIVATE, 9, NULL, NULL, 6) == 2);
	CHECK(join(w, 2));
	start(w, 4, FUTEX_BITSET_MATCH_ANY);
	CHECK_THAT(futex(&word, FUTEX_CMP_REQUEUE_PRIVATE, 1, (void *)2, &other, 0) == 3,
		   "CMP_REQUEUE counts woken and moved");
	CHECK_THAT(futex(&word, FUTEX_WAKE_PRIVATE, 9, NULL, NULL, 0) == 1, "one is left at the first word");
	CHECK_THAT(futex(&other, FUTEX_WAKE_PRIVATE, 9, NULL, NULL, 0) == 2, "two are at the second");
	CHECK(join(w, 4));
	start(w, 2, FUTEX_BITSET_MATCH_ANY);
	CHECK(futex(&word, FUTEX_REQUEUE_PRIVATE, 0, (void *)9, &other, 0) == 2);
	CHECK(futex(&other, FUTEX_WAKE_PRIVATE, 9, NULL, NULL, 0) == 2);
	CHECK(join(w, 2));
	start(w, 2, FUTEX_BITSET_MATCH_ANY);
	other = 5;
	CHECK_THAT(futex(&other, FUTEX_WAKE_OP_PRIVATE, 1, (void *)9, &word,
			 FUTEX_OP(FUTEX_OP_ADD, 3, FUTEX_OP_CMP_EQ, 0)) == 2,
		   "WAKE_OP wakes at the second word when the comparison holds");
	CHECK_THAT(word == 3 && other == 5, "WAKE_OP changes the second word");
	CHECK(join(w, 2));
	static const struct {
		int op, argument;
		unsigned before, after;
	} ops[] = {{FUTEX_OP_SET, 7, 5, 7},
		   {FUTEX_OP_ADD, 2, 5, 7},
		   {FUTEX_OP_OR, 2, 5, 7},
		   {FUTEX_OP_ANDN, 4, 5, 1},
		   {FUTEX_OP_XOR, 1, 5, 4},
		   {FUTEX_OP_ADD, -3, 5, 2},
		   {FUTEX_OP_OR | FUTEX_OP_OPARG_SHIFT, 3, 5, 13}};
	for (size_t i = 0; i < sizeof(ops) / sizeof(*ops); i++) {
		word = ops[i].before;
		futex(&other, FUTEX_WAKE_OP_PRIVATE, 1, (void *)1, &word,
		      (unsigned)FUTEX_OP(ops[i].op, ops[i].argument, FUTEX_OP_CMP_EQ, 0));
		CHECKF(word == ops[i].after, "WAKE_OP operation %d with %d makes %u of %u", ops[i].op, ops[i].argument,
		       ops[i].after, ops[i].before);
	}
	CHECK_ERRNO(futex(&other, FUTEX_WAKE_OP_PRIVATE, 1, (void *)1, &word, 7U << 28), ENOSYS);
	CHECK_ERRNO(futex(&other, FUTEX_WAKE_OP_PRIVATE, 1, (void *)1, &word, 9U << 24), ENOSYS);
	CHECK_ERRNO(futex(&other, FUTEX_WAKE_OP_PRIVATE, 1, (void *)1, (unsigned *)unmapped_address(), 0), EFAULT);
	word = other = 0;
}

static void between_processes(void)
{
	theme("futex between processes");
	unsigned *shared = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	pid_t pid = fork_child();
	if (pid == 0) {
		struct timespec t = {50, 0};
		shared[1] = 1;
		_exit(futex(shared, FUTEX_WAIT, 0, &t, NULL, 0) == 0 ? 0 : 1);
	}
	while (!__atomic_load_n(&shared[1], __ATOMIC_SEQ_CST))
		sched_yield();
	until_asleep(pid, pid);
	CHECK_THAT(futex(shared, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0) == 0,
		   "a private wake does not reach another process");
	CHECK_THAT(futex(shared, FUTEX_WAKE, 1, NULL, NULL, 0) == 1, "a shared one does");
	CHECK(wait_for(pid) == 0);
	munmap(shared, PAGE);
}

static void *lock_pi_and_hold(void *argument)
{
	if (futex(&word, FUTEX_LOCK_PI_PRIVATE, 0, NULL, NULL, 0))
		return (void *)1;
	__atomic_store_n(&started, 1, __ATOMIC_SEQ_CST);
	while (!(__atomic_load_n(&word, __ATOMIC_SEQ_CST) & FUTEX_WAITERS))
		sched_yield();
	return (void *)(long)(futex(&word, FUTEX_UNLOCK_PI_PRIVATE, 0, NULL, NULL, 0) != 0);
}

static void inheritance(void)
{
	pid_t self = (pid_t)syscall(SYS_gettid);
	pthread_t t;
	void *result;
	theme("futex PI");
	word = 0;
	CHECK(futex(&word, FUTEX_LOCK_PI_PRIVATE, 0, NULL, NULL, 0) == 0 && word == (unsigned)self);
	CHECK_ERRNO(futex(&word, FUTEX_LOCK_PI_PRIVATE, 0, NULL, NULL, 0), EDEADLK);
	CHECK_ERRNO(futex(&word, FUTEX_TRYLOCK_PI_PRIVATE, 0, NULL, NULL, 0), EDEADLK);
	CHECK(futex(&word, FUTEX_UNLOCK_PI_PRIVATE, 0, NULL, NULL, 0) == 0 && word == 0);
	CHECK_ERRNO(futex(&word, FUTEX_UNLOCK_PI_PRIVATE, 0, NULL, NULL, 0), EPERM);
	CHECK(futex(&word, FUTEX_TRYLOCK_PI_PRIVATE, 0, NULL, NULL, 0) == 0 && word == (unsigned)self);
	futex(&word, FUTEX_UNLOCK_PI_PRIVATE, 0, NULL, NULL, 0);
	word = 0x3ffffff0;
	CHECK_ERRNO_THAT(futex(&word, FUTEX_LOCK_PI_PRIVATE, 0, NULL, NULL, 0), ESRCH, "an owner that does not exist");
	word = 0;
	started = 0;
	pthread_create(&t, NULL, lock_pi_and_hold, NULL);
	while (!__atomic_load_n(&started, __ATOMIC_SEQ_CST))
		sched_yield();
	CHECK_ERRNO(futex(&word, FUTEX_TRYLOCK_PI_PRIVATE, 0, NULL, NULL, 0), EAGAIN);
	CHECK_THAT(futex(&word, FUTEX_LOCK_PI_PRIVATE, 0, NULL, NULL, 0) == 0, "waits for the owner");
	CHECK((word & FUTEX_TID_MASK) == (unsigned)self);
	pthread_join(t, &result);
	CHECK(result == NULL);
	futex(&word, FUTEX_UNLOCK_PI_PRIVATE, 0, NULL, NULL, 0);
	word = 0;
}

/* ---- requeue to a PI futex: word is the condition, other the lock ---- */

struct requeued {
	pthread_t thread;
	pid_t id;
	unsigned owner; /* of the lock when the wait returned */
	int result;
};

static void *wait_requeue(void *argument)
{
	struct requeued *w = argument;
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	t.tv_sec += 50;
	w->id = (pid_t)syscall(SYS_gettid);
	__atomic_add_fetch(&started, 1, __ATOMIC_SEQ_CST);
	w->result = futex(&word, FUTEX_WAIT_REQUEUE_PI_PRIVATE, 0, &t, &other, 0) ? errno : 0;
	w->owner = __atomic_load_n(&other, __ATOMIC_SEQ_CST) & FUTEX_TID_MASK;
	if (!w->result)
		futex(&other, FUTEX_UNLOCK_PI_PRIVATE, 0, NULL, NULL, 0);
	return NULL;
}

static void start_requeue(struct requeued *w, int count)
{
	started = 0;
	for (int i = 0; i < count; i++)
		pthread_create(&w[i].thread, NULL, wait_requeue, &w[i]);
	while (__atomic_load_n(&started, __ATOMIC_SEQ_CST) < count)
		sched_yield();
	for (int i = 0; i < count; i++)
		until_asleep(getpid(), w[i].id);
}

static int all_owned(struct requeued *w, int count)
{
	int good = 1;
	for (int i = 0; i < count; i++) {
		pthread_join(w[i].thread, NULL);
		good &= !w[i].result && w[i].owner == (unsigned)w[i].id;
	}
	return good;
}

static void requeue_pi(void)
{
	struct requeued w[3];
	struct timespec past = {1, 0};
	unsigned third = 0;
	theme("futex requeue PI");
	word = other = 0;
	CHECK_ERRNO(futex(&word, FUTEX_WAIT_REQUEUE_PI_PRIVATE, 1, NULL, &other, 0), EAGAIN);
	CHECK_ERRNO(futex(&word, FUTEX_WAIT_REQUEUE_PI_PRIVATE, 0, NULL, &word, 0), EINVAL);
	CHECK_ERRNO(futex(&word, FUTEX_WAIT_REQUEUE_PI_PRIVATE, 0, &past, &other, 0), ETIMEDOUT);
	CHECK_ERRNO(futex(&word, FUTEX_CMP_REQUEUE_PI_PRIVATE, 2, (void *)1, &other, 0), EINVAL);
	CHECK_ERRNO(futex(&word, FUTEX_CMP_REQUEUE_PI_PRIVATE, 1, (void *)1, &word, 0), EINVAL);
	CHECK_ERRNO(futex(&word, FUTEX_CMP_REQUEUE_PI_PRIVATE, 1, (void *)1, &other, 5), EAGAIN);
	CHECK(futex(&word, FUTEX_CMP_REQUEUE_PI_PRIVATE, 1, (void *)1, &other, 0) == 0);
	start_requeue(w, 1);
	CHECK_ERRNO_THAT(futex(&word, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0), EINVAL, "a plain wake of such a waiter");
	CHECK_ERRNO_THAT(futex(&word, FUTEX_CMP_REQUEUE_PI_PRIVATE, 1, (void *)1, &third, 0), EINVAL,
			 "a requeue to another lock than it waits for");
	CHECK_THAT(futex(&word, FUTEX_CMP_REQUEUE_PI_PRIVATE, 1, (void *)1, &other, 0) == 1, "one gets the free lock");
	CHECK_THAT(all_owned(w, 1), "and returns as its owner");
	start_requeue(w, 3);
	futex(&other, FUTEX_LOCK_PI_PRIVATE, 0, NULL, NULL, 0);
	CHECK_THAT(futex(&word, FUTEX_CMP_REQUEUE_PI_PRIVATE, 1, (void *)9, &other, 0) == 3,
		   "three wait for a held one");
	CHECK(other & FUTEX_WAITERS);
	CHECK(futex(&other, FUTEX_UNLOCK_PI_PRIVATE, 0, NULL, NULL, 0) == 0);
	CHECK_THAT(all_owned(w, 3), "and own it one after the other");
	CHECK((other & FUTEX_TID_MASK) == 0);
	start_requeue(w, 3);
	CHECK_THAT(futex(&word, FUTEX_CMP_REQUEUE_PI_PRIVATE, 1, (void *)0, &other, 0) == 1, "one at a time");
	CHECK(futex(&word, FUTEX_CMP_REQUEUE_PI_PRIVATE, 1, (void *)0, &other, 0) == 1);
	CHECK(futex(&word, FUTEX_CMP_REQUEUE_PI_PRIVATE, 1, (void *)0, &other, 0) == 1);
	CHECK(all_owned(w, 3));
	word = other = 0;
}

static void *lock_pi_and_end(void *argument)
{
	futex(&word, FUTEX_LOCK_PI_PRIVATE, 0, NULL, NULL, 0);
	__atomic_store_n(&started, 1, __ATOMIC_SEQ_CST);
	while (!(__atomic_load_n(&word, __ATOMIC_SEQ_CST) & FUTEX_WAITERS))
		sched_yield();
	sleep_ms(5);
	return NULL;
}

static void *lock_both(void *argument)
{
	long error = futex(&other, FUTEX_LOCK_PI_PRIVATE, 0, NULL, NULL, 0);
	__atomic_store_n(&started, (int)syscall(SYS_gettid), __ATOMIC_SEQ_CST);
	error |= futex(&word, FUTEX_LOCK_PI_PRIVATE, 0, NULL, NULL, 0);
	error |= futex(&word, FUTEX_UNLOCK_PI_PRIVATE, 0, NULL, NULL, 0);
	error |= futex(&other, FUTEX_UNLOCK_PI_PRIVATE, 0, NULL, NULL, 0);
	return (void *)error;
}

static void pi_owners(void)
{
	unsigned self = (unsigned)syscall(SYS_gettid);
	pthread_t t;
	void *result;
	theme("futex PI owners");
	word = other = 0;
	started = 0;
	pthread_create(&t, NULL, lock_pi_and_end, NULL);
	while (!__atomic_load_n(&started, __ATOMIC_SEQ_CST))
		sched_yield();
	CHECK_THAT(futex(&word, FUTEX_LOCK_PI_PRIVATE, 0, NULL, NULL, 0) == 0, "an owner's end hands the lock over");
	CHECK_THAT((word & (FUTEX_TID_MASK | FUTEX_OWNER_DIED)) == (self | FUTEX_OWNER_DIED), "marked");
	pthread_join(t, NULL);
	futex(&word, FUTEX_UNLOCK_PI_PRIVATE, 0, NULL, NULL, 0);
	word = 0;
	started = 0;
	futex(&word, FUTEX_LOCK_PI_PRIVATE, 0, NULL, NULL, 0);
	pthread_create(&t, NULL, lock_both, NULL);
	while (!__atomic_load_n(&started, __ATOMIC_SEQ_CST))
		sched_yield();
	until_asleep(getpid(), started);
	CHECK_ERRNO_THAT(futex(&other, FUTEX_LOCK_PI_PRIVATE, 0, NULL, NULL, 0), EDEADLK,
			 "two that wait for each other");
	CHECK(futex(&word, FUTEX_UNLOCK_PI_PRIVATE, 0, NULL, NULL, 0) == 0);
	pthread_join(t, &result);
	CHECK(result == NULL);
	word = other = 0;
}

struct node {
	struct robust_list list;
	unsigned futex;
};

static struct robust_list_head head;
static struct node node;

static void *die_with_lock(void *argument)
{
	head.list.next = &node.list;
	head.futex_offset = (long)offsetof(struct node, futex);
	head.list_op_pending = NULL;
	node.list.next = &head.list;
	syscall(SYS_set_robust_list, &head, sizeof(head));
	node.futex = (unsigned)syscall(SYS_gettid) | FUTEX_WAITERS;
	return NULL;
}

static void *die_with_wild_list(void *argument)
{
	head.list.next = argument;
	syscall(SYS_set_robust_list, &head, sizeof(head));
	return NULL;
}

static void *die_with_circle(void *argument)
{
	head.list.next = &node.list;
	node.list.next = &node.list;
	syscall(SYS_set_robust_list, &head, sizeof(head));
	return NULL;
}

static void robust(void)
{
	void *found;
	size_t size;
	pthread_t t;
	theme("robust list");
	CHECK_ERRNO(syscall(SYS_set_robust_list, &head, sizeof(head) - 1), EINVAL);
	CHECK(syscall(SYS_get_robust_list, 0, &found, &size) == 0 && size == sizeof(struct robust_list_head));
	CHECK_ERRNO(syscall(SYS_get_robust_list, 0, 8, &size), EFAULT);
	CHECK_ERRNO(syscall(SYS_get_robust_list, 1 << 30, &found, &size), ESRCH);
	pthread_create(&t, NULL, die_with_lock, NULL);
	pthread_join(t, NULL);
	CHECK_THAT(node.futex == (FUTEX_OWNER_DIED | FUTEX_WAITERS), "a dead owner's word is marked");
	static const unsigned long wild[] = {8, 0xffff800000000000, 0x8000000000000000, 0xfffffffffffffff8};
	for (size_t i = 0; i < sizeof(wild) / sizeof(*wild); i++) {
		pthread_create(&t, NULL, die_with_wild_list, (void *)wild[i]);
		CHECKF(pthread_join(t, NULL) == 0, "a list at %#lx does no harm", wild[i]);
	}
	pthread_create(&t, NULL, die_with_circle, NULL);
	CHECK_THAT(pthread_join(t, NULL) == 0, "a list without end is left");
}

static void *wake_second(void *argument)
{
	for (int i = 0; i < 10000; i++) {
		if (futex(&other, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0) == 1)
			return (void *)1;
		sleep_ms(2);
	}
	return NULL;
}

static void vectors(void)
{
	struct futex_waitv v[3] = {{0, (uintptr_t)&word, FUTEX_32 | FUTEX_PRIVATE_FLAG, 0},
				   {0, (uintptr_t)&other, FUTEX_32 | FUTEX_PRIVATE_FLAG, 0}};
	struct timespec past = {1, 0};
	pthread_t t;
	void *result;
	theme("futex_waitv");
	word = other = 0;
	if (syscall(SYS_futex_waitv, v, 2, 0, &past, CLOCK_MONOTONIC) == -1 && errno == ENOSYS) {
		CHECK_THAT(1, "not there (Linux before 5.16)");
		return;
	}
	CHECK_ERRNO(syscall(SYS_futex_waitv, v, 2, 0, &past, CLOCK_MONOTONIC), ETIMEDOUT);
	CHECK_ERRNO(syscall(SYS_futex_waitv, v, 0, 0, &past, CLOCK_MONOTONIC), EINVAL);
	CHECK_ERRNO(syscall(SYS_futex_waitv, v, 129, 0, &past, CLOCK_MONOTONIC), EINVAL);
	CHECK_ERRNO(syscall(SYS_futex_waitv, v, 2, 1, &past, CLOCK_MONOTONIC), EINVAL);
	CHECK_ERRNO(syscall(SYS_futex_waitv, v, 2, 0, &past, 7), EINVAL);
	CHECK_ERRNO(syscall(SYS_futex_waitv, NULL, 2, 0, &past, CLOCK_MONOTONIC), EINVAL);
	CHECK_ERRNO(syscall(SYS_futex_waitv, unmapped_address(), 2, 0, &past, CLOCK_MONOTONIC), EFAULT);
	v[1].val = 1;
	CHECK_ERRNO(syscall(SYS_futex_waitv, v, 2, 0, &past, CLOCK_MONOTONIC), EAGAIN);
	v[1].val = 0;
	v[1].flags = 0;
	CHECK_ERRNO_THAT(syscall(SYS_futex_waitv, v, 2, 0, &past, CLOCK_MONOTONIC), EINVAL, "each entry needs a size");
	v[1].flags = FUTEX_32 | FUTEX_PRIVATE_FLAG;
	v[1].__reserved = 1;
	CHECK_ERRNO_THAT(syscall(SYS_futex_waitv, v, 2, 0, &past, CLOCK_MONOTONIC), EINVAL,
			 "the reserved field is zero");
	v[1].__reserved = 0;
	struct timespec later;
	clock_gettime(CLOCK_MONOTONIC, &later);
	later.tv_sec += 50;
	pthread_create(&t, NULL, wake_second, NULL);
	CHECK_THAT(syscall(SYS_futex_waitv, v, 2, 0, &later, CLOCK_MONOTONIC) == 1, "tells which word was woken");
	pthread_join(t, &result);
	CHECK(result == (void *)1);
}

int main(void)
{
	limit_seconds(60);
	arguments();
	timeouts();
	wakes();
	between_processes();
	inheritance();
	requeue_pi();
	pi_owners();
	robust();
	vectors();
	return finish();
}
