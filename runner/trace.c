/* SPDX-License-Identifier: Apache-2.0 */
#include "runner/trace.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define PIECE_BYTES 4096 /* not more than PIPE_BUF: after POLLOUT such a write does not block */
#define POLL_MS	    100
#define GRACE_POLLS 20 /* 2 s for a reader that has stopped, once the machine has ended */

/* ---- names ---- */

struct call {
	const char *name;
	const char *missing; /* of a call that is not or not wholly there */
};

static const struct call calls[TRACE_CALLS] = {
#define SYSCALL_FULL(number, name, format)		  [number] = {#name, NULL},
#define SYSCALL_PART(number, name, format, missing)	  [number] = {#name, missing},
#define SYSCALL_REFUSED(number, name, error, format, why) [number] = {#name, why},
#include "guestkernel/syscall/table.h"
};

static int find_call(const char *name, size_t length)
{
	for (unsigned i = 0; i < TRACE_CALLS; i++)
		if (calls[i].name && strlen(calls[i].name) == length && !memcmp(calls[i].name, name, length))
			return (int)i;
	return -1;
}

int trace_parse_only(const char *only, uint64_t bits[TRACE_CALLS / 64], struct error *error)
{
	memset(bits, only ? 0 : 0xff, TRACE_CALLS / 8);
	for (const char *at = only; at && *at;) {
		size_t length = strcspn(at, ",");
		int number = find_call(at, length);
		if (number < 0)
			return error_set(error, STATUS_RUNNER, "--trace-only: there is no system call '%.*s'",
					 (int)(length < 64 ? length : 64), at);
		bits[number / 64] |= 1ull << number % 64;
		at += length;
		at += *at == ',';
	}
	return 0;
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
		if (calls[i].name)
			say(trace, "not there: %s, called %u times: %s\n", calls[i].name, times,
			    calls[i].missing ? calls[i].missing : "");
		else
			say(trace, "not there: a system call without a name, called %u times\n", times);
	}
}

static void list_limits(struct trace *trace, const struct trace_area *a)
{
	for (unsigned i = 0; i < TRACE_LIMITS; i++) {
		struct trace_limit l;
		memcpy(&l, &a->limit[i], sizeof(l));
		if (!l.count || l.number >= TRACE_CALLS || !calls[l.number].name)
			continue;
		const char *missing = calls[l.number].missing,
			   *error = l.error < 4096 ? strerrorname_np((int)l.error) : NULL;
		say(trace, "asked for more: %s with %#llx, %llu times, answered by %s%s%s\n", calls[l.number].name,
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
