/* SPDX-License-Identifier: Apache-2.0
 *
 * Small helpers of the agent that belong to no part alone.
 */
#include "initramfs/agent.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

void wait_for(int fd, short events)
{
	struct pollfd pollfd = {.fd = fd, .events = events};

	while (poll(&pollfd, 1, -1) < 0 && errno == EINTR)
		;
}

void make_blocking(int fd)
{
	fcntl(fd, F_SETFL, 0);
}

int write_all(int fd, const char *bytes, size_t length)
{
	while (length) {
		ssize_t n = write(fd, bytes, length);

		if (n >= 0) {
			bytes += n;
			length -= (size_t)n;
		} else if (errno == EAGAIN) {
			wait_for(fd, POLLOUT);
		} else if (errno != EINTR) {
			return -errno;
		}
	}
	return 0;
}

void text_append(char *buffer, size_t size, size_t *length, const char *string)
{
	size_t n = strlen(string);

	if (n > size - *length)
		n = size - *length;
	memcpy(buffer + *length, string, n); /* NOLINT(bugprone-not-null-terminated-result): *length tells the end */
	*length += n;
}

void *map_bytes(size_t length)
{
	void *memory = mmap(NULL, length, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (memory == MAP_FAILED)
		agent_fail(WIRE_STAGE_JOB, errno, "allocate memory", "");
	return memory;
}
