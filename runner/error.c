/* SPDX-License-Identifier: Apache-2.0 */
#include "runner/error.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static int fill(struct error *error, int status, int number, const char *format, va_list args)
{
	if (!error)
		return -1;
	error->status = status;
	size_t room = sizeof(error->text);
	int n = vsnprintf(error->text, room, format, args);
	if (n >= 0 && (size_t)n < room && number)
		n += snprintf(error->text + n, room - (size_t)n, ": %s", strerror(number));
	if (n < 0 || (size_t)n >= room)
		memcpy(error->text + room - 4, "...", 4);
	return -1;
}

int(error_set)(struct error *error, int status, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	fill(error, status, 0, format, args);
	va_end(args);
	return -1;
}

int(error_errno)(struct error *error, int status, const char *format, ...)
{
	int number = errno;
	va_list args;
	va_start(args, format);
	fill(error, status, number, format, args);
	va_end(args);
	return -1;
}
