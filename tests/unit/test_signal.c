/* SPDX-License-Identifier: Apache-2.0
 *
 * Signals: generation, queues, dispositions, delivery, system call restart, stops, what the parent is told.
 * sources: guestkernel/proc/signal.c guestkernel/proc/signal_deliver.c tests/unit/arch_stub.c
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <signal.h>
#include <asm/unistd.h>
#include "guestkernel/lib.h"
#include "guestkernel/mm/page.h"
#include "guestkernel/proc/rseq.h"
#include "guestkernel/proc/signal.h"
#include "tests/unit/arch_stub.h"

struct list all_processes = LIST_INIT(all_processes);
struct process *init_process, kernel_process;

/* Two threads in a process (pid 10), its parent (pid 5), pid 1. */
static struct process parent, child, init;
static struct thread threads[2], parent_thread, init_thread;
static struct session session;
static unsigned wakes, stops;
static jmp_buf ended;
static int end_status;

void rseq_settle(struct regs *regs) {}
void *kmalloc(size_t n)
{
	return malloc(n);
}
void *kzalloc(size_t n)
{
	return calloc(1, n);
}
void kfree(void *p)
{
	free(p);
}
const struct cred *process_cred(const struct process *p)
{
	return p == &parent ? &parent_thread.cred : p == &init ? &init_thread.cred : &threads[0].cred;
}
bool cred_has_cap(int cap)
{
	return current->cred.cap_effective >> cap & 1;
}
struct thread *process_thread(struct process *p)
{
	struct thread *t;

	list_for_each (t, &p->threads, process_link)
		if (t->state != THREAD_DEAD)
			return t;
	return NULL;
}
void sched_wake(struct thread *t)
{
	wakes++;
	t->state = THREAD_RUNNING;
}
void sched_resume(struct thread *t)
{
	if (t->state == THREAD_STOPPED)
		t->state = THREAD_RUNNING;
}
void sched_poke(struct thread *t) {}
void wake_up(struct wait_queue *q, u32 events) {}
/* A stopped thread that is scheduled away comes back when SIGCONT has come: the test sends it. */
void schedule(void)
{
	stops++;
	signal_send_process(&child, SIGCONT, NULL);
}
void process_exit_group(int status)
{
	end_status = status;
	longjmp(ended, 1);
}
void thread_exit(int status)
{
	end_status = status;
	longjmp(ended, 2);
}
static int pushed;
static struct k_siginfo pushed_info;
static u64 pushed_mask;
static bool no_stack;
int sigframe_push(struct regs *regs, int sig, const struct k_sigaction *action, const struct k_siginfo *info, u64 mask)
{
	if (no_stack)
		return -EFAULT;
	pushed = sig;
	pushed_info = *info;
	pushed_mask = mask;
	regs->rip = action->handler;
	return 0;
}

static void make_process(struct process *p, int pid, struct process *father, struct thread *t, size_t n)
{
	memset(p, 0, sizeof(*p));
	list_init(&p->children);
	list_init(&p->threads);
	p->pid = p->pgid = pid;
	p->parent = father;
	p->session = &session;
	p->sighand = sighand_create();
	p->pending = sigpending_create();
	p->rlimit[11].cur = 100;
	p->exit_signal = SIGCHLD;
	list_append(&all_processes, &p->all_link);
	for (size_t i = 0; i < n; i++) {
		memset(&t[i], 0, sizeof(t[i]));
		t[i].tid = pid + (int)i;
		t[i].process = p;
		t[i].pending = sigpending_create();
		list_append(&p->threads, &t[i].process_link);
	}
}
static void drop_process(struct process *p, struct thread *t, size_t n)
{
	signal_flush(p->pending);
	free(p->pending);
	sighand_put(p->sighand);
	for (size_t i = 0; i < n; i++) {
		signal_flush(t[i].pending);
		free(t[i].pending);
	}
}

static int setup(void **state)
{
	stub_init(1 << 20);
	list_init(&all_processes);
	make_process(&init, 1, NULL, &init_thread, 1);
	make_process(&parent, 5, &init, &parent_thread, 1);
	make_process(&child, 10, &parent, threads, 2);
	init_process = &init;
	stub_current = &threads[0];
	wakes = stops = 0;
	pushed = 0;
	no_stack = false;
	return 0;
}
static int teardown(void **state)
{
	drop_process(&init, &init_thread, 1);
	drop_process(&parent, &parent_thread, 1);
	drop_process(&child, threads, 2);
	return 0;
}
static void handle(struct process *p, int sig, u64 handler, u64 flags)
{
	p->sighand->action[sig - 1] = (struct k_sigaction){.handler = handler, .flags = flags};
}
static struct regs after_syscall(long number, long result)
{
	return (struct regs){.orig_rax = (u64)number, .rax = (u64)result, .rip = 0x1002};
}

static void standard_signals_merge_and_realtime_ones_queue(void **state)
{
	struct k_siginfo info;

	threads[0].sigmask = threads[1].sigmask = ~0ull;
	for (int i = 0; i < 3; i++) {
		info = (struct k_siginfo){.code = SI_QUEUE};
		info.rt.value = (u64)i;
		assert_int_equal(signal_send_process(&child, SIGUSR1, &info), 0);
		assert_int_equal(signal_send_process(&child, 40, &info), 0);
	}
	assert_int_equal(signal_dequeue(&threads[0], ~0ull, &info), SIGUSR1);
	assert_int_equal(info.rt.value, 0);
	for (int i = 0; i < 3; i++) {
		assert_int_equal(signal_dequeue(&threads[1], ~0ull, &info), 40);
		assert_int_equal(info.rt.value, i);
	}
	assert_int_equal(signal_dequeue(&threads[0], ~0ull, &info), 0);
}

static void a_full_queue_refuses_realtime_signals_only(void **state)
{
	struct k_siginfo info = {.code = SI_QUEUE};

	threads[0].sigmask = threads[1].sigmask = ~0ull;
	for (int i = 0; i < 100; i++)
		assert_int_equal(signal_send_process(&child, 40, &info), 0);
	assert_int_equal(signal_send_process(&child, 40, &info), -EAGAIN);
	assert_int_equal(signal_send_process(&child, SIGTERM, &info), 0);
	assert_int_equal(signal_send_process(&child, 41, NULL), 0); /* the kernel's own: pending without details */
	assert_int_equal(signal_dequeue(&threads[0], SIGBIT(41), &info), 41);
}

static void ignored_signals_vanish_unless_blocked(void **state)
{
	assert_int_equal(signal_send_process(&child, SIGCHLD, NULL), 0);
	handle(&child, SIGUSR1, SIG_IGNORE, 0);
	signal_send_process(&child, SIGUSR1, NULL);
	assert_false(signal_pending(&threads[0]));
	assert_int_equal(child.pending->set, 0);
	threads[0].sigmask = threads[1].sigmask = SIGBIT(SIGUSR1);
	signal_send_process(&child, SIGUSR1, NULL);
	assert_int_equal(child.pending->set, SIGBIT(SIGUSR1));
	assert_false(signal_pending(&threads[0]));
}

static void the_thread_that_may_take_it_is_woken(void **state)
{
	handle(&child, SIGUSR1, 0x5000, 0);
	stub_current = &parent_thread;
	threads[0].sigmask = SIGBIT(SIGUSR1);
	threads[0].state = threads[1].state = THREAD_SLEEPING;
	signal_send_process(&child, SIGUSR1, NULL);
	assert_int_equal(threads[0].state, THREAD_SLEEPING);
	assert_int_equal(threads[1].state, THREAD_RUNNING);
	assert_true(signal_pending(&threads[1]) && !signal_pending(&threads[0]));
	/* A signal for a thread that blocks it is nobody else's. */
	threads[1].state = THREAD_SLEEPING;
	signal_flush(child.pending);
	signal_send_thread(&threads[0], SIGUSR1, NULL);
	assert_int_equal(threads[1].state, THREAD_SLEEPING);
	/* sigtimedwait waits for what is blocked. */
	threads[0].sigwait_set = SIGBIT(SIGUSR1);
	signal_flush(threads[0].pending);
	signal_send_process(&child, SIGUSR1, NULL);
	assert_int_equal(threads[1].state, THREAD_RUNNING);
}

static void sigkill_ends_all_threads_whatever_they_do(void **state)
{
	threads[0].sigmask = threads[1].sigmask = ~0ull;
	threads[0].state = THREAD_STOPPED;
	threads[1].state = THREAD_BLOCKED;
	threads[1].killable = true;
	stub_current = &parent_thread;
	signal_send_process(&child, SIGKILL, NULL);
	assert_true(child.exiting && threads[0].killed && threads[1].killed);
	assert_int_equal(child.exit_code, SIGKILL);
	assert_int_equal(threads[0].state, THREAD_RUNNING);
	assert_int_equal(threads[1].state, THREAD_RUNNING);
}

static void pid_1_gets_only_what_it_handles(void **state)
{
	signal_send_process(&init, SIGKILL, NULL);
	signal_send_process(&init, SIGTERM, NULL);
	signal_send_process(&init, SIGSTOP, NULL);
	assert_false(init.exiting);
	assert_false(signal_pending(&init_thread));
	handle(&init, SIGTERM, 0x5000, 0);
	signal_send_process(&init, SIGTERM, NULL);
	assert_true(signal_pending(&init_thread));
}

static void faults_cannot_be_blocked_or_ignored(void **state)
{
	struct k_siginfo info;

	handle(&child, SIGSEGV, 0x5000, 0);
	signal_fault(SIGSEGV, SEGV_MAPERR, 0x1234);
	assert_int_equal(signal_dequeue(&threads[0], ~0ull, &info), SIGSEGV);
	assert_int_equal(info.fault.addr, 0x1234);
	assert_int_equal(info.code, SEGV_MAPERR);
	threads[0].sigmask = SIGBIT(SIGSEGV);
	signal_fault(SIGSEGV, SEGV_MAPERR, 0x1234);
	assert_true(child.exiting);
	assert_int_equal(child.exit_code, SIGSEGV);
}

static void synchronous_signals_come_first(void **state)
{
	struct k_siginfo info;

	threads[0].sigmask = ~0ull;
	signal_send_thread(&threads[0], SIGHUP, NULL);
	signal_send_thread(&threads[0], SIGSEGV, NULL);
	assert_int_equal(signal_dequeue(&threads[0], ~0ull, &info), SIGSEGV);
	assert_int_equal(signal_dequeue(&threads[0], ~0ull, &info), SIGHUP);
}

/* One interrupted call: its result before and after delivery, with and without a handler that wants restarts. */
static void interrupted_calls_restart_as_their_kind_says(void **state)
{
	static const struct {
		long result;
		u64 flags; /* ~0: no handler at all */
		long rax;
		u64 rip;
	} cases[] = {
	    {-ERESTARTSYS, 0, -EINTR, 0},
	    {-ERESTARTSYS, SA_RESTART, __NR_read, 0x1000},
	    {-ERESTARTSYS, ~0ull, __NR_read, 0x1000},
	    {-ERESTARTNOHAND, SA_RESTART, -EINTR, 0},
	    {-ERESTARTNOHAND, ~0ull, __NR_read, 0x1000},
	    {-ERESTARTNOINTR, 0, __NR_read, 0x1000},
	    {-ERESTART_RESTARTBLOCK, SA_RESTART, -EINTR, 0},
	    {-ERESTART_RESTARTBLOCK, ~0ull, __NR_restart_syscall, 0x1000},
	    {-EIO, SA_RESTART, -EIO, 0},
	    {17, 0, 17, 0},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct regs regs = after_syscall(__NR_read, cases[i].result);

		if (cases[i].flags != ~0ull) {
			handle(&child, SIGUSR1, 0x5000, cases[i].flags);
			signal_send_thread(&threads[0], SIGUSR1, NULL);
		}
		threads[0].sigmask = 0;
		signal_deliver(&regs);
		assert_int_equal(regs.rax, (u64)cases[i].rax);
		if (cases[i].flags == ~0ull)
			assert_int_equal(regs.rip, cases[i].rip);
		else
			assert_int_equal(regs.rip, 0x5000);
		assert_int_equal(regs.orig_rax, (u64)-1); /* never twice */
	}
}

static void a_handler_blocks_what_it_says(void **state)
{
	struct regs regs = after_syscall(-1, 0);

	child.sighand->action[SIGUSR1 - 1] =
	    (struct k_sigaction){.handler = 0x5000, .mask = SIGBIT(SIGHUP) | SIGBIT(SIGKILL), .flags = SA_RESETHAND};
	threads[0].saved_sigmask = SIGBIT(SIGTERM);
	threads[0].restore_sigmask = true; /* as in sigsuspend */
	signal_send_thread(&threads[0], SIGUSR1, NULL);
	signal_deliver(&regs);
	assert_int_equal(pushed, SIGUSR1);
	assert_int_equal(pushed_mask, SIGBIT(SIGTERM));
	assert_int_equal(threads[0].sigmask, SIGBIT(SIGHUP) | SIGBIT(SIGUSR1));
	assert_int_equal(child.sighand->action[SIGUSR1 - 1].handler, SIG_DEFAULT);
	assert_false(threads[0].restore_sigmask);
}

static void the_temporary_mask_goes_without_a_handler_too(void **state)
{
	struct regs regs = after_syscall(__NR_ppoll, -EIO);

	threads[0].sigmask = SIGBIT(SIGTERM);
	signal_set_temporary_mask(0);
	assert_int_equal(threads[0].sigmask, 0);
	signal_deliver(&regs);
	assert_int_equal(threads[0].sigmask, SIGBIT(SIGTERM));
}

static void no_stack_for_a_handler_is_a_fault(void **state)
{
	struct regs regs = after_syscall(-1, 0);

	no_stack = true;
	handle(&child, SIGSEGV, 0x5000, 0);
	handle(&child, SIGUSR1, 0x5000, 0);
	signal_send_thread(&threads[0], SIGUSR1, NULL);
	if (!setjmp(ended))
		signal_deliver(&regs);
	assert_int_equal(end_status, SIGSEGV);
	assert_true(child.exiting);
}

static void stopping_tells_the_parent_and_continuing_too(void **state)
{
	struct regs regs = after_syscall(-1, 0);
	struct k_siginfo info;

	handle(&parent, SIGCHLD, 0x5000, 0);
	signal_send_process(&child, SIGSTOP, NULL);
	signal_deliver(&regs); /* stops; schedule() above continues it */
	assert_int_equal(stops, 1);
	assert_false(child.stopped);
	assert_int_equal(signal_dequeue(&parent_thread, ~0ull, &info), SIGCHLD);
	assert_int_equal(info.code, CLD_STOPPED); /* the second one merged with it */
	assert_int_equal(info.child.status, SIGSTOP);
	assert_true(child.continued);
	handle(&parent, SIGCHLD, 0x5000, SA_NOCLDSTOP);
	signal_send_process(&child, SIGSTOP, NULL);
	signal_deliver(&regs);
	assert_int_equal(signal_dequeue(&parent_thread, ~0ull, &info), 0);
}

static void terminal_stops_do_not_reach_orphaned_groups(void **state)
{
	struct regs regs = after_syscall(-1, 0);

	child.parent = &init;
	init.session = NULL; /* pid 1 is in a session of its own */
	signal_send_process(&child, SIGTSTP, NULL);
	signal_deliver(&regs);
	assert_int_equal(stops, 0);
	signal_send_process(&child, SIGSTOP, NULL);
	signal_deliver(&regs);
	assert_int_equal(stops, 1);
}

static void sigcont_and_stops_cancel_each_other(void **state)
{
	threads[0].sigmask = threads[1].sigmask = ~SIG_UNBLOCKABLE;
	handle(&child, SIGCONT, 0x5000, 0);
	signal_send_process(&child, SIGTSTP, NULL);
	signal_send_process(&child, SIGCONT, NULL);
	assert_int_equal(child.pending->set, SIGBIT(SIGCONT));
	signal_send_process(&child, SIGTTIN, NULL);
	assert_int_equal(child.pending->set, SIGBIT(SIGTTIN));
}

static void a_parent_may_not_care_about_children(void **state)
{
	struct k_siginfo info;

	handle(&parent, SIGCHLD, 0x5000, 0);
	assert_false(signal_notify_parent(&child, CLD_EXITED, 3));
	assert_int_equal(signal_dequeue(&parent_thread, ~0ull, &info), SIGCHLD);
	assert_int_equal(info.child.pid, 10);
	assert_int_equal(info.child.status, 3);
	handle(&parent, SIGCHLD, 0x5000, SA_NOCLDWAIT);
	assert_true(signal_notify_parent(&child, CLD_EXITED, 3));
	assert_int_equal(signal_dequeue(&parent_thread, ~0ull, &info), SIGCHLD);
	handle(&parent, SIGCHLD, SIG_IGNORE, 0);
	assert_true(signal_notify_parent(&child, CLD_KILLED, 9));
	assert_int_equal(signal_dequeue(&parent_thread, ~0ull, &info), 0);
	child.exit_signal = 255; /* clone(2) takes it: nothing is sent */
	assert_false(signal_notify_parent(&child, CLD_EXITED, 3));
	assert_int_equal(signal_dequeue(&parent_thread, ~0ull, &info), 0);
	child.exit_signal = SIGCHLD;
}

static void permission_follows_ids(void **state)
{
	threads[0].cred.uid = threads[0].cred.euid = threads[0].cred.suid = 1000;
	parent_thread.cred.uid = parent_thread.cred.suid = 1001;
	assert_int_equal(signal_permission(&parent_thread, SIGTERM), -EPERM);
	assert_int_equal(signal_permission(&parent_thread, SIGCONT), 0); /* the same session */
	parent_thread.cred.suid = 1000;
	assert_int_equal(signal_permission(&parent_thread, SIGTERM), 0);
	parent_thread.cred.suid = 0;
	threads[0].cred.cap_effective = 1 << 5; /* CAP_KILL */
	assert_int_equal(signal_permission(&parent_thread, SIGTERM), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(standard_signals_merge_and_realtime_ones_queue, setup, teardown),
	    cmocka_unit_test_setup_teardown(a_full_queue_refuses_realtime_signals_only, setup, teardown),
	    cmocka_unit_test_setup_teardown(ignored_signals_vanish_unless_blocked, setup, teardown),
	    cmocka_unit_test_setup_teardown(the_thread_that_may_take_it_is_woken, setup, teardown),
	    cmocka_unit_test_setup_teardown(sigkill_ends_all_threads_whatever_they_do, setup, teardown),
	    cmocka_unit_test_setup_teardown(pid_1_gets_only_what_it_handles, setup, teardown),
	    cmocka_unit_test_setup_teardown(faults_cannot_be_blocked_or_ignored, setup, teardown),
	    cmocka_unit_test_setup_teardown(synchronous_signals_come_first, setup, teardown),
	    cmocka_unit_test_setup_teardown(interrupted_calls_restart_as_their_kind_says, setup, teardown),
	    cmocka_unit_test_setup_teardown(a_handler_blocks_what_it_says, setup, teardown),
	    cmocka_unit_test_setup_teardown(the_temporary_mask_goes_without_a_handler_too, setup, teardown),
	    cmocka_unit_test_setup_teardown(no_stack_for_a_handler_is_a_fault, setup, teardown),
	    cmocka_unit_test_setup_teardown(stopping_tells_the_parent_and_continuing_too, setup, teardown),
	    cmocka_unit_test_setup_teardown(terminal_stops_do_not_reach_orphaned_groups, setup, teardown),
	    cmocka_unit_test_setup_teardown(sigcont_and_stops_cancel_each_other, setup, teardown),
	    cmocka_unit_test_setup_teardown(a_parent_may_not_care_about_children, setup, teardown),
	    cmocka_unit_test_setup_teardown(permission_follows_ids, setup, teardown),
	};

	int failed = cmocka_run_group_tests(tests, NULL, NULL);
	stub_exit();
	return failed;
}
