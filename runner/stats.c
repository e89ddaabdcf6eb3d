/* SPDX-License-Identifier: Apache-2.0 */
#include "runner/stats.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

static const char *const outcome_names[] = {"exit",	      "signal",		"oom",	 "timeout", "guest-crash",
					    "runner-failure", "cannot-execute", "denied"};
static const char *const exit_names[EXIT_KINDS] = {
    [EXIT_HALT] = "halt",  [EXIT_NOTIFY] = "notify",   [EXIT_TIMER] = "timer",	 [EXIT_IPI] = "ipi",
    [EXIT_LOG] = "log",	   [EXIT_DISCARD] = "discard", [EXIT_MEMORY] = "memory", [EXIT_YIELD] = "yield",
    [EXIT_FILE] = "file",  [EXIT_TRACE] = "trace",     [EXIT_KICK] = "kick",	 [EXIT_WINDOW] = "window",
    [EXIT_OTHER] = "other"};

struct text {
	char bytes[16384];
	size_t length;
};

static void __attribute__((format(printf, 2, 3))) put(struct text *text, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	int n = vsnprintf(text->bytes + text->length, sizeof(text->bytes) - text->length, format, args);
	va_end(args);
	if (n > 0)
		text->length += (size_t)n;
	if (text->length >= sizeof(text->bytes))
		text->length = sizeof(text->bytes) - 1;
}

static double ms(uint64_t from_ns, uint64_t to_ns)
{
	return from_ns && to_ns > from_ns ? (double)(to_ns - from_ns) / 1e6 : 0;
}

/* A moment that the guest noted by its TSC, in CLOCK_MONOTONIC; 0 when it did not. */
static uint64_t guest_ns(uint64_t tsc)
{
	if (tsc <= boot_clock.tsc || tsc - boot_clock.tsc > (uint64_t)1 << 58)
		return 0;
	return boot_clock.ns + (uint64_t)((unsigned __int128)(tsc - boot_clock.tsc) * 1000000 / boot_clock.khz);
}

static void put_times(struct text *t, const struct machine *m, const struct run_stats *s, const struct stats_guest *g)
{
	uint64_t run = m->first_run_ns, agent = g->agent_ns, exec = g->exec_ns;
	put(t,
	    "\"times_ms\":{\"setup\":%.3f,\"confine\":%.3f,\"kernel\":%.3f,\"boot\":%.3f,\"agent\":%.3f,\"to_program\":"
	    "%.3f,",
	    ms(s->start_ns, s->vm_ready_ns), ms(s->vm_ready_ns, s->confined_ns), ms(run, g->kernel_ns), ms(run, agent),
	    ms(agent, exec), ms(s->start_ns, exec));
	put(t, "\"run\":%.3f,\"teardown\":%.3f,\"total\":%.3f},", ms(exec, m->end_ns), ms(m->end_ns, s->teardown_ns),
	    ms(s->start_ns, s->teardown_ns));
}

/* Names of calls that ended a process for not being allowed. */
static void put_denied(struct text *t, const struct syscall_set *denied)
{
	const char *before = "\"denied\":[";
	for (unsigned i = 0; i < BOOT_CALLS; i++)
		if (syscalls_has(denied, i)) {
			const char *name = syscalls_name(i);
			put(t, "%s\"%s\"", before, name ? name : "unknown");
			before = ",";
		}
	if (*before == ',')
		put(t, "],");
}

void stats_guest(struct machine *machine, struct stats_guest *guest)
{
	const struct shared_page *page = memory_range(&machine->vm.memory, gpa(BOOT_SHARED_GPA), BOOT_PAGE);
	*guest = (struct stats_guest){0};
	if (!page)
		return;
	memcpy(&guest->shared, (const void *)&page->stats, sizeof(guest->shared));
	memcpy(guest->used.bits, (const void *)&page->calls.used, sizeof(guest->used.bits));
	memcpy(guest->denied.bits, (const void *)&page->calls.denied, sizeof(guest->denied.bits));
	guest->kernel_ns = guest_ns(guest->shared.tsc_kernel);
	guest->agent_ns = guest_ns(guest->shared.tsc_agent);
	guest->exec_ns = guest_ns(guest->shared.tsc_exec);
}

int stats_write(int fd, struct machine *machine, const struct run_stats *s)
{
	static struct text t;
	struct stats_guest guest;
	struct rusage usage;
	stats_guest(machine, &guest);
	const struct shared_stats g = guest.shared;
	t.length = 0;
	put(&t, "{\"outcome\":\"%s\",\"status\":%d,", outcome_names[s->outcome], s->status);
	if (s->outcome == OUTCOME_EXIT)
		put(&t, "\"exit_code\":%d,", s->code);
	if (s->outcome == OUTCOME_SIGNAL || s->outcome == OUTCOME_OOM)
		put(&t, "\"signal\":%d,", s->code);
	put_denied(&t, &guest.denied);
	put(&t, "\"layout\":\"%s\",\"cpus\":%u,", machine->boot.layout == LAYOUT_FLAT ? "flat" : "split",
	    machine->vm.cpus);
	put_times(&t, machine, s, &guest);
	if (s->report && s->report->state == CONTROL_EXITED)
		put(&t, "\"cpu_ms\":{\"user\":%.3f,\"system\":%.3f},\"max_rss_kib\":%llu,",
		    (double)s->report->exit.user_us / 1e3, (double)s->report->exit.system_us / 1e3,
		    (unsigned long long)s->report->exit.max_rss_kib);
	getrusage(RUSAGE_SELF, &usage);
	put(&t, "\"guest_peak_kib\":%llu,\"host_max_rss_kib\":%ld,\"host_cpu_ms\":%.3f,",
	    (unsigned long long)g.page_peak * 4, usage.ru_maxrss,
	    (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1e3 +
		(double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e3);
	put(&t, "\"exits\":{");
	for (int k = 0; k < EXIT_KINDS; k++) {
		uint64_t n = 0;
		for (unsigned i = 0; i < machine->vm.cpus; i++)
			n += machine->vcpu[i].exits[k];
		put(&t, "%s\"%s\":%llu", k ? "," : "", exit_names[k], (unsigned long long)n);
	}
	put(&t,
	    "},\"syscalls\":%llu,\"unknown_syscalls\":%llu,\"page_faults\":%llu,\"context_switches\":%llu,\"oom_"
	    "kills\":%llu}\n",
	    (unsigned long long)g.syscalls, (unsigned long long)g.unknown_syscalls, (unsigned long long)g.faults,
	    (unsigned long long)g.context_switches, (unsigned long long)g.oom_kills);
	for (size_t done = 0; done < t.length;) {
		ssize_t n = write(fd, t.bytes + done, t.length - done);
		if (n <= 0)
			return -1;
		done += (size_t)n;
	}
	return 0;
}
