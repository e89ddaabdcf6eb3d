/* SPDX-License-Identifier: Apache-2.0
 *
 * The job's user in /etc/passwd and /etc/group, so that programs that look themselves up find a name.
 */
#include "initramfs/agent.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#define LINE_BYTES 512

struct scan {
	unsigned field;
	bool digits;
	uint64_t number;
};

/* Both files have the number in the third field of a line. Returns whether one that ends in these bytes is id. */
static bool scan_bytes(struct scan *scan, const char *bytes, size_t length, uint32_t id)
{
	for (size_t i = 0; i < length; i++) {
		char c = bytes[i];

		if (c == ':' || c == '\n') {
			if (scan->field == 2 && scan->digits && scan->number == id)
				return true;
			scan->field = c == '\n' ? 0 : scan->field + 1;
			scan->digits = false;
			scan->number = 0;
		} else if (scan->field == 2 && c >= '0' && c <= '9' && scan->number <= UINT32_MAX) {
			scan->digits = true;
			scan->number = scan->number * 10 + (uint64_t)(c - '0');
		}
	}
	return false;
}

/* A missing or read-only file is no reason to refuse the job. */
static void add_line(const char *path, uint32_t id, const char *line, size_t length)
{
	char bytes[LINE_BYTES];
	struct scan scan = {0};
	ssize_t n;
	int fd = open(path, O_RDWR | O_APPEND);

	if (fd < 0)
		return;
	while ((n = read(fd, bytes, sizeof bytes)) > 0)
		if (scan_bytes(&scan, bytes, (size_t)n, id))
			break;
	if (n == 0)
		write_all(fd, line, length);
	close(fd);
}

static void append_number(char *line, size_t *length, uint32_t number)
{
	char digits[11], *p = digits + sizeof digits - 1;

	*p = 0;
	do
		*--p = (char)('0' + number % 10);
	while (number /= 10);
	text_append(line, LINE_BYTES - 1, length, p);
}

static void append(char *line, size_t *length, const char *text)
{
	text_append(line, LINE_BYTES - 1, length, text);
}

void account_add(const struct job *job)
{
	const char *name = *job->user ? job->user : "user";
	bool home_ok =
	    !strpbrk(job->home, ":\n") && strlen(job->home) < LINE_BYTES / 2 && strlen(name) < LINE_BYTES / 4;
	char line[LINE_BYTES];
	size_t length = 0;

	if (job->header.uid) { /* the base tree has root */
		append(line, &length, name);
		append(line, &length, ":x:");
		append_number(line, &length, job->header.uid);
		append(line, &length, ":");
		append_number(line, &length, job->header.gid);
		append(line, &length, "::");
		append(line, &length, home_ok ? job->home : "/");
		append(line, &length, ":/bin/sh");
		line[length++] = '\n';
		add_line("/etc/passwd", job->header.uid, line, length);
	}
	if (job->header.gid) {
		length = 0;
		append(line, &length, name);
		append(line, &length, ":x:");
		append_number(line, &length, job->header.gid);
		append(line, &length, ":");
		line[length++] = '\n';
		add_line("/etc/group", job->header.gid, line, length);
	}
}
