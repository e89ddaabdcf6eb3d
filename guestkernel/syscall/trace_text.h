/* SPDX-License-Identifier: Apache-2.0
 *
 * Text of the trace: lines, names and decoded arguments. Only trace*.c use it.
 */
#ifndef GUESTKERNEL_SYSCALL_TRACE_TEXT_H
#define GUESTKERNEL_SYSCALL_TRACE_TEXT_H

#include "guestkernel/types.h"

/* Text that grows; what does not fit is cut. */
struct text {
	char *bytes; /* always NUL-terminated */
	size_t size, length;
};
void text_put(struct text *t, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Bytes in quotes, unprintable ones escaped, at most `limit` of them and then dots. */
void text_quote(struct text *t, const char *bytes, size_t n, size_t limit);

/* Which arguments a call of trace_arguments prints: those before the first that the kernel fills in, or that and all
 * after it. */
enum trace_part { TRACE_GIVEN, TRACE_FILLED };
/* Arguments as the letters of `format` say, read from the current process. result: of the call (TRACE_FILLED). */
void trace_arguments(struct text *t, const char *format, const u64 args[6], enum trace_part part, long result);
/* ` = 3`, ` = -1 ENOENT`, ` = 0x7f0000000000`. */
void trace_result(struct text *t, u64 number, long result);

/* ENOENT, SIGCHLD, CLD_EXITED; NULL when the number has no name. */
const char *trace_errno_name(long number);
const char *trace_signal_name(int sig);
const char *trace_sicode_name(int sig, int code);

struct trace_name {
	u64 value;
	const char *name;
};
enum trace_names {
	NAMES_OPEN,
	NAMES_PROT,
	NAMES_MAP,
	NAMES_CLONE,
	NAMES_WAIT,
	NAMES_ACCESS,
	NAMES_AT,
	NAMES_POLL,
	NAMES_SA, /* flags */
	NAMES_HOW,
	NAMES_WHENCE,
	NAMES_FUTEX,
	NAMES_FCNTL,
	NAMES_RLIMIT,
	NAMES_CLOCK,
	NAMES_IOCTL,
	NAMES_FORMAT, /* one of */
};
/* One value by name, or in hexadecimal. */
void trace_put_name(struct text *t, enum trace_names names, u64 value);
/* Bits by name joined by `|`, what is left in hexadecimal. */
void trace_put_flags(struct text *t, enum trace_names names, u64 value);

#endif
