/* SPDX-License-Identifier: Apache-2.0
 *
 * seccomp filters: which programs are taken, what they compute, what chains of them answer, who shares them.
 * sources: guestkernel/proc/seccomp.c guestkernel/proc/seccomp_bpf.c tests/unit/arch_stub.c
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
#include <linux/audit.h>
#include "guestkernel/lib.h"
#include "guestkernel/mm/page.h"
#include "guestkernel/proc/seccomp.h"
#include "guestkernel/proc/seccomp_bpf.h"
#include "guestkernel/proc/signal.h"
#include "tests/unit/arch_stub.h"

static long objects; /* kmalloc'ed and not freed */
static jmp_buf ended;
static int end_status;
static bool end_process;
static struct k_siginfo forced;

void *kmalloc(size_t n)
{
	objects++;
	return malloc(n);
}
void kfree(void *p)
{
	objects -= p != NULL;
	free(p);
}
void process_exit_group(int status)
{
	end_status = status;
	end_process = true;
	longjmp(ended, 1);
}
void thread_exit(int status)
{
	end_status = status;
	end_process = false;
	longjmp(ended, 1);
}
void signal_force(const struct k_siginfo *info)
{
	forced = *info;
}
void klog(const char *format, ...) {}

#define LENGTH(program) ((u32)(sizeof(program) / sizeof((program)[0])))
#define TAKES(...)                                                                                                     \
	({                                                                                                             \
		const struct sock_filter program_[] = {__VA_ARGS__};                                                   \
		seccomp_bpf_check(program_, LENGTH(program_));                                                         \
	})
#define ANSWER(...)                                                                                                    \
	({                                                                                                             \
		const struct sock_filter program_[] = {__VA_ARGS__};                                                   \
		assert_int_equal(seccomp_bpf_check(program_, LENGTH(program_)), 0);                                    \
		seccomp_bpf_run(program_, &data);                                                                      \
	})
#define ATTACH(flags, ...)                                                                                             \
	({                                                                                                             \
		const struct sock_filter program_[] = {__VA_ARGS__};                                                   \
		seccomp_attach(program_, LENGTH(program_), flags);                                                     \
	})
#define RET(k)	BPF_STMT(BPF_RET | BPF_K, k)
#define RET_A	BPF_STMT(BPF_RET | BPF_A, 0)
#define LOAD(k) BPF_STMT(BPF_LD | BPF_W | BPF_ABS, k)
#define IMM(k)	BPF_STMT(BPF_LD | BPF_IMM, k)

static const struct seccomp_data data = {.nr = 7, .arch = AUDIT_ARCH_X86_64, .args = {0x1122334455667788}};

/* Another thread of the process. */
static struct thread second;

static int setup(void **state)
{
	stub_init(1 << 20);
	list_init(&stub_process.threads);
	list_append(&stub_process.threads, &stub_thread.process_link);
	memset(&second, 0, sizeof(second));
	second.tid = 77;
	second.process = &stub_process;
	list_append(&stub_process.threads, &second.process_link);
	stub_process.thread_count = 2;
	stub_thread.seccomp = NULL;
	stub_thread.seccomp_mode = 0;
	objects = 0;
	memset(&forced, 0, sizeof(forced));
	return 0;
}

static int teardown(void **state)
{
	seccomp_release(&stub_thread);
	seccomp_release(&second);
	assert_int_equal(objects, 0);
	stub_exit();
	return 0;
}

/* ---- the language ---- */

static void a_program_ends_with_a_return(void **state)
{
	assert_int_equal(TAKES(RET(0)), 0);
	assert_int_equal(TAKES(RET_A), 0);
	assert_int_equal(TAKES(IMM(0)), -EINVAL);
	assert_int_equal(TAKES(RET(0), IMM(0)), -EINVAL);
	assert_int_equal(seccomp_bpf_check(NULL, 0), -EINVAL);
}

static void loads_stay_inside_the_data(void **state)
{
	assert_int_equal(TAKES(LOAD(0), RET_A), 0);
	assert_int_equal(TAKES(LOAD(60), RET_A), 0);
	assert_int_equal(TAKES(LOAD(64), RET_A), -EINVAL);
	assert_int_equal(TAKES(LOAD(2), RET_A), -EINVAL);
	assert_int_equal(TAKES(LOAD(0xfffffffc), RET_A), -EINVAL);
	assert_int_equal(TAKES(BPF_STMT(BPF_LD | BPF_H | BPF_ABS, 0), RET_A), -EINVAL);
	assert_int_equal(TAKES(BPF_STMT(BPF_LD | BPF_W | BPF_IND, 0), RET_A), -EINVAL);
	assert_int_equal(TAKES(BPF_STMT(BPF_LDX | BPF_B | BPF_MSH, 0), RET_A), -EINVAL);
}

static void jumps_go_forward_and_stay_inside(void **state)
{
	assert_int_equal(TAKES(BPF_STMT(BPF_JMP | BPF_JA, 0), RET(0)), 0);
	assert_int_equal(TAKES(BPF_STMT(BPF_JMP | BPF_JA, 1), RET(0)), -EINVAL);
	assert_int_equal(TAKES(BPF_STMT(BPF_JMP | BPF_JA, 0xffffffff), RET(0)), -EINVAL);
	assert_int_equal(TAKES(BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 0, 0, 1), RET(0), RET(1)), 0);
	assert_int_equal(TAKES(BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 0, 0, 2), RET(0), RET(1)), -EINVAL);
	assert_int_equal(TAKES(BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 0, 255, 0), RET(0), RET(1)), -EINVAL);
}

static void operands_are_checked(void **state)
{
	assert_int_equal(TAKES(BPF_STMT(BPF_ALU | BPF_DIV | BPF_K, 0), RET_A), -EINVAL);
	assert_int_equal(TAKES(BPF_STMT(BPF_ALU | BPF_LSH | BPF_K, 32), RET_A), -EINVAL);
	assert_int_equal(TAKES(BPF_STMT(BPF_ALU | BPF_RSH | BPF_K, 31), RET_A), 0);
	assert_int_equal(TAKES(BPF_STMT(BPF_ALU | BPF_MOD | BPF_K, 3), RET_A), -EINVAL);
	assert_int_equal(TAKES(BPF_STMT(BPF_ST, 16), RET_A), -EINVAL);
	assert_int_equal(TAKES(BPF_STMT(0xffff, 0), RET_A), -EINVAL);
}

static void memory_is_written_before_it_is_read(void **state)
{
	assert_int_equal(TAKES(BPF_STMT(BPF_LD | BPF_MEM, 3), RET_A), -EINVAL);
	assert_int_equal(TAKES(BPF_STMT(BPF_ST, 3), BPF_STMT(BPF_LDX | BPF_MEM, 3), RET_A), 0);
	assert_int_equal(TAKES(BPF_STMT(BPF_STX, 2), BPF_STMT(BPF_LDX | BPF_MEM, 3), RET_A), -EINVAL);
	/* on one of two ways only */
	assert_int_equal(TAKES(BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 0, 1, 0), BPF_STMT(BPF_ST, 3),
			       BPF_STMT(BPF_LD | BPF_MEM, 3), RET_A),
			 -EINVAL);
	/* on both */
	assert_int_equal(TAKES(BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 0, 2, 0), BPF_STMT(BPF_ST, 3),
			       BPF_STMT(BPF_JMP | BPF_JA, 1), BPF_STMT(BPF_ST, 3), BPF_STMT(BPF_LD | BPF_MEM, 3),
			       RET_A),
			 0);
}

static void instructions_compute(void **state)
{
	assert_int_equal(ANSWER(LOAD(0), RET_A), 7);
	assert_int_equal(ANSWER(LOAD(16), RET_A), 0x55667788);
	assert_int_equal(ANSWER(LOAD(20), RET_A), 0x11223344);
	assert_int_equal(ANSWER(BPF_STMT(BPF_LD | BPF_W | BPF_LEN, 0), RET_A), 64);
	assert_int_equal(ANSWER(BPF_STMT(BPF_LDX | BPF_W | BPF_LEN, 0), BPF_STMT(BPF_MISC | BPF_TXA, 0), RET_A), 64);
	assert_int_equal(ANSWER(IMM(3), BPF_STMT(BPF_ALU | BPF_SUB | BPF_K, 5), RET_A), (u32)-2);
	assert_int_equal(ANSWER(IMM(3), BPF_STMT(BPF_ALU | BPF_NEG, 0), RET_A), (u32)-3);
	assert_int_equal(ANSWER(IMM(6), BPF_STMT(BPF_MISC | BPF_TAX, 0), BPF_STMT(BPF_ALU | BPF_MUL | BPF_X, 0), RET_A),
			 36);
	assert_int_equal(ANSWER(IMM(6), BPF_STMT(BPF_ALU | BPF_DIV | BPF_X, 0), RET(9)), 0);
	assert_int_equal(ANSWER(IMM(1), BPF_STMT(BPF_LDX | BPF_IMM, 33), BPF_STMT(BPF_ALU | BPF_LSH | BPF_X, 0), RET_A),
			 2);
	assert_int_equal(ANSWER(IMM(5), BPF_STMT(BPF_ST, 15), IMM(0), BPF_STMT(BPF_LD | BPF_MEM, 15), RET_A), 5);
	assert_int_equal(ANSWER(IMM(8), BPF_STMT(BPF_ALU | BPF_XOR | BPF_K, 9), BPF_STMT(BPF_ALU | BPF_OR | BPF_K, 6),
				BPF_STMT(BPF_ALU | BPF_AND | BPF_K, 3), RET_A),
			 3);
	assert_int_equal(
	    ANSWER(IMM(64), BPF_STMT(BPF_ALU | BPF_RSH | BPF_K, 3), BPF_STMT(BPF_ALU | BPF_ADD | BPF_K, 1), RET_A), 9);
}

static void jumps_compare_without_signs(void **state)
{
#define JUMPS(op, a, k) ANSWER(IMM(a), BPF_JUMP(BPF_JMP | (op) | BPF_K, k, 1, 0), RET(0), RET(1))
	assert_int_equal(JUMPS(BPF_JEQ, 4, 4), 1);
	assert_int_equal(JUMPS(BPF_JEQ, 4, 5), 0);
	assert_int_equal(JUMPS(BPF_JGT, 0x80000000, 1), 1);
	assert_int_equal(JUMPS(BPF_JGT, 4, 4), 0);
	assert_int_equal(JUMPS(BPF_JGE, 4, 4), 1);
	assert_int_equal(JUMPS(BPF_JSET, 6, 8), 0);
	assert_int_equal(JUMPS(BPF_JSET, 6, 2), 1);
	assert_int_equal(ANSWER(BPF_STMT(BPF_JMP | BPF_JA, 1), RET(0), RET(1)), 1);
}

/* Of all codes exactly those of the language are taken. */
static void no_other_code_is_taken(void **state)
{
	static const u16 codes[] = {0x00, 0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x07, 0x0c, 0x14, 0x15, 0x16, 0x1c, 0x1d,
				    0x20, 0x24, 0x25, 0x2c, 0x2d, 0x34, 0x35, 0x3c, 0x3d, 0x44, 0x45, 0x4c, 0x4d, 0x54,
				    0x5c, 0x60, 0x61, 0x64, 0x6c, 0x74, 0x7c, 0x80, 0x81, 0x84, 0x87, 0xa4, 0xac};
	size_t taken = 0;

	for (unsigned code = 0; code < 0x10000; code++) {
		/* The memory word 4 was written before, and jumps lead to the return. */
		struct sock_filter program[] = {
		    BPF_STMT(BPF_ST, 4), {(u16)code, 0, 0, 4}, RET(0), RET(0), RET(0), RET(0), RET(0)};

		if (seccomp_bpf_check(program, LENGTH(program)))
			continue;
		assert_true(taken < ARRAY_SIZE(codes));
		assert_int_equal(code, codes[taken++]);
	}
	assert_int_equal(taken, ARRAY_SIZE(codes));
}

/* ---- chains ---- */

/* 1: the call may be made; 0: not; -1: the thread or process ends */
static int decides(u64 number, long *result)
{
	struct regs regs = {.orig_rax = number, .rip = 0x1234};

	if (setjmp(ended))
		return -1;
	return seccomp_call(&regs, result);
}

static void the_strictest_answer_counts(void **state)
{
	long result;

	assert_int_equal(ATTACH(0, RET(SECCOMP_RET_ERRNO | 5)), 0);
	assert_int_equal(ATTACH(0, RET(SECCOMP_RET_ALLOW)), 0);
	assert_int_equal(seccomp_count(current), 2);
	assert_int_equal(decides(1, &result), 0);
	assert_int_equal(result, -5);
	assert_int_equal(ATTACH(0, RET(SECCOMP_RET_ERRNO | 6)), 0); /* of equals the newest */
	assert_int_equal(decides(1, &result), 0);
	assert_int_equal(result, -6);
	assert_int_equal(ATTACH(0, RET(SECCOMP_RET_KILL_PROCESS)), 0);
	assert_int_equal(decides(1, &result), -1);
	assert_true(end_process && end_status == SIGSYS);
}

static int decide_one(u32 answer, long *result)
{
	seccomp_release(current);
	assert_int_equal(ATTACH(0, RET(answer)), 0);
	return decides(__NR_getpid, result);
}

static void answers_become_actions(void **state)
{
	long result;

	assert_int_equal(decide_one(SECCOMP_RET_ALLOW, &result), 1);
	assert_int_equal(decide_one(SECCOMP_RET_LOG | 3, &result), 1);
	assert_int_equal(decide_one(SECCOMP_RET_TRACE, &result), 0);
	assert_int_equal(result, -ENOSYS);
	assert_int_equal(decide_one(SECCOMP_RET_USER_NOTIF, &result), 0);
	assert_int_equal(result, -ENOSYS);
	assert_int_equal(decide_one(SECCOMP_RET_ERRNO, &result), 0);
	assert_int_equal(result, 0);
	assert_int_equal(decide_one(SECCOMP_RET_ERRNO | 0xffff, &result), 0);
	assert_int_equal(result, -4095);
	assert_int_equal(decide_one(SECCOMP_RET_TRAP | 9, &result), 0);
	assert_int_equal(result, __NR_getpid);
	assert_true(forced.signo == SIGSYS && forced.err == 9 && forced.sys.call_addr == 0x1234 &&
		    forced.sys.syscall == __NR_getpid && forced.sys.arch == AUDIT_ARCH_X86_64);
	assert_int_equal(decide_one(SECCOMP_RET_KILL_THREAD, &result), -1);
	assert_false(end_process);
	stub_process.thread_count = 1;
	assert_int_equal(decide_one(SECCOMP_RET_KILL_THREAD, &result), -1);
	assert_true(end_process);
	assert_int_equal(decide_one(0x12340000, &result), -1); /* no such action: as KILL_PROCESS */
	assert_true(end_process);
}

static void strict_mode_knows_four_calls(void **state)
{
	long result;

	assert_int_equal(seccomp_set_strict(), 0);
	assert_int_equal(ATTACH(0, RET(SECCOMP_RET_ALLOW)), -EINVAL);
	assert_int_equal(decides(__NR_read, &result), 1);
	assert_int_equal(decides(__NR_write, &result), 1);
	assert_int_equal(decides(__NR_exit, &result), 1);
	assert_int_equal(decides(__NR_rt_sigreturn, &result), 1);
	assert_int_equal(decides(__NR_exit_group, &result), -1);
	assert_int_equal(end_status, SIGKILL);
	assert_int_equal(decides(__NR_read | 1ull << 32, &result), -1);
}

static void filters_rule_strict_mode_out(void **state)
{
	assert_int_equal(ATTACH(0, RET(SECCOMP_RET_ALLOW)), 0);
	assert_int_equal(seccomp_set_strict(), -EINVAL);
}

static void chains_are_bounded(void **state)
{
	struct sock_filter long_one[BPF_MAXINSNS];
	int i;

	for (i = 0; i < BPF_MAXINSNS; i++)
		long_one[i] = (struct sock_filter)RET(SECCOMP_RET_ALLOW);
	for (i = 0; i < 7; i++)
		assert_int_equal(seccomp_attach(long_one, BPF_MAXINSNS, 0), 0);
	assert_int_equal(seccomp_attach(long_one, BPF_MAXINSNS, 0), -ENOMEM);
	assert_int_equal(seccomp_attach(long_one, BPF_MAXINSNS - 7 * 4, 0), 0);
	assert_int_equal(ATTACH(0, RET(0)), -ENOMEM);
	assert_int_equal(seccomp_count(current), 8);
}

static void threads_share_what_they_began_with(void **state)
{
	long result;

	assert_int_equal(ATTACH(0, RET(SECCOMP_RET_ALLOW)), 0);
	seccomp_inherit(&second, current);
	assert_int_equal(ATTACH(0, RET(SECCOMP_RET_ERRNO | 1)), 0);
	assert_int_equal(seccomp_count(&second), 1);
	stub_current = &second;
	assert_int_equal(decides(1, &result), 1);
	stub_current = &stub_thread;
	seccomp_release(current);
	assert_int_equal(objects, 1); /* the second thread's */
}

static void tsync_gives_the_chain_to_all(void **state)
{
	current->cred.no_new_privs = true;
	assert_int_equal(ATTACH(0, RET(SECCOMP_RET_ALLOW)), 0);
	assert_int_equal(ATTACH(SECCOMP_FILTER_FLAG_TSYNC, RET(SECCOMP_RET_ALLOW)), 0);
	assert_int_equal(seccomp_count(&second), 2);
	assert_int_equal(second.seccomp_mode, SECCOMP_MODE_FILTER);
	assert_true(second.cred.no_new_privs);
	/* an ancestor of the chain is no obstacle */
	assert_int_equal(ATTACH(0, RET(SECCOMP_RET_ALLOW)), 0);
	assert_int_equal(ATTACH(SECCOMP_FILTER_FLAG_TSYNC, RET(SECCOMP_RET_ALLOW)), 0);
	assert_int_equal(seccomp_count(&second), 4);
}

static void tsync_names_who_has_filters_of_its_own(void **state)
{
	stub_current = &second;
	assert_int_equal(ATTACH(0, RET(SECCOMP_RET_ALLOW)), 0);
	stub_current = &stub_thread;
	assert_int_equal(ATTACH(SECCOMP_FILTER_FLAG_TSYNC, RET(SECCOMP_RET_ALLOW)), 77);
	assert_int_equal(ATTACH(SECCOMP_FILTER_FLAG_TSYNC | SECCOMP_FILTER_FLAG_TSYNC_ESRCH, RET(SECCOMP_RET_ALLOW)),
			 -ESRCH);
	assert_int_equal(seccomp_count(current), 0);
	assert_int_equal(current->seccomp_mode, 0);
	seccomp_release(&second);
	second.seccomp_mode = SECCOMP_MODE_STRICT;
	assert_int_equal(ATTACH(SECCOMP_FILTER_FLAG_TSYNC, RET(SECCOMP_RET_ALLOW)), 77);
	second.state = THREAD_DEAD;
	assert_int_equal(ATTACH(SECCOMP_FILTER_FLAG_TSYNC, RET(SECCOMP_RET_ALLOW)), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(a_program_ends_with_a_return, setup, teardown),
	    cmocka_unit_test_setup_teardown(loads_stay_inside_the_data, setup, teardown),
	    cmocka_unit_test_setup_teardown(jumps_go_forward_and_stay_inside, setup, teardown),
	    cmocka_unit_test_setup_teardown(operands_are_checked, setup, teardown),
	    cmocka_unit_test_setup_teardown(memory_is_written_before_it_is_read, setup, teardown),
	    cmocka_unit_test_setup_teardown(instructions_compute, setup, teardown),
	    cmocka_unit_test_setup_teardown(jumps_compare_without_signs, setup, teardown),
	    cmocka_unit_test_setup_teardown(no_other_code_is_taken, setup, teardown),
	    cmocka_unit_test_setup_teardown(the_strictest_answer_counts, setup, teardown),
	    cmocka_unit_test_setup_teardown(answers_become_actions, setup, teardown),
	    cmocka_unit_test_setup_teardown(strict_mode_knows_four_calls, setup, teardown),
	    cmocka_unit_test_setup_teardown(filters_rule_strict_mode_out, setup, teardown),
	    cmocka_unit_test_setup_teardown(chains_are_bounded, setup, teardown),
	    cmocka_unit_test_setup_teardown(threads_share_what_they_began_with, setup, teardown),
	    cmocka_unit_test_setup_teardown(tsync_gives_the_chain_to_all, setup, teardown),
	    cmocka_unit_test_setup_teardown(tsync_names_who_has_filters_of_its_own, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
