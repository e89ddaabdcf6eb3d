/* SPDX-License-Identifier: Apache-2.0
 *
 * The agent's streams to the runner.
 *
 * All five connects are begun before the first wait, so that one notification of the host carries them and its
 * answers come back together with the job. Which of the standard streams are wanted is known only from the job; the
 * runner refuses the others, and we close them.
 */
#include "initramfs/agent.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

struct sockaddr_vsock { /* struct sockaddr_vm of <linux/vm_sockets.h>, vsock(7) */
	sa_family_t family;
	uint16_t reserved;
	uint32_t port, cid;
	uint8_t flags, zero[3];
};
_Static_assert(sizeof(struct sockaddr_vsock) == sizeof(struct sockaddr), "sockaddr_vm");

static int fds[STREAMS] = {-1, -1, -1, -1, -1};
static int refused[STREAMS]; /* errno of a connect that failed at once */

static const uint32_t ports[STREAMS] = {
    [STREAM_STDIN] = WIRE_STDIN,     [STREAM_STDOUT] = WIRE_STDOUT, [STREAM_STDERR] = WIRE_STDERR,
    [STREAM_CONTROL] = WIRE_CONTROL, [STREAM_IMAGE] = WIRE_IMAGE,
};

static int connect_vsock(int fd, uint32_t port)
{
	struct sockaddr_vsock address = {.family = AF_VSOCK, .port = port, .cid = WIRE_HOST_CID};

	return connect(fd, (struct sockaddr *)&address, sizeof address);
}

static int connect_unix(int fd, uint32_t port, const char *directory)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	char digits[] = "/0000";
	size_t length = 0;

	for (int i = 4; i > 0; i--, port /= 10)
		digits[i] = (char)('0' + port % 10);
	text_append(address.sun_path, sizeof address.sun_path - 1, &length, directory);
	text_append(address.sun_path, sizeof address.sun_path - 1, &length, digits);
	return connect(fd, (struct sockaddr *)&address, sizeof address);
}

static const char *unix_directory; /* of streams_connect */

int stream_open_files(void)
{
	int fd = socket(unix_directory ? AF_UNIX : AF_VSOCK, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -errno;
	if (unix_directory ? connect_unix(fd, WIRE_FILES, unix_directory) : connect_vsock(fd, WIRE_FILES)) {
		int error = errno;

		close(fd);
		return -error;
	}
	return fd;
}

void streams_connect(const char *directory)
{
	/* The runner gets the requests in this order; the descriptors are numbered by enum stream, so that in a
	   process without descriptors the standard streams come out as 0, 1 and 2. */
	static const uint8_t order[STREAMS] = {STREAM_CONTROL, STREAM_IMAGE, STREAM_STDIN, STREAM_STDOUT,
					       STREAM_STDERR};

	unix_directory = directory;
	for (int i = 0; i < STREAMS; i++)
		fds[i] = socket(directory ? AF_UNIX : AF_VSOCK, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	for (int i = 0; i < STREAMS; i++) {
		int s = order[i];
		int ret = directory ? connect_unix(fds[s], ports[s], directory) : connect_vsock(fds[s], ports[s]);

		if (ret && errno != EINPROGRESS)
			refused[s] = errno;
	}
}

int stream_fd(enum stream stream)
{
	return fds[stream];
}

void stream_close(enum stream stream)
{
	if (fds[stream] >= 0)
		close(fds[stream]);
	fds[stream] = -1;
}

static int stream_error(int s)
{
	int error = 0;
	socklen_t length = sizeof error;

	if (refused[s])
		return refused[s];
	return getsockopt(fds[s], SOL_SOCKET, SO_ERROR, &error, &length) ? errno : error;
}

void streams_wait(unsigned mask, bool for_program)
{
	static const char *const name[STREAMS] = {"stdin", "stdout", "stderr", "control", "image"};
	struct pollfd waiting[STREAMS];
	int left = 0;

	for (int s = 0; s < STREAMS; s++) {
		if (mask >> s & 1 && refused[s])
			agent_fail(WIRE_STAGE_STDIO, refused[s], "connect ", name[s]);
		waiting[s] = (struct pollfd){.fd = mask >> s & 1 ? fds[s] : -1, .events = POLLOUT};
		left += waiting[s].fd >= 0;
	}
	while (left) {
		if (poll(waiting, STREAMS, -1) < 0)
			continue;
		for (int s = 0; s < STREAMS; s++) {
			if (waiting[s].fd < 0 || !waiting[s].revents)
				continue;
			/* A peer that went away after it accepted is the program's to notice, by EOF or EPIPE. */
			int error = waiting[s].revents & POLLERR ? stream_error(s) : 0;

			if (error)
				agent_fail(WIRE_STAGE_STDIO, error, "connect ", name[s]);
			waiting[s].fd = -1;
			left--;
		}
	}
	for (int s = 0; s < STREAMS; s++) {
		static const int one = 1;

		if (!for_program || !(mask >> s & 1))
			continue;
		make_blocking(fds[s]);
		setsockopt(fds[s], AF_VSOCK, WIRE_SO_FIFO, &one, sizeof one); /* a kernel without it does without */
	}
}
