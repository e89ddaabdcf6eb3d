/* SPDX-License-Identifier: Apache-2.0
 *
 * The reports of what ends the process at once. The SIGSYS handler names the thread and the system call that its filter
 * refused. The SIGBUS handler says that memory is gone: guest memory shows files of the host, which may be truncated,
 * and the guest may point the devices there. Both run under the filter, so they use write and exit_group alone, and
 * one ioctl when the caller's terminal has to be given back.
 */
#include "policy/internal.h"
#include "policy/policy.h"
#include "policy_filters.h"

#include <asm/ioctls.h>
#include <linux/audit.h>
#include <signal.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

/* asm-generic/siginfo.h; it cannot stand beside the signal.h of glibc, which lacks the name. */
#ifndef SYS_SECCOMP
#define SYS_SECCOMP 1
#endif

static int terminal = -1;
static const struct termios *terminal_settings;

void policy_restore_terminal(int fd, const struct termios *settings)
{
	terminal_settings = settings;
	terminal = fd;
}

static _Thread_local const char *thread_name = "a thread";

#define X32_CALLS 0x40000000u

struct line {
	char text[256];
	size_t length;
};

static void append(struct line *line, const char *text)
{
	for (; *text && line->length < sizeof(line->text); text++)
		line->text[line->length++] = *text;
}

static void append_number(struct line *line, unsigned number)
{
	char digits[12] = "";
	size_t at = sizeof(digits) - 1;
	do
		digits[--at] = (char)('0' + number % 10);
	while ((number /= 10) > 0);
	append(line, digits + at);
}

static void end_run(const char *text, size_t length, int status)
{
	if (terminal >= 0)
		syscall(SYS_ioctl, terminal, TCSETS, terminal_settings);
	ssize_t ignored = write(STDERR_FILENO, text, length);
	(void)ignored;
	syscall(SYS_exit_group, status);
}

static void refused(int signal, siginfo_t *info, void *context)
{
	if (info->si_code != SYS_SECCOMP)
		return; /* somebody sent it */
	struct line line = {.length = 0};
	unsigned number = (unsigned)info->si_syscall;
	bool native = info->si_arch == AUDIT_ARCH_X86_64 && number < X32_CALLS;
	bool known =
	    native && number < sizeof(policy_call_names) / sizeof(policy_call_names[0]) && policy_call_names[number][0];
	append(&line, "sandbox: refused: ");
	append(&line, thread_name);
	append(&line, " made system call ");
	append_number(&line, number);
	append(&line, !native ? " of another architecture" : known ? ", " : "");
	append(&line, known ? policy_call_names[number] : "");
	append(&line,
	       ", which its seccomp policy does not allow. The run was ended. This is a defect of sandbox, or an "
	       "attack by the guest; please report it.\n");
	end_run(line.text, line.length, STATUS_RUNNER);
}

static void memory_lost(int signal, siginfo_t *info, void *context)
{
	static const char text[] = "sandbox: " ERROR_MEMORY_LOST "\n";
	if (info->si_code <= 0) /* somebody sent it, to end us */
		end_run("", 0, STATUS_SIGNAL_BASE + signal);
	end_run(text, sizeof(text) - 1, STATUS_RUNNER);
}

static int handle(int signal, void (*handler)(int, siginfo_t *, void *), struct error *error)
{
	struct sigaction action = {.sa_sigaction = handler, .sa_flags = SA_SIGINFO};
	sigfillset(&action.sa_mask); /* the same again inside the handler is fatal: the signal is blocked there */
	if (sigaction(signal, &action, NULL))
		return error_errno(error, STATUS_RUNNER, "cannot install the handler of signal %d", signal);
	return 0;
}

int policy_report_refusals(struct error *error)
{
	return handle(SIGSYS, refused, error);
}

int policy_report_lost_memory(struct error *error)
{
	return handle(SIGBUS, memory_lost, error);
}

void policy_name_thread(const char *text)
{
	thread_name = text;
}
