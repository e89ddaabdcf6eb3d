/* SPDX-License-Identifier: Apache-2.0 */
#include "runner/trace.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "abi/errno_names.h"

#define PIECE_BYTES 4096 /* not more than PIPE_BUF: after POLLOUT such a write does not block */
#define POLL_MS	    100
#define GRACE_POLLS 20 /* 2 s for a reader that has stopped, once the machine has ended */

int trace_parse_only(const char *only, struct syscall_set *set, struct error *error)
{
	memset(set, only ? 0 : 0xff, sizeof(*set));
	const char *wrong = only ? syscalls_add(set, only) : NULL;
	return wrong ? error_set(error, STATUS_RUNNER, "--trace-only: there is no system call '%.*s'",
				 (int)strnlen(wrong, strcspn(wrong, ",") < 64 ? strcspn(wrong, ",") : 64), wrong)
		     : 0;
}

/* ---- the file ---- */

int trace_open(struct trace *trace, const char *file, struct error *error)
{
	/* A descriptor of its own: the program's standard error may be closed before the trace ends. */
	trace->fd = file ? open(file, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666)
			 : fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 3);
	if (trace->fd < 0)
		return error_errno(error, STATUS_RUNNER, file ? "--trace=%s" : "--trace: standard error", file);
	trace->terminal = isatty(trace->fd);
	pthread_mutex_init(&trace->lock, NULL);
	return 0;
}

void trace_attach(struct trace *trace, const struct guest_memory *memory, gpa_t area, const atomic_int *ended)
{
	trace->memory = memory;
	trace->area = area;
	trace->ended = ended;
}

static struct trace_area *area(const struct trace *trace)
{
	return trace->memory ? memory_range(trace->memory, trace->area, sizeof(struct trace_area)) : NULL;
}

/* Waits for a reader that is slow, for ever while the machine runs, as the user wants all of it. */
static bool writable(const struct trace *trace)
{
	struct pollfd p = {.fd = trace->fd, .events = POLLOUT};
	for (int late = 0; late < GRACE_POLLS; late += trace->ended && atomic_load(trace->ended) != 0)
		if (poll(&p, 1, POLL_MS) > 0)
			return true;
	errno = ETIMEDOUT;
	return false;
}

static void put(struct trace *trace, const char *bytes, size_t n)
{
	while (n && !trace->error) {
		ssize_t done = writable(trace) ? write(trace->fd, bytes, n) : -1;
		if (done < 0 && (errno == EINTR || errno == EAGAIN))
			continue;
		if (done <= 0) {
			trace->error = errno ? errno : EIO;
			return;
		}
		bytes += done;
		n -= (size_t)done;
	}
}

static void __attribute__((format(printf, 2, 3))) say(struct trace *trace, const char *format, ...)
{
	char line[512];
	va_list args;
	va_start(args, format);
	int n = vsnprintf(line, sizeof(line), format, args);
	va_end(args);
	if (n > 0)
		put(trace, line, (size_t)n < sizeof(line) ? (size_t)n : sizeof(line) - 1);
}

/* ---- the ring ---- */

static void put_ring(struct trace *trace, const struct trace_area *a, uint64_t from, uint32_t n)
{
	char piece[PIECE_BYTES], lines[2 * PIECE_BYTES];
	uint32_t at = (uint32_t)(from % TRACE_RING_BYTES), first = TRACE_RING_BYTES - at;
	memcpy(piece, a->ring + at, n < first ? n : first);
	if (n > first)
		memcpy(piece + first, a->ring, n - first);
	for (uint32_t i = 0; i < n; i++)
		if (((unsigned char)piece[i] < ' ' && piece[i] != '\n' && piece[i] != '\t') ||
		    (unsigned char)piece[i] >= 0x7f)
			piece[i] = '?';
	if (!trace->terminal) {
		put(trace, piece, n);
		return;
	}
	size_t length = 0;
	for (uint32_t i = 0; i < n; i++) {
		if (piece[i] == '\n')
			lines[length++] = '\r';
		lines[length++] = piece[i];
	}
	put(trace, lines, length);
}

/* The end of the last whole line. Half a ring without one is taken as it is. */
static uint64_t last_line(const struct trace_area *a, uint64_t tail, uint64_t head)
{
	for (uint64_t end = head; end != tail; end--)
		if (__atomic_load_n(&a->ring[(end - 1) % TRACE_RING_BYTES], __ATOMIC_RELAXED) == '\n')
			return end;
	return head - tail > TRACE_RING_BYTES / 2 ? head : tail;
}

void trace_take(struct trace *trace, bool all)
{
	struct trace_area *a = area(trace);
	if (!a)
		return;
	pthread_mutex_lock(&trace->lock);
	uint64_t head = __atomic_load_n(&a->head, __ATOMIC_ACQUIRE);
	if (head - trace->tail > TRACE_RING_BYTES) {
		trace->lost += head - trace->tail - TRACE_RING_BYTES;
		trace->tail = head - TRACE_RING_BYTES;
	}
	if (!all)
		head = last_line(a, trace->tail, head);
	while (trace->tail != head) {
		uint64_t left = head - trace->tail;
		uint32_t n = left < PIECE_BYTES ? (uint32_t)left : PIECE_BYTES;
		put_ring(trace, a, trace->tail, n);
		trace->tail += n;
	}
	__atomic_store_n(&a->tail, trace->tail, __ATOMIC_RELEASE);
	pthread_mutex_unlock(&trace->lock);
}

/* ---- the list at the end ---- */

static void list_refused(struct trace *trace, const struct trace_area *a)
{
	for (unsigned i = 0; i < TRACE_CALLS; i++) {
		uint32_t times = __atomic_load_n(&a->refused[i], __ATOMIC_RELAXED);
		if (!times)
			continue;
		const char *name = syscalls_name(i), *missing = syscalls_missing(i);
		if (name)
			say(trace, "not there: %s, called %u times: %s\n", name, times, missing ? missing : "");
		else
			say(trace, "not there: a system call without a name, called %u times\n", times);
	}
}

static const char *error_name(uint64_t number)
{
#define NAME(e) [e] = #e,
	static const char *const names[] = {ERRNO_NAMES(NAME)};
#undef NAME
	return number < sizeof(names) / sizeof(names[0]) ? names[number] : NULL;
}

static void list_limits(struct trace *trace, const struct trace_area *a)
{
	for (unsigned i = 0; i < TRACE_LIMITS; i++) {
		struct trace_limit l;
		memcpy(&l, &a->limit[i], sizeof(l));
		if (!l.count || l.number >= TRACE_CALLS || !syscalls_name(l.number))
			continue;
		const char *missing = syscalls_missing(l.number), *error = error_name(l.error);
		say(trace, "asked for more: %s with %#llx, %llu times, answered by %s%s%s\n", syscalls_name(l.number),
		    (unsigned long long)l.selector, (unsigned long long)l.count, error ? error : "an error",
		    missing ? ": " : "", missing ? missing : "");
	}
}

int trace_finish(struct trace *trace)
{
	const struct trace_area *a = area(trace);
	if (!a)
		return 0;
	trace_take(trace, true);
	if (trace->lost)
		say(trace, "\n%llu bytes of the trace were lost\n", (unsigned long long)trace->lost);
	list_refused(trace, a);
	list_limits(trace, a);
	errno = trace->error;
	return errno ? -1 : 0;
}
