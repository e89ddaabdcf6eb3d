/* SPDX-License-Identifier: Apache-2.0
 * Pipes: errors, sizes, atomic writes, packet mode, FIFOs' flags, readv and writev; splice, tee, vmsplice, sendfile.
 * area: Files
 */
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/uio.h>

#include "probe.h"

static char buffer[1 << 18];

static void basics(void)
{
	int fds[2];
	struct stat st;
	theme("pipe");
	CHECK_ERRNO(syscall(SYS_pipe, NULL), EFAULT);
	CHECK_ERRNO(syscall(SYS_pipe2, unmapped_address(), 0), EFAULT);
	CHECK_ERRNO(pipe2(fds, 0x10), EINVAL);
	CHECK(pipe2(fds, O_CLOEXEC | O_NONBLOCK) == 0 && fcntl(fds[0], F_GETFD) == FD_CLOEXEC &&
	      (fcntl(fds[1], F_GETFL) & O_NONBLOCK));
	CHECK((fcntl(fds[0], F_GETFL) & O_ACCMODE) == O_RDONLY && (fcntl(fds[1], F_GETFL) & O_ACCMODE) == O_WRONLY);
	CHECK(fstat(fds[0], &st) == 0 && S_ISFIFO(st.st_mode) && st.st_size == 0);
	CHECK_ERRNO(read(fds[1], buffer, 1), EBADF);
	CHECK_ERRNO(write(fds[0], buffer, 1), EBADF);
	CHECK_ERRNO(lseek(fds[0], 0, SEEK_SET), ESPIPE);
	CHECK_ERRNO(pread(fds[0], buffer, 1, 0), ESPIPE);
	CHECK_ERRNO(pwrite(fds[1], buffer, 1, 0), ESPIPE);
	CHECK_ERRNO(ftruncate(fds[1], 0), EINVAL);
	CHECK_ERRNO(fsync(fds[1]), EINVAL);
	CHECK_ERRNO(read(fds[0], buffer, 1), EAGAIN);
	CHECK(read(fds[0], buffer, 0) == 0);
	CHECK(write(fds[1], buffer, 0) == 0);
	CHECK_ERRNO(write(fds[1], unmapped_address(), 1), EFAULT);
	CHECK(write(fds[1], "abcdef", 6) == 6);
	int available = 0;
	CHECK(ioctl(fds[0], FIONREAD, &available) == 0 && available == 6);
	CHECK_ERRNO(ioctl(fds[0], FIONREAD, unmapped_address()), EFAULT);
	CHECK_ERRNO(ioctl(fds[0], 0x5401 /* TCGETS */, buffer), ENOTTY);
	CHECK_ERRNO(read(fds[0], unmapped_address(), 6), EFAULT);
	struct iovec v[3] = {{buffer, 2}, {NULL, 0}, {buffer + 10, 10}};
	CHECK(readv(fds[0], v, 3) >= 2 && buffer[0] == 'a');
	while (read(fds[0], buffer, 100) > 0)
		;
	v[0] = (struct iovec){"12", 2};
	v[2] = (struct iovec){"345", 3};
	CHECK(writev(fds[1], v, 3) == 5 && read(fds[0], buffer, 100) == 5 && !memcmp(buffer, "12345", 5));
	CHECK_ERRNO(syscall(SYS_writev, fds[1], v, -1), EINVAL);
	CHECK_ERRNO(syscall(SYS_writev, fds[1], v, 1025), EINVAL);
	CHECK(writev(fds[1], v, 0) == 0);
	CHECK_ERRNO(writev(fds[1], (struct iovec *)unmapped_address(), 1), EFAULT);
	v[1] = (struct iovec){buffer, (size_t)-1};
	CHECK_ERRNO(writev(fds[1], v, 3), EINVAL);
	close(fds[0]);
	close(fds[1]);
}

static void sizes(void)
{
	int fds[2];
	long n, total = 0;
	theme("pipe size");
	REQUIRE(pipe2(fds, O_NONBLOCK) == 0);
	CHECK(fcntl(fds[0], F_GETPIPE_SZ) == 65536);
	CHECK(fcntl(fds[0], F_SETPIPE_SZ, 1) == 4096);
	CHECK(fcntl(fds[0], F_SETPIPE_SZ, 5000) == 8192);
	CHECK(fcntl(fds[1], F_SETPIPE_SZ, 100000) == 131072);
	CHECK_ERRNO(fcntl(fds[0], F_SETPIPE_SZ, 0x80000001u), EINVAL);
	while ((n = write(fds[1], buffer, sizeof(buffer))) > 0)
		total += n;
	CHECK_THAT(total == 131072, "it takes what its size says");
	CHECK_ERRNO(write(fds[1], buffer, 1), EAGAIN);
	CHECK_ERRNO(fcntl(fds[0], F_SETPIPE_SZ, 4096), EBUSY);
	CHECK(read(fds[0], buffer, PIPE_BUF - 1) == PIPE_BUF - 1);
	CHECK_ERRNO_THAT(write(fds[1], buffer, PIPE_BUF), EAGAIN, "a write of PIPE_BUF bytes is not split");
	CHECK(read(fds[0], buffer, 2 * PIPE_BUF) == 2 * PIPE_BUF);
	CHECK(write(fds[1], buffer, PIPE_BUF) == PIPE_BUF);
	n = write(fds[1], buffer, 3 * PIPE_BUF);
	CHECK_THAT(n > 0 && n < 3 * PIPE_BUF, "a larger one is");
	close(fds[1]);
	total = 0;
	while ((n = read(fds[0], buffer, sizeof(buffer))) > 0)
		total += n;
	CHECK_THAT(total > 100000 && n == 0, "all is read, then end of file");
	close(fds[0]);
	theme("packet mode");
	REQUIRE(pipe2(fds, O_DIRECT | O_NONBLOCK) == 0);
	CHECK(write(fds[1], "first", 5) == 5 && write(fds[1], "second", 6) == 6);
	CHECK_THAT(read(fds[0], buffer, 100) == 5 && !memcmp(buffer, "first", 5), "a read returns one packet");
	CHECK_THAT(read(fds[0], buffer, 3) == 3, "what does not fit");
	CHECK_ERRNO_THAT(read(fds[0], buffer, 100), EAGAIN, "is lost");
	CHECK_THAT(write(fds[1], buffer, PIPE_BUF + 10) == PIPE_BUF + 10 && read(fds[0], buffer, 10000) == PIPE_BUF &&
		       read(fds[0], buffer, 10000) == 10,
		   "a packet is at most PIPE_BUF");
	close(fds[0]);
	close(fds[1]);
}

static void blocking(void)
{
	int fds[2];
	theme("blocking pipes");
	REQUIRE(pipe(fds) == 0);
	pid_t pid = fork_child();
	if (pid == 0) {
		long total = 0, n;
		close(fds[1]);
		while ((n = read(fds[0], buffer, 3000)) > 0) {
			for (long i = 0; i < n; i++)
				if (buffer[i] != (char)((total + i) * 7))
					_exit(1);
			total += n;
		}
		_exit(total == sizeof(buffer) ? 0 : 2);
	}
	for (size_t i = 0; i < sizeof(buffer); i++)
		buffer[i] = (char)(i * 7);
	CHECK_THAT(write(fds[1], buffer, sizeof(buffer)) == sizeof(buffer), "a write waits until all is taken");
	close(fds[0]);
	close(fds[1]);
	CHECK_THAT(wait_for(pid) == 0, "the bytes come in order");
	/* Writes of several processes up to PIPE_BUF do not mix. */
	REQUIRE(pipe(fds) == 0);
	for (int child = 0; child < 4; child++) {
		if (fork_child() == 0) {
			char block[512];
			memset(block, 'a' + child, sizeof(block));
			for (int i = 0; i < 200; i++)
				if (write(fds[1], block, 512) != 512)
					_exit(1);
			_exit(0);
		}
	}
	close(fds[1]);
	long got = 0, n, mixed = 0;
	while ((n = read(fds[0], buffer + got, sizeof(buffer) - (size_t)got)) > 0 && got < (long)sizeof(buffer))
		got += n;
	CHECK(got == 0 || got <= (long)sizeof(buffer));
	for (long i = 0; i + 512 <= got; i += 512)
		for (long j = 1; j < 512; j++)
			mixed += buffer[i + j] != buffer[i];
	CHECK_THAT(mixed == 0, "writes of up to PIPE_BUF bytes are atomic");
	while (read(fds[0], buffer, sizeof(buffer)) > 0)
		;
	close(fds[0]);
	while (wait(NULL) > 0)
		;
}

static void splicing(void)
{
	int a[2], b[2];
	off_t offset = 2;
	char text[32];
	theme("splice");
	REQUIRE(pipe2(a, O_NONBLOCK) == 0 && pipe2(b, O_NONBLOCK) == 0);
	int file = memfd_create("file", 0), other = memfd_create("other", 0);
	REQUIRE(pwrite(file, "0123456789", 10, 0) == 10);
	CHECK(splice(file, &offset, a[1], NULL, 5, 0) == 5 && offset == 7);
	CHECK(read(a[0], text, 32) == 5 && !memcmp(text, "23456", 5));
	CHECK_THAT(splice(file, NULL, a[1], NULL, 4, 0) == 4 && lseek(file, 0, SEEK_CUR) == 4,
		   "without an offset the file's moves");
	CHECK(splice(a[0], NULL, b[1], NULL, 4, 0) == 4 && read(b[0], text, 32) == 4 && !memcmp(text, "0123", 4));
	CHECK_ERRNO(splice(a[0], NULL, b[1], NULL, 4, SPLICE_F_NONBLOCK), EAGAIN);
	CHECK(write(a[1], "spliced", 7) == 7);
	CHECK(splice(a[0], NULL, other, NULL, 100, 0) == 7 && pread(other, text, 32, 0) == 7 &&
	      !memcmp(text, "spliced", 7));
	CHECK_ERRNO(splice(file, NULL, other, NULL, 4, 0), EINVAL);
	CHECK_ERRNO(splice(a[0], &offset, b[1], NULL, 4, 0), ESPIPE);
	CHECK_ERRNO(splice(a[0], NULL, a[1], NULL, 4, 0), EINVAL);
	CHECK_ERRNO(splice(-1, NULL, a[1], NULL, 4, 0), EBADF);
	CHECK_ERRNO(splice(a[1], NULL, b[1], NULL, 4, 0), EBADF);
	CHECK_ERRNO(syscall(SYS_splice, file, unmapped_address(), a[1], NULL, 4, 0), EFAULT);
	CHECK_ERRNO(splice(a[0], NULL, b[1], NULL, 4, 0x100), EINVAL);
	CHECK(splice(a[0], NULL, b[1], NULL, 0, 0) == 0);
	offset = 10;
	CHECK_THAT(splice(file, &offset, a[1], NULL, 5, 0) == 0, "the end of a file");
	theme("tee");
	write(a[1], "tee", 3);
	CHECK(tee(a[0], b[1], 100, 0) == 3);
	CHECK(read(a[0], text, 32) == 3 && read(b[0], text + 10, 20) == 3 && !memcmp(text + 10, "tee", 3));
	CHECK_ERRNO(tee(a[0], b[1], 100, SPLICE_F_NONBLOCK), EAGAIN);
	CHECK_ERRNO(tee(file, b[1], 1, 0), EINVAL);
	CHECK_ERRNO(tee(a[0], a[1], 1, 0), EINVAL);
	theme("vmsplice");
	struct iovec v[2] = {{"user", 4}, {"pages", 5}};
	CHECK(vmsplice(a[1], v, 2, 0) == 9 && read(a[0], text, 32) == 9 && !memcmp(text, "userpages", 9));
	CHECK_ERRNO(vmsplice(file, v, 1, 0), EBADF);
	CHECK_ERRNO(syscall(SYS_vmsplice, a[1], unmapped_address(), 1, 0), EFAULT);
	write(a[1], "out", 3);
	v[0] = (struct iovec){text, 3};
	CHECK_THAT(vmsplice(a[0], v, 1, 0) == 3 && !memcmp(text, "out", 3), "out of a pipe");
	theme("sendfile");
	offset = 1;
	CHECK(sendfile(a[1], file, &offset, 4) == 4 && offset == 5 && read(a[0], text, 32) == 4 &&
	      !memcmp(text, "1234", 4));
	lseek(file, 8, SEEK_SET);
	CHECK(sendfile(a[1], file, NULL, 100) == 2 && lseek(file, 0, SEEK_CUR) == 10);
	CHECK(sendfile(a[1], file, NULL, 100) == 0);
	offset = 0;
	CHECK_THAT(ftruncate(other, 0) == 0 && lseek(other, 0, SEEK_SET) == 0 &&
		       sendfile(other, file, &offset, 10) == 10,
		   "file to file");
	CHECK(pread(other, text, 32, 0) == 10 && !memcmp(text, "0123456789", 10));
	CHECK_ERRNO(sendfile(a[1], -1, NULL, 1), EBADF);
	CHECK_ERRNO(sendfile(-1, file, NULL, 1), EBADF);
	CHECK_ERRNO(sendfile(a[1], a[0], NULL, 1), (errno == ESPIPE ? ESPIPE : EINVAL));
	offset = -1;
	CHECK_ERRNO(sendfile(a[1], file, &offset, 1), EINVAL);
	CHECK_ERRNO(syscall(SYS_sendfile, a[1], file, unmapped_address(), 1), EFAULT);
	theme("copy_file_range");
	off_t from = 0, to = 20;
	CHECK(copy_file_range(file, &from, other, &to, 4, 0) == 4 && from == 4 && to == 24);
	CHECK(pread(other, text, 4, 20) == 4 && !memcmp(text, "0123", 4));
	CHECK_ERRNO(copy_file_range(file, &from, other, &to, 4, 1), EINVAL);
	CHECK_ERRNO(copy_file_range(file, NULL, a[1], NULL, 4, 0), EINVAL);
	CHECK_ERRNO(copy_file_range(-1, NULL, other, NULL, 4, 0), EBADF);
	for (int i = 0; i < 2; i++) {
		close(a[i]);
		close(b[i]);
	}
	close(file);
	close(other);
}

/* As bash opens what <(command) stands for, when the command has ended already. */
static void reopening(void)
{
	int ends[2];
	char name[32], text[8];
	theme("pipe opened again");
	REQUIRE(pipe(ends) == 0 && write(ends[1], "left", 4) == 4);
	close(ends[1]);
	snprintf(name, sizeof(name), "/proc/self/fd/%d", ends[0]);
	int again = open(name, O_RDONLY);
	CHECK_THAT(again >= 0, "reading does not wait for a writer");
	struct pollfd p = {again, POLLIN, 0};
	CHECK(poll(&p, 1, 0) == 1 && (p.revents & (POLLIN | POLLHUP)) == (POLLIN | POLLHUP));
	CHECK(read(again, text, 8) == 4 && read(again, text, 8) == 0);
	close(again);
	close(ends[0]);
	REQUIRE(pipe(ends) == 0);
	snprintf(name, sizeof(name), "/proc/self/fd/%d", ends[1]);
	close(ends[0]);
	again = open(name, O_WRONLY);
	CHECK_THAT(again >= 0, "writing does not wait for a reader");
	signal(SIGPIPE, SIG_IGN);
	CHECK_ERRNO(write(again, "x", 1), EPIPE);
	close(again);
	close(ends[1]);
}

int main(void)
{
	limit_seconds(60);
	basics();
	sizes();
	blocking();
	splicing();
	reopening();
	return finish();
}
