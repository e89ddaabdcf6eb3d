/* SPDX-License-Identifier: Apache-2.0
 *
 * The text of the system call trace. Strings are read from the program once, cut to TEXT_LIMIT; a bad pointer is shown as one.
 */
#include "guestkernel/syscall/trace.h"
#include "guestkernel/lib.h"
#include "guestkernel/mm/uaccess.h"
#include "guestkernel/proc/process.h"

#define TEXT_LIMIT 48
#define LINE_LIMIT 320

static int put_string(char *buf, size_t size, u64 addr)
{
	char text[TEXT_LIMIT];
	size_t n = addr ? copy_from_user_partial(text, user(addr), sizeof(text) - 1) : 0, i;

	if (!n)
		return ksnprintf(buf, size, "0x%lx", addr);
	text[n] = 0;
	for (i = 0; text[i]; i++)
		if (text[i] < ' ' || text[i] > '~')
			text[i] = '.';
	return ksnprintf(buf, size, "\"%s\"", text);
}

static int put_argument(char *buf, size_t size, char kind, u64 value)
{
	switch (kind) {
	case 'd':
	case 'f':
	case 'g':
		return ksnprintf(buf, size, "%d", (int)value);
	case 'u':
		return ksnprintf(buf, size, "%lu", value);
	case 'o':
		return ksnprintf(buf, size, "0%o", (unsigned)value);
	case 's':
		return put_string(buf, size, value);
	default:
		return ksnprintf(buf, size, "0x%lx", value);
	}
}

int trace_format(char *buf, size_t size, const char *name, const char *format, const u64 args[6])
{
	size_t n = (size_t)ksnprintf(buf, size, "%s(", name);
	int i;

	for (i = 0; i < 6 && format[i]; i++) {
		if (n >= size)
			return (int)size - 1;
		if (i)
			n += (size_t)ksnprintf(buf + n, size - n, ", ");
		if (n >= size)
			return (int)size - 1;
		n += (size_t)put_argument(buf + n, size - n, format[i], args[i]);
	}
	if (n < size)
		n += (size_t)ksnprintf(buf + n, size - n, ")");
	return (int)MIN(n, size - 1);
}

void trace_syscall(const char *name, const char *format, const u64 args[6], long result)
{
	char line[LINE_LIMIT];

	trace_format(line, sizeof(line), name, format, args);
	klog("%s[%d] %s = %ld\n", current->comm, current->tid, line, result);
}
