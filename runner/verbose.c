/* SPDX-License-Identifier: Apache-2.0 */
#include "runner/verbose.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static void __attribute__((format(printf, 1, 2))) say(const char *format, ...)
{
	char line[640] = "sandbox: ";
	const size_t prefix = sizeof("sandbox: ") - 1;
	va_list args;
	va_start(args, format);
	int n = vsnprintf(line + prefix, sizeof(line) - prefix - 1, format, args);
	va_end(args);
	if (n < 0)
		return;
	size_t length = prefix + ((size_t)n < sizeof(line) - prefix - 2 ? (size_t)n : sizeof(line) - prefix - 2);
	/* A path may hold anything. */
	for (size_t i = prefix; i < length; i++)
		if ((unsigned char)line[i] < ' ' || line[i] == 0x7f)
			line[i] = '?';
	line[length++] = '\n';
	ssize_t ignored = write(STDERR_FILENO, line, length);
	(void)ignored;
}

void verbose_start(const struct machine *machine, const char *path, uint32_t files, const struct policy_report *policy)
{
	char landlock[32] = "no Landlock in this kernel";
	if (policy->landlock_abi)
		snprintf(landlock, sizeof(landlock), "Landlock (ABI %d)", policy->landlock_abi);
	say("%s, with %u file%s sent along", path, files, files == 1 ? "" : "s");
	say("%s layout, %u vCPU%s, %llu MiB of memory, TSC at %u MHz",
	    machine->boot.layout == LAYOUT_FLAT ? "flat" : "split", machine->vm.cpus, machine->vm.cpus == 1 ? "" : "s",
	    (unsigned long long)(machine->vm.memory.size >> 20), machine->vm.tsc_khz / 1000);
	say("confined: seccomp filter on each thread, no capabilities%s, %s, %zu descriptors",
	    policy->bounding_emptied ? " (bounding set emptied)" : "", landlock, policy->descriptors);
}

static double ms(uint64_t from_ns, uint64_t to_ns)
{
	return from_ns && to_ns > from_ns ? (double)(to_ns - from_ns) / 1e6 : 0;
}

static void say_end(const struct run_stats *stats)
{
	static const char *const ends[] = {
	    [OUTCOME_EXIT] = "the program exited",
	    [OUTCOME_SIGNAL] = "a signal ended the program",
	    [OUTCOME_OOM] = "the guest ran out of memory",
	    [OUTCOME_TIMEOUT] = "the time was up",
	    [OUTCOME_GUEST_CRASH] = "the guest crashed",
	    [OUTCOME_RUNNER] = "the runner failed",
	    [OUTCOME_NO_PROGRAM] = "the program could not be executed",
	    [OUTCOME_DENIED] = "a system call that is not allowed ended the program",
	};
	if (stats->outcome == OUTCOME_SIGNAL || stats->outcome == OUTCOME_OOM)
		say("%s (signal %d), status %d", ends[stats->outcome], stats->code, stats->status);
	else
		say("%s, status %d", ends[stats->outcome], stats->status);
}

void verbose_end(struct machine *machine, const struct run_stats *stats)
{
	uint64_t exits = 0;
	for (unsigned i = 0; i < machine->vm.cpus; i++)
		for (int k = 0; k < EXIT_KINDS; k++)
			exits += machine->vcpu[i].exits[k];
	struct stats_guest guest;
	stats_guest(machine, &guest);
	say_end(stats);
	if (!machine->first_run_ns) {
		say("%.2f ms in all; the machine never ran", ms(stats->start_ns, stats->teardown_ns));
		return;
	}
	say("%.2f ms set-up, %.2f ms confinement, %.2f ms boot, %.2f ms agent, %.2f ms program, %.2f ms teardown, %.2f "
	    "ms in all",
	    ms(stats->start_ns, stats->vm_ready_ns), ms(stats->vm_ready_ns, stats->confined_ns),
	    ms(machine->first_run_ns, guest.agent_ns), ms(guest.agent_ns, guest.exec_ns),
	    ms(guest.exec_ns, machine->end_ns), ms(machine->end_ns, stats->teardown_ns),
	    ms(stats->start_ns, stats->teardown_ns));
	say("the guest used %llu KiB at most, made %llu system calls, took %llu page faults, left %llu times",
	    (unsigned long long)guest.shared.page_peak * 4, (unsigned long long)guest.shared.syscalls,
	    (unsigned long long)guest.shared.faults, (unsigned long long)exits);
}
