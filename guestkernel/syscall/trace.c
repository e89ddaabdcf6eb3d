/* SPDX-License-Identifier: Apache-2.0
 *
 * The lines of the trace and their way out. A call is written when it begins and goes on when it returns; when another
 * thread's line comes between, it is marked `<unfinished ...>` and `resumed`. The arguments are put together on the
 * stack first, because reading the program's memory may sleep.
 */
#include "guestkernel/syscall/trace.h"
#include <asm/unistd.h>
#include "abi/trace.h"
#include "guestkernel/arch/private.h"
#include "guestkernel/lib.h"
#include "guestkernel/proc/process.h"
#include "guestkernel/syscall/trace_text.h"

#define LINE_LIMIT 1024

static struct thread *open_thread; /* whose line is not complete */
static bool begun;		   /* the program's execve has been seen */

static struct trace_area *area(void)
{
	return phys_to_virt(boot->trace);
}

/* ---- the ring ---- */

/* All of it or, when the runner takes nothing, over what it has not taken: it tells how much is missing. */
static void append(const char *bytes, size_t n)
{
	struct trace_area *a = area();
	size_t i;

	if (a->head - __atomic_load_n(&a->tail, __ATOMIC_ACQUIRE) > TRACE_RING_BYTES - n)
		cpu_out(PORT_TRACE, 0);
	for (i = 0; i < n; i++)
		a->ring[(a->head + i) % TRACE_RING_BYTES] = bytes[i];
	__atomic_store_n(&a->head, a->head + n, __ATOMIC_RELEASE);
}

static void append_text(const struct text *t)
{
	append(t->bytes, t->length);
}

static void interrupt_open_line(void)
{
	static const char mark[] = " <unfinished ...>\n";

	if (open_thread)
		append(mark, sizeof(mark) - 1);
	open_thread = NULL;
}

/* A line that is complete in itself, behind the thread's id. */
static void append_line(const struct text *t)
{
	interrupt_open_line();
	append_text(t);
}

/* ---- calls ---- */

static bool shown(u64 number)
{
	if (current->process == init_process)
		return false;
	if (number == __NR_execve || number == __NR_execveat)
		begun = true;
	return begun && number < TRACE_CALLS && area()->only[number / 64] >> number % 64 & 1;
}

void trace_enter(u64 number, const char *name, const char *format, const u64 args[6])
{
	char line[LINE_LIMIT];
	struct text t = {line, sizeof(line), 0};

	current->traced_call = NULL;
	if (!shown(number))
		return;
	text_put(&t, "%-5d %s(", current->tid, name);
	trace_arguments(&t, format, args, TRACE_GIVEN, 0);
	append_line(&t);
	open_thread = current;
	current->traced_call = name;
}

/* Goes on with the current thread's line, wherever it was left. */
static void resume_line(void)
{
	char line[64];
	struct text t = {line, sizeof(line), 0};

	if (open_thread != current) {
		text_put(&t, "%-5d <... %s resumed>", current->tid, current->traced_call);
		append_line(&t);
	}
	open_thread = NULL;
	current->traced_call = NULL;
}

void trace_leave(u64 number, const char *name, const char *format, const u64 args[6], long result)
{
	char line[LINE_LIMIT];
	struct text t = {line, sizeof(line), 0};

	if (!current->traced_call)
		return;
	trace_arguments(&t, format, args, TRACE_FILLED, result);
	text_put(&t, ")");
	trace_result(&t, number, result);
	if (t.length > sizeof(line) - 2)
		t.length = sizeof(line) - 2;
	text_put(&t, "\n");
	resume_line();
	append_text(&t);
}

/* ---- signals and ends ---- */

void trace_signal(struct thread *to, int sig, const struct k_siginfo *info)
{
	static const struct k_siginfo from_kernel = {.code = 0x80};
	char line[320];
	struct text t = {line, sizeof(line), 0};
	const char *name = trace_signal_name(sig), *code;
	char number[16];

	if (to->process == init_process || !begun)
		return;
	info = info ? info : &from_kernel;
	code = trace_sicode_name(sig, info->code);
	ksnprintf(number, sizeof(number), sig == 32 ? "SIGRTMIN" : "SIGRT_%d", sig - 32);
	name = name ? name : number;
	text_put(&t, "%-5d --- %s {si_signo=%s, si_code=", to->tid, name, name);
	if (code)
		text_put(&t, "%s", code);
	else
		text_put(&t, "%d", info->code);
	if (sig == 17 && info->code > 0)
		text_put(&t, ", si_pid=%d, si_uid=%u, si_status=%d, si_utime=%ld, si_stime=%ld", info->child.pid,
			 info->child.uid, info->child.status, info->child.utime, info->child.stime);
	else if (info->code <= 0)
		text_put(&t, ", si_pid=%d, si_uid=%u", info->rt.pid, info->rt.uid);
	else if (info->code < 0x80)
		text_put(&t, ", si_addr=0x%lx", info->fault.addr);
	text_put(&t, "} ---\n");
	append_line(&t);
}

void trace_exit(int status)
{
	static const char no_result[] = ") = ?\n";
	char line[64];
	struct text t = {line, sizeof(line), 0};
	int sig = status & 0x7f;

	if (current->process == init_process || !begun)
		return;
	if (current->traced_call) {
		resume_line();
		append(no_result, sizeof(no_result) - 1);
	}
	if (sig && trace_signal_name(sig))
		text_put(&t, "%-5d +++ killed by %s +++\n", current->tid, trace_signal_name(sig));
	else if (sig)
		text_put(&t, "%-5d +++ killed by SIGRT_%d +++\n", current->tid, sig - 32);
	else
		text_put(&t, "%-5d +++ exited with %d +++\n", current->tid, status >> 8 & 0xff);
	append_line(&t);
}

/* ---- what is not there ---- */

void trace_count_refused(u64 number)
{
	if (current->process != init_process && begun)
		area()->refused[MIN(number, TRACE_CALLS - 1)]++;
}

/* Which argument says what is wanted. */
static u64 selector(u64 number, const u64 args[6])
{
	switch (number) {
	case __NR_ioctl:
	case __NR_fcntl:
		return (u32)args[1];
	case __NR_setsockopt:
	case __NR_getsockopt:
		return (args[1] & 0xffffffff) << 32 | (u32)args[2];
	case __NR_madvise:
		return (u32)args[2];
	default:
		return args[0];
	}
}

void trace_count_limit(u64 number, const u64 args[6], long result)
{
	struct trace_limit *l = area()->limit, *end = l + TRACE_LIMITS;
	u64 wanted = selector(number, args);

	if (current->process == init_process || !begun)
		return;
	while (l < end && l->count && (l->number != number || l->error != (u32)-result || l->selector != wanted))
		l++;
	if (l == end)
		return;
	l->number = (u32)number;
	l->error = (u32)-result;
	l->selector = wanted;
	l->count++;
}
