/* SPDX-License-Identifier: Apache-2.0
 *
 * What the caller's standard streams are (the declaration is in job.h).
 */
#include "runner/job.h"

#include <fcntl.h>
#include <linux/kcmp.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

static bool is_null(const struct stat *stat)
{
	return S_ISCHR(stat->st_mode) && stat->st_rdev == makedev(1, 3);
}

/* Whether descriptors 1 and 2 may be one in the guest: bytes must come out as if each had its own. */
static bool same_output(const struct stat *out, const struct stat *err)
{
	if (out->st_dev != err->st_dev || out->st_ino != err->st_ino || out->st_rdev != err->st_rdev)
		return false;
	pid_t self = getpid();
	long order = syscall(SYS_kcmp, self, self, KCMP_FILE, 1, 2);
	if (order == 0)
		return true;
	int flags = fcntl(1, F_GETFL), other = fcntl(2, F_GETFL);
	if ((flags & (O_ACCMODE | O_APPEND)) != (other & (O_ACCMODE | O_APPEND)))
		return false;
	if (!S_ISREG(out->st_mode))
		return true; /* a pipe, socket or terminal opened twice: no offset to tell them apart */
	/* Two openings of a file overwrite each other. Where kcmp is forbidden, one that shares its offset looks the
	 * same as two at the same place; then the order of the bytes matters more. */
	return order < 0 && lseek(1, 0, SEEK_CUR) == lseek(2, 0, SEEK_CUR);
}

static void terminal_size(struct job_stdio *out)
{
	struct winsize size;
	out->rows = 24;
	out->cols = 80;
	for (int fd = 0; fd < 3; fd++)
		if (!ioctl(fd, TIOCGWINSZ, &size) && size.ws_row && size.ws_col) {
			out->rows = size.ws_row;
			out->cols = size.ws_col;
			return;
		}
}

void stdio_kinds(bool tty, bool merged, struct job_stdio *out)
{
	struct stat stat[3];
	*out = (struct job_stdio){0};
	for (int fd = 0; fd < 3; fd++) {
		if (tty && (fd < 2 || merged || isatty(fd)))
			out->kind[fd] = WIRE_STDIO_TTY;
		else if (fstat(fd, &stat[fd]))
			out->kind[fd] = WIRE_STDIO_CLOSED;
		else
			out->kind[fd] = is_null(&stat[fd]) ? WIRE_STDIO_NULL : WIRE_STDIO_STREAM;
	}
	if (tty)
		terminal_size(out);
	else if (out->kind[1] == WIRE_STDIO_STREAM && out->kind[2] == WIRE_STDIO_STREAM &&
		 same_output(&stat[1], &stat[2]))
		out->kind[2] = WIRE_STDIO_STDOUT;
}

int stdio_fill_holes(struct error *error)
{
	/* open() takes the lowest free descriptor: it is 3 or more when there is no hole left. */
	for (;;) {
		int fd = open("/dev/null", O_RDWR | O_CLOEXEC);
		if (fd < 0)
			return error_errno(error, STATUS_RUNNER, "cannot open /dev/null");
		if (fd > 2)
			return close(fd);
	}
}
