/* SPDX-License-Identifier: Apache-2.0
 *
 * System V IPC: identifiers and their reuse, bounds, semaphore operations that are done together or not at all, who is
 * woken in which order, corrections, selection of messages. A sleep runs the test's hook instead.
 * sources: guestkernel/ipc/ipc.c guestkernel/ipc/sem.c guestkernel/ipc/sem_op.c guestkernel/ipc/sem_undo.c
 * guestkernel/ipc/msg.c guestkernel/proc/wait.c guestkernel/mm/page.c guestkernel/mm/kmalloc.c tests/unit/arch_stub.c
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "guestkernel/ipc/msg.h"
#include "guestkernel/ipc/sem.h"
#include "guestkernel/lib.h"
#include "guestkernel/mm/page.h"
#include "tests/unit/arch_stub.h"

static bool privileged;
static int (*on_sleep)(void);
static struct thread *woken[8];
static unsigned woken_count;

bool cred_has_cap(int cap)
{
	return privileged;
}
u64 time_wall_ns(void)
{
	return 1700000000ull * 1000000000;
}
void sched_wake(struct thread *t)
{
	if (woken_count < ARRAY_SIZE(woken))
		woken[woken_count++] = t;
}
int sched_sleep(bool interruptible, u64 deadline_ns)
{
	return on_sleep ? on_sleep() : -ERESTARTSYS;
}
void panic(const char *format, ...)
{
	abort();
}
void klog(const char *format, ...) {}
void random_bytes(void *buf, size_t n)
{
	memset(buf, 1, n);
}

static int setup(void **state)
{
	stub_init(8 << 20);
	page_init(1 << 20, 8 << 20, 8 << 20);
	privileged = true;
	on_sleep = NULL;
	woken_count = 0;
	memset(&sem_table.slots, 0, sizeof(sem_table.slots));
	sem_table.size = sem_table.used = msg_table.size = msg_table.used = 0;
	msg_table.slots = NULL;
	sem_table.last_index = msg_table.last_index = -1;
	sem_table.seq = msg_table.seq = 0;
	sem_total = 0;
	stub_process.sem_undo = NULL;
	return 0;
}

static int teardown(void **state)
{
	for (unsigned i = 0; i < sem_table.size; i++)
		if (sem_table.slots[i])
			assert_int_equal(sem_remove(sem_table.slots[i]->id), 0);
	for (unsigned i = 0; i < msg_table.size; i++)
		if (msg_table.slots[i])
			assert_int_equal(msg_remove(msg_table.slots[i]->id), 0);
	sem_undo_leave(&stub_process);
	/* All that was charged came back: the whole bound can be taken. */
	assert_true(ipc_charge(((8ul << 20) - (1 << 20)) / 8));
	ipc_uncharge(((8ul << 20) - (1 << 20)) / 8);
	stub_exit();
	return 0;
}

static int new_set(int count)
{
	long id = sem_get(K_IPC_PRIVATE, count, 0600);

	assert_true(id >= 0);
	return (int)id;
}

static int value(int id, int num)
{
	return sem_query(id, num, K_SEM_GETVAL);
}

static void identifiers_are_not_used_again_at_once(void **state)
{
	int a = new_set(1), b = new_set(1);

	assert_int_not_equal(a, b);
	assert_int_equal(sem_remove(a), 0);
	assert_int_equal(sem_remove(a), -EINVAL);
	int c = new_set(1);

	assert_int_equal(c % 32768, a % 32768); /* the same place ... */
	assert_int_not_equal(c, a);		/* ... under another name */
	assert_int_equal(value(a, 0), -EINVAL);
	assert_int_equal(value(-1, 0), -EINVAL);
	assert_int_equal(value(INT32_MAX, 0), -EINVAL);
	for (int i = 0; i < 70000; i++) { /* seq wraps */
		assert_int_equal(sem_remove(c), 0);
		c = new_set(1);
		assert_true(c >= 0);
	}
}

static void tables_grow_up_to_the_limit(void **state)
{
	u64 limit = ipc_limits.semmni;

	ipc_limits.semmni = 40;
	for (int i = 0; i < 40; i++)
		new_set(1);
	assert_int_equal(ipc_highest(&sem_table), 39);
	assert_int_equal(sem_get(K_IPC_PRIVATE, 1, 0600), -ENOSPC);
	assert_int_equal(sem_get(77, 1, 0600), -ENOENT);
	ipc_limits.semmni = limit;
}

static void memory_is_bounded(void **state)
{
	long id;
	int queue = (int)msg_get(K_IPC_PRIVATE, 0600);
	unsigned sets = 0;

	while ((id = sem_get(K_IPC_PRIVATE, 8000, 0600)) >= 0)
		sets++;
	assert_int_equal(id, -ENOMEM);
	assert_in_range(sets, 1, (8 << 20) / 8 / 64000);
	assert_null(msg_alloc(1, 100000));
	assert_int_equal(msg_remove(queue), 0);
}

static void rights_are_checked(void **state)
{
	int id = new_set(1);
	struct k_sembuf up = {0, 1, 0}, zero = {0, 0, 0};

	privileged = false;
	assert_int_equal(sem_operate(id, &up, 1, 0), 0);
	stub_thread.cred.euid = 7;
	stub_thread.cred.egid = 7;
	assert_int_equal(sem_operate(id, &up, 1, 0), -EACCES);
	assert_int_equal(sem_remove(id), -EPERM);
	sem_set_of(ipc_find(&sem_table, id))->object.mode = 0640;
	sem_set_of(ipc_find(&sem_table, id))->object.gid = 7;
	sem_set_of(ipc_find(&sem_table, id))->sems[0].value = 0;
	assert_int_equal(sem_operate(id, &zero, 1, 0), 0);
	assert_int_equal(sem_operate(id, &up, 1, 0), -EACCES);
	stub_thread.cred.euid = stub_thread.cred.egid = 0;
}

static void operations_are_done_together_or_not_at_all(void **state)
{
	int id = new_set(3);
	struct k_sembuf ops[3] = {{0, 2, K_SEM_UNDO}, {1, 1, K_SEM_UNDO}, {2, -1, (s16)K_IPC_NOWAIT}};

	assert_int_equal(sem_operate(id, ops, 3, 0), -EAGAIN);
	assert_int_equal(value(id, 0), 0);
	assert_int_equal(value(id, 1), 0);
	assert_int_equal(sem_operate(id, ops, 2, 0), 0);
	ops[2].num = 3;
	assert_int_equal(sem_operate(id, ops, 3, 0), -EFBIG);
	assert_int_equal(value(id, 0), 2);
	sem_undo_leave(&stub_process);
	assert_int_equal(value(id, 0), 0);
	assert_int_equal(value(id, 1), 0);
}

static int waiting_id;
static struct thread others[2];
static struct sem_waiter queued[2];

/* While the current thread sleeps in a set: two others stand behind it; then somebody adds what lets all go on. */
static int wake_everybody(void)
{
	struct sem_set *set = sem_set_of(ipc_find(&sem_table, waiting_id));
	static const struct k_sembuf take_one = {0, -1, 0}, take_two = {0, -2, 0};

	queued[0] = (struct sem_waiter){
	    .thread = &others[0], .ops = &take_two, .count = 1, .blocked = &take_two, .result = SEM_PENDING};
	queued[1] = (struct sem_waiter){
	    .thread = &others[1], .ops = &take_one, .count = 1, .blocked = &take_one, .result = SEM_PENDING};
	list_append(&set->waiters, &queued[0].link);
	list_append(&set->waiters, &queued[1].link);
	assert_int_equal(sem_query(waiting_id, 0, K_SEM_GETNCNT), 3);
	assert_int_equal(sem_set_value(waiting_id, 0, 2), 0);
	return 0;
}

static void the_longest_waiting_that_can_go_on_does(void **state)
{
	struct k_sembuf take = {0, -1, 0};

	waiting_id = new_set(1);
	on_sleep = wake_everybody;
	assert_int_equal(sem_operate(waiting_id, &take, 1, 0), 0);
	/* Ours took one; two are wanted next, which are not there; the last takes the other one. */
	assert_int_equal(queued[0].result, SEM_PENDING);
	assert_int_equal(queued[1].result, 0);
	assert_int_equal(woken_count, 2);
	assert_ptr_equal(woken[1], &others[1]);
	assert_int_equal(value(waiting_id, 0), 0);
	assert_int_equal(sem_remove(waiting_id), 0);
	assert_int_equal(queued[0].result, -EIDRM);
}

static int remove_it(void)
{
	return sem_remove(waiting_id);
}
static int time_out(void)
{
	return -ETIMEDOUT;
}

static void sleeps_end(void **state)
{
	struct k_sembuf take = {0, -1, 0};

	waiting_id = new_set(1);
	assert_int_equal(sem_operate(waiting_id, &take, 1, 0), -EINTR);
	on_sleep = time_out;
	assert_int_equal(sem_operate(waiting_id, &take, 1, 5), -EAGAIN);
	assert_int_equal(sem_query(waiting_id, 0, K_SEM_GETNCNT), 0);
	on_sleep = remove_it;
	assert_int_equal(sem_operate(waiting_id, &take, 1, 0), -EIDRM);
}

static void shared_corrections_are_done_once(void **state)
{
	struct k_sembuf up = {0, 3, K_SEM_UNDO};
	struct process child = {.pid = 99};
	int id = new_set(1), gone = new_set(1);

	assert_int_equal(sem_operate(id, &up, 1, 0), 0);
	assert_int_equal(sem_operate(gone, &up, 1, 0), 0);
	assert_int_equal(sem_undo_share(&child), 0);
	assert_int_equal(sem_remove(gone), 0); /* takes its corrections along */
	sem_undo_leave(&stub_process);
	assert_int_equal(value(id, 0), 3);
	sem_undo_leave(&child);
	assert_int_equal(value(id, 0), 0);
	assert_int_equal(sem_query(id, 0, K_SEM_GETPID), 99);
}

static void put(int id, s64 type, u64 size)
{
	struct message *m = msg_alloc(type, size);

	assert_non_null(m);
	memset(m->text, (int)type, size);
	assert_int_equal(msg_send(id, m, K_IPC_NOWAIT), 0);
}

static s64 got(int id, s64 type, u32 flags)
{
	struct message *m;
	int error = msg_receive(id, type, 100, flags | K_IPC_NOWAIT, &m);
	s64 result = error ? error : m->type;

	if (!error)
		msg_free(m);
	return result;
}

static void messages_are_selected_by_type(void **state)
{
	int id = (int)msg_get(K_IPC_PRIVATE, 0600);
	struct message *m;

	for (s64 type = 5; type > 0; type--)
		put(id, type, 10);
	assert_int_equal(got(id, 3, 0), 3);
	assert_int_equal(got(id, 1, K_MSG_COPY), 4); /* the second, which stays */
	assert_int_equal(got(id, -2, 0), 1);
	assert_int_equal(got(id, 5, K_MSG_EXCEPT), 4);
	assert_int_equal(got(id, 0, 0), 5);
	assert_int_equal(got(id, 9, 0), -ENOMSG);
	assert_int_equal(msg_receive(id, 0, 9, 0, &m), -E2BIG);
	assert_int_equal(got(id, INT64_MIN, 0), 2);
	assert_int_equal(msg_receive(id, 0, 9, 0, &m), -ERESTARTNOHAND);
	put(id, 1, 8000);
	put(id, 1, 8000);
	m = msg_alloc(1, 8000);
	assert_int_equal(msg_send(id, m, K_IPC_NOWAIT), -EAGAIN);
	assert_int_equal(msg_send(id + 1, m, 0), -EINVAL);
	msg_free(m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(identifiers_are_not_used_again_at_once, setup, teardown),
	    cmocka_unit_test_setup_teardown(tables_grow_up_to_the_limit, setup, teardown),
	    cmocka_unit_test_setup_teardown(memory_is_bounded, setup, teardown),
	    cmocka_unit_test_setup_teardown(rights_are_checked, setup, teardown),
	    cmocka_unit_test_setup_teardown(operations_are_done_together_or_not_at_all, setup, teardown),
	    cmocka_unit_test_setup_teardown(the_longest_waiting_that_can_go_on_does, setup, teardown),
	    cmocka_unit_test_setup_teardown(sleeps_end, setup, teardown),
	    cmocka_unit_test_setup_teardown(shared_corrections_are_done_once, setup, teardown),
	    cmocka_unit_test_setup_teardown(messages_are_selected_by_type, setup, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
