/* SPDX-License-Identifier: Apache-2.0
 *
 * Futexes: who is woken, requeued, handed a lock, and what the end of a thread leaves behind. User memory is an array;
 * a sleep runs the test's hook instead.
 * sources: guestkernel/proc/futex.c guestkernel/proc/futex_pi.c guestkernel/proc/runqueue.c tests/unit/arch_stub.c
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include <linux/futex.h>
#include "guestkernel/lib.h"
#include "guestkernel/mm/uaccess.h"
#include "guestkernel/mm/vm.h"
#include "guestkernel/proc/futex.h"
#include "guestkernel/proc/process.h"
#include "tests/unit/arch_stub.h"

#define OPERATION(op, arg, cmp, value)                                                                                 \
	((u32)(op) << 28 | (u32)(cmp) << 24 | ((u32)(arg)&0xfff) << 12 | ((u32)(value)&0xfff))
#define BASE 0x10000ull
static u64 memory[512]; /* user addresses BASE .. BASE + 4096 */
static struct thread threads[4];
static struct mm mm, other_mm;
static struct vma vma;
static bool woken[4];
static int (*on_sleep)(void);

static void *at(u64 addr)
{
	return addr >= BASE && addr < BASE + sizeof(memory) ? (char *)memory + (addr - BASE) : NULL;
}
static u32 *word(u64 addr)
{
	return at(addr);
}
int user_word(u64 addr, bool write, u32 **w)
{
	*w = at(addr);
	return *w ? 0 : -EFAULT;
}
int copy_from_user(void *to, user_ptr from, size_t n)
{
	return at(from.addr) && at(from.addr + n - 1) ? (memcpy(to, at(from.addr), n), 0) : -EFAULT;
}
int copy_to_user(user_ptr to, const void *from, size_t n)
{
	return at(to.addr) && at(to.addr + n - 1) ? (memcpy(at(to.addr), from, n), 0) : -EFAULT;
}
struct vma *mm_find(struct mm *m, u64 addr)
{
	return &vma;
}
struct thread *thread_find(int tid)
{
	return tid >= 1 && tid <= 4 ? &threads[tid - 1] : NULL;
}
void sched_set_boost(struct thread *t, int rank)
{
	t->boost = rank;
}
struct process kernel_process;
void sched_wake(struct thread *t)
{
	woken[t - threads] = true;
}
int sched_sleep(bool interruptible, u64 deadline_ns)
{
	return on_sleep();
}

static int setup(void **state)
{
	stub_init(1 << 20);
	memset(memory, 0, sizeof(memory));
	memset(threads, 0, sizeof(threads));
	memset(woken, 0, sizeof(woken));
	mm.refs = 2;
	vma = (struct vma){.start = BASE, .end = BASE + sizeof(memory), .prot = PROT_READ | PROT_WRITE};
	for (int i = 0; i < 4; i++) {
		threads[i].tid = i + 1;
		threads[i].mm = &mm;
		threads[i].process = &stub_process;
	}
	stub_current = &threads[0];
	return 0;
}

/* A waiter as another thread's futex_wait() would queue it. */
static void queue(struct futex_waiter *w, int thread, u64 addr, u32 bitset, bool pi)
{
	*w = (struct futex_waiter){.thread = &threads[thread], .bitset = bitset, .pi = pi, .key = {&mm, addr}};
	futex_enqueue(w);
}
static bool asleep(const struct futex_waiter *w)
{
	return !list_empty(&w->link);
}

static int wake_myself(void)
{
	struct futex_key key = {&mm, BASE};

	assert_int_equal(futex_wake(&key, 1, FUTEX_ANY), 1);
	return 0;
}
static int time_out(void)
{
	return -ETIMEDOUT;
}
static int spurious_then_signal(void)
{
	static int n;

	return n++ < 3 ? 0 : -ERESTARTSYS;
}

static void wait_compares_and_sleeps(void **state)
{
	*word(BASE) = 5;
	assert_int_equal(futex_wait(BASE, false, 4, FUTEX_ANY, 0), -EAGAIN);
	on_sleep = wake_myself;
	assert_int_equal(futex_wait(BASE, false, 5, FUTEX_ANY, 0), 0);
	on_sleep = time_out;
	assert_int_equal(futex_wait(BASE, false, 5, FUTEX_ANY, 1), -ETIMEDOUT);
	on_sleep = spurious_then_signal;
	assert_int_equal(futex_wait(BASE, false, 5, FUTEX_ANY, 0), -ERESTARTSYS);
	assert_null(futex_first(&(struct futex_key){&mm, BASE})); /* nothing stays queued */
	assert_int_equal(futex_wait(BASE + 2, false, 5, FUTEX_ANY, 0), -EINVAL);
	assert_int_equal(futex_wait(BASE - 4, false, 5, FUTEX_ANY, 0), -EFAULT);
	assert_int_equal(futex_wait(USER_END, false, 5, FUTEX_ANY, 0), -EFAULT);
}

static void wake_counts_in_order_and_by_bitset(void **state)
{
	struct futex_waiter w[4];
	struct futex_key key = {&mm, BASE}, elsewhere = {&other_mm, BASE};

	queue(&w[0], 0, BASE, 1, false);
	queue(&w[1], 1, BASE, 2, false);
	queue(&w[2], 2, BASE, 3, false);
	queue(&w[3], 3, BASE + 4, 1, false);
	assert_int_equal(futex_wake(&elsewhere, 10, FUTEX_ANY), 0);
	assert_int_equal(futex_wake(&key, 1, 2), 1);
	assert_true(asleep(&w[0]) && !asleep(&w[1]) && asleep(&w[2]));
	assert_int_equal(futex_wake(&key, 10, FUTEX_ANY), 2);
	assert_true(asleep(&w[3]));
	assert_true(woken[0] && woken[1] && woken[2] && !woken[3]);
	futex_dequeue(&w[3]);
}

static void requeue_moves_the_rest(void **state)
{
	struct futex_waiter w[4];
	u32 expected = 7;

	for (int i = 0; i < 4; i++)
		queue(&w[i], i, BASE, FUTEX_ANY, false);
	assert_int_equal(futex_requeue(BASE, BASE + 8, false, 1, 2, &expected), -EAGAIN);
	*word(BASE) = 7;
	assert_int_equal(futex_requeue(BASE, BASE + 8, false, 1, 2, &expected), 3);
	assert_true(woken[0] && !woken[1] && !woken[2] && !woken[3]);
	assert_int_equal(futex_wake(&(struct futex_key){&mm, BASE + 8}, 10, FUTEX_ANY), 2);
	assert_int_equal(futex_wake(&(struct futex_key){&mm, BASE}, 10, FUTEX_ANY), 1);
}

static void wake_op_changes_and_compares(void **state)
{
	struct futex_waiter w[2];

	queue(&w[0], 1, BASE, FUTEX_ANY, false);
	queue(&w[1], 2, BASE + 4, FUTEX_ANY, false);
	*word(BASE + 4) = 1;
	assert_int_equal(futex_wake_op(BASE, BASE + 4, false, 1, 1, OPERATION(FUTEX_OP_ADD, 2, FUTEX_OP_CMP_EQ, 9)), 1);
	assert_int_equal(*word(BASE + 4), 3);
	assert_true(!asleep(&w[0]) && asleep(&w[1]));
	assert_int_equal(futex_wake_op(BASE, BASE + 4, false, 1, 1, OPERATION(FUTEX_OP_SET, 0xfff, FUTEX_OP_CMP_GT, 2)),
			 1);
	assert_int_equal(*word(BASE + 4), 0xffffffff); /* operands are signed */
	assert_false(asleep(&w[1]));
	assert_int_equal(futex_wake_op(BASE, BASE + 4, false, 1, 1, OPERATION(FUTEX_OP_OR | 8, 5, FUTEX_OP_CMP_LT, 0)),
			 0);
	assert_int_equal(futex_wake_op(BASE, BASE + 4, false, 1, 1, OPERATION(7, 5, FUTEX_OP_CMP_LT, 0)), -ENOSYS);
}

static void shared_memory_is_found_by_its_page(void **state)
{
	struct futex_key a, b;

	assert_int_equal(futex_key(BASE, true, &a), 0);
	assert_ptr_equal(a.mm, &mm); /* private memory: no other process can mean it */
	vma.flags = VMA_SHARED;
	assert_int_equal(futex_key(BASE, true, &a), 0);
	threads[0].mm = &other_mm;
	assert_int_equal(futex_key(BASE, true, &b), 0);
	assert_null(a.mm);
	assert_true(a.mm == b.mm && a.addr == b.addr);
}

/* The second waits; the first, who has its rank meanwhile, unlocks. */
static int unlocked_by_first(void)
{
	assert_int_equal(threads[0].boost, 20);
	stub_current = &threads[0];
	assert_int_equal(futex_unlock_pi(BASE, false), 0);
	stub_current = &threads[1];
	return 0;
}

static void pi_locks_are_handed_over(void **state)
{
	struct futex_key key = {&mm, BASE};

	assert_int_equal(futex_lock_pi(BASE, false, false, 0), 0);
	assert_int_equal(*word(BASE), 1);
	assert_int_equal(futex_lock_pi(BASE, false, false, 0), -EDEADLK);
	stub_current = &threads[1];
	assert_int_equal(futex_lock_pi(BASE, false, true, 0), -EAGAIN);
	assert_int_equal(futex_unlock_pi(BASE, false), -EPERM);
	threads[1].rt_priority = 20;
	on_sleep = unlocked_by_first;
	assert_int_equal(futex_lock_pi(BASE, false, false, 0), 0);
	assert_int_equal(*word(BASE), 2);
	assert_true(woken[1]);
	assert_int_equal(threads[0].boost, 0);
	assert_int_equal(futex_unlock_pi(BASE, false), 0);
	assert_int_equal(*word(BASE), 0);
	assert_int_equal(futex_wake(&key, 1, FUTEX_ANY), 0);
	stub_current = &threads[0];
	*word(BASE) = 999;
	assert_int_equal(futex_lock_pi(BASE, false, false, 0), -ESRCH);
}

/* Owner 1 of BASE, owner 2 of BASE + 8 who waits for BASE; 1 now asks for BASE + 8. */
static int ask_for_the_other(void)
{
	stub_current = &threads[0];
	assert_int_equal(futex_lock_pi(BASE + 8, false, false, 0), -EDEADLK);
	stub_current = &threads[1];
	return -ETIMEDOUT;
}

static void waiting_in_a_circle_is_refused(void **state)
{
	*word(BASE) = 1;
	*word(BASE + 8) = 2;
	stub_current = &threads[1];
	on_sleep = ask_for_the_other;
	assert_int_equal(futex_lock_pi(BASE, false, false, 9), -ETIMEDOUT);
	assert_ptr_equal(threads[1].pi_wait, NULL);
}

static int third_waits_for_second(void);
static int look_at_ranks(void)
{
	assert_int_equal(threads[1].boost, 30);
	assert_int_equal(threads[0].boost, 30);
	return -ETIMEDOUT;
}
static int third_waits_for_second(void)
{
	if (stub_current == &threads[2])
		return look_at_ranks();
	stub_current = &threads[2];
	threads[2].rt_priority = 30;
	assert_int_equal(futex_lock_pi(BASE + 8, false, false, 9), -ETIMEDOUT);
	assert_int_equal(threads[1].boost, 0);
	assert_int_equal(threads[0].boost, 0);
	stub_current = &threads[1];
	return -ETIMEDOUT;
}

static void rank_goes_along_the_chain(void **state)
{
	*word(BASE) = 1;
	*word(BASE + 8) = 2;
	stub_current = &threads[1];
	on_sleep = third_waits_for_second;
	assert_int_equal(futex_lock_pi(BASE, false, false, 9), -ETIMEDOUT);
}

static int owner_ends(void)
{
	threads[0].mm = &mm;
	futex_exit(&threads[0]);
	return 0;
}

static void what_a_dead_owner_held_goes_to_the_waiter(void **state)
{
	*word(BASE) = 1;
	stub_current = &threads[1];
	on_sleep = owner_ends;
	assert_int_equal(futex_lock_pi(BASE, false, false, 0), 0);
	assert_int_equal(*word(BASE), 2 | FUTEX_OWNER_DIED);
}

static int requeued_to_free(void)
{
	struct futex_key key = {&mm, BASE};

	stub_current = &threads[0];
	assert_int_equal(futex_wake(&key, 1, FUTEX_ANY), -EINVAL);
	assert_int_equal(futex_requeue(BASE, BASE + 8, false, 1, 1, NULL), -EINVAL);
	assert_int_equal(futex_cmp_requeue_pi(BASE, BASE + 8, false, 0, 1), -EAGAIN);
	assert_int_equal(futex_cmp_requeue_pi(BASE, BASE + 16, false, 0, 0), -EINVAL);
	assert_int_equal(futex_cmp_requeue_pi(BASE, BASE, false, 0, 0), -EINVAL);
	assert_int_equal(futex_cmp_requeue_pi(BASE, BASE + 8, false, 0, 0), 1);
	stub_current = &threads[1];
	return 0;
}

static int requeued_to_held(void)
{
	stub_current = &threads[0];
	assert_int_equal(futex_cmp_requeue_pi(BASE, BASE + 8, false, 0, 0), 1);
	assert_int_equal(*word(BASE + 8), 1 | FUTEX_WAITERS);
	assert_false(woken[1]);
	assert_int_equal(threads[0].boost, 40);
	assert_int_equal(futex_unlock_pi(BASE + 8, false), 0);
	assert_int_equal(threads[0].boost, 0);
	stub_current = &threads[1];
	return 0;
}

static int requeued_then_signal(void)
{
	*word(BASE + 8) = 1;
	assert_int_equal(futex_cmp_requeue_pi(BASE, BASE + 8, false, 0, 0), 1);
	return -ERESTARTSYS;
}

static int signal_at_once(void)
{
	return -ERESTARTSYS;
}

static void a_condition_waiter_ends_as_owner(void **state)
{
	stub_current = &threads[1];
	threads[1].rt_priority = 40;
	assert_int_equal(futex_wait_requeue_pi(BASE, BASE, false, 0, 0), -EINVAL);
	assert_int_equal(futex_wait_requeue_pi(BASE, BASE + 8, false, 1, 0), -EAGAIN);
	on_sleep = requeued_to_free;
	assert_int_equal(futex_wait_requeue_pi(BASE, BASE + 8, false, 0, 0), 0);
	assert_int_equal(*word(BASE + 8), 2);
	*word(BASE + 8) = 1;
	woken[1] = false;
	on_sleep = requeued_to_held;
	assert_int_equal(futex_wait_requeue_pi(BASE, BASE + 8, false, 0, 0), 0);
	assert_int_equal(*word(BASE + 8), 2);
	assert_true(woken[1]);
	on_sleep = requeued_then_signal;
	assert_int_equal(futex_wait_requeue_pi(BASE, BASE + 8, false, 0, 0), -EAGAIN);
	on_sleep = signal_at_once;
	assert_int_equal(futex_wait_requeue_pi(BASE, BASE + 8, false, 0, 0), -ERESTARTNOINTR);
	on_sleep = time_out;
	assert_int_equal(futex_wait_requeue_pi(BASE, BASE + 8, false, 0, 9), -ETIMEDOUT);
	assert_ptr_equal(threads[1].pi_wait, NULL);
}

/* A robust list with two locks and one in the middle of being taken. */
static void a_dead_owner_is_noticed(void **state)
{
	struct futex_waiter w;
	u64 *head = at(BASE + 0x100);

	head[0] = BASE + 0x200;
	head[1] = 8; /* the word stands 8 bytes behind the entry */
	head[2] = BASE + 0x400;
	*(u64 *)at(BASE + 0x200) = BASE + 0x300;
	*(u64 *)at(BASE + 0x300) = BASE + 0x100;
	*word(BASE + 0x208) = 1 | FUTEX_WAITERS;
	*word(BASE + 0x308) = 2; /* not ours */
	*word(BASE + 0x408) = 1;
	queue(&w, 3, BASE + 0x208, FUTEX_ANY, false);
	threads[0].robust_list = BASE + 0x100;
	threads[0].clear_child_tid = BASE + 0x500;
	*word(BASE + 0x500) = 1;
	futex_exit(&threads[0]);
	assert_int_equal(*word(BASE + 0x208), FUTEX_OWNER_DIED | FUTEX_WAITERS);
	assert_int_equal(*word(BASE + 0x308), 2);
	assert_int_equal(*word(BASE + 0x408), FUTEX_OWNER_DIED);
	assert_int_equal(*word(BASE + 0x500), 0);
	assert_true(woken[3]);
	assert_int_equal(threads[0].robust_list, 0);
}

static void a_circular_robust_list_ends(void **state)
{
	u64 *head = at(BASE + 0x100);

	head[0] = BASE + 0x200;
	*(u64 *)at(BASE + 0x200) = BASE + 0x200;
	threads[0].robust_list = BASE + 0x100;
	futex_exit(&threads[0]);
	threads[0].robust_list = 0x1; /* a bad address */
	futex_exit(&threads[0]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup(wait_compares_and_sleeps, setup),
	    cmocka_unit_test_setup(wake_counts_in_order_and_by_bitset, setup),
	    cmocka_unit_test_setup(requeue_moves_the_rest, setup),
	    cmocka_unit_test_setup(wake_op_changes_and_compares, setup),
	    cmocka_unit_test_setup(shared_memory_is_found_by_its_page, setup),
	    cmocka_unit_test_setup(pi_locks_are_handed_over, setup),
	    cmocka_unit_test_setup(a_dead_owner_is_noticed, setup),
	    cmocka_unit_test_setup(waiting_in_a_circle_is_refused, setup),
	    cmocka_unit_test_setup(rank_goes_along_the_chain, setup),
	    cmocka_unit_test_setup(what_a_dead_owner_held_goes_to_the_waiter, setup),
	    cmocka_unit_test_setup(a_condition_waiter_ends_as_owner, setup),
	    cmocka_unit_test_setup(a_circular_robust_list_ends, setup),
	};

	int failed = cmocka_run_group_tests(tests, NULL, NULL);
	stub_exit();
	return failed;
}
