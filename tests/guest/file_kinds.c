/* SPDX-License-Identifier: Apache-2.0
 * What each call on a descriptor answers for each kind of open file: one letter for each pair, as Linux answers.
 * area: Files
 */
#include <fcntl.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/inotify.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/timerfd.h>
#include <sys/uio.h>
#include <termios.h>

#include "probe.h"

static char buffer[64];
static struct iovec vector = {buffer, 8};
static int regular, watcher, pipes[2];

/* ---- the calls ---- */

#define CALL(name, expression)                                                                                         \
	static long do_##name(int fd)                                                                                  \
	{                                                                                                              \
		return (long)(expression);                                                                             \
	}
CALL(read, read(fd, buffer, 8))
CALL(read_nothing, read(fd, buffer, 0))
CALL(read_badly, read(fd, unmapped_address(), 8))
CALL(pread, pread(fd, buffer, 8, 0))
CALL(readv, readv(fd, &vector, 1))
CALL(preadv, preadv(fd, &vector, 1, 0))
CALL(preadv2, preadv2(fd, &vector, 1, -1, 0))
CALL(write_nothing, write(fd, buffer, 0))
CALL(write_badly, write(fd, unmapped_address(), 8))
CALL(pwrite, pwrite(fd, buffer, 8, 0))
CALL(pwritev, pwritev(fd, &vector, 1, 0))
CALL(seek_set, lseek(fd, 0, SEEK_SET))
CALL(seek_cur, lseek(fd, 0, SEEK_CUR))
CALL(seek_end, lseek(fd, 0, SEEK_END))
CALL(seek_data, lseek(fd, 0, SEEK_DATA))
CALL(seek_negative, lseek(fd, -1, SEEK_SET))
CALL(seek_unknown, lseek(fd, 0, 77))
CALL(fsync, fsync(fd))
CALL(fdatasync, fdatasync(fd))
CALL(syncfs, syncfs(fd))
CALL(sync_file_range, sync_file_range(fd, 0, 0, 0))
CALL(fadvise, (errno = posix_fadvise(fd, 0, 0, POSIX_FADV_NORMAL)) ? -1 : 0)
CALL(readahead, readahead(fd, 0, 1))
CALL(ftruncate, ftruncate(fd, 8))
CALL(fallocate, fallocate(fd, 0, 0, 8))
CALL(sendfile_from, sendfile(pipes[1], fd, NULL, 1))
CALL(sendfile_to, sendfile(fd, regular, &(off_t){0}, 1))
CALL(copy_from, copy_file_range(fd, &(off_t){0}, regular, &(off_t){100}, 1, 0))
CALL(copy_to, copy_file_range(regular, &(off_t){0}, fd, &(off_t){100}, 1, 0))
CALL(splice_from, splice(fd, NULL, pipes[1], NULL, 1, SPLICE_F_NONBLOCK))
CALL(splice_to, splice(pipes[0], NULL, fd, NULL, 1, SPLICE_F_NONBLOCK))
CALL(tee, tee(fd, pipes[1], 1, SPLICE_F_NONBLOCK))
CALL(mmap_read, mmap(NULL, 4096, PROT_READ, MAP_PRIVATE, fd, 0))
CALL(mmap_shared, mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0))
CALL(flock, flock(fd, LOCK_SH | LOCK_NB))
CALL(read_lock, fcntl(fd, F_SETLK, &(struct flock){.l_type = F_RDLCK}))
CALL(write_lock, fcntl(fd, F_SETLK, &(struct flock){.l_type = F_WRLCK}))
CALL(getfl, fcntl(fd, F_GETFL))
CALL(setfl, fcntl(fd, F_SETFL, O_NONBLOCK))
CALL(getpipe_sz, fcntl(fd, F_GETPIPE_SZ))
CALL(get_seals, fcntl(fd, F_GET_SEALS))
CALL(tcgets, ioctl(fd, TCGETS, &(struct termios){0}))
CALL(unknown_ioctl, ioctl(fd, 0x12345, buffer))
CALL(getdents, syscall(SYS_getdents64, fd, buffer, sizeof(buffer)))
CALL(fchdir, fchdir(fd))
CALL(fstat, fstat(fd, &(struct stat){0}))
CALL(fstatfs, fstatfs(fd, &(struct statfs){0}))
CALL(epoll_add, epoll_ctl(watcher, EPOLL_CTL_ADD, fd, &(struct epoll_event){0}))
CALL(poll, poll(&(struct pollfd){fd, POLLIN, 0}, 1, 0))

#define ROW(name)                                                                                                      \
	{                                                                                                              \
#name, do_##name                                                                                       \
	}
static const struct {
	const char *name;
	long (*call)(int fd);
} calls[] = {
    ROW(read),		ROW(read_nothing),  ROW(read_badly),
    ROW(pread),		ROW(readv),	    ROW(preadv),
    ROW(preadv2),	ROW(write_nothing), ROW(write_badly),
    ROW(pwrite),	ROW(pwritev),	    ROW(seek_set),
    ROW(seek_cur),	ROW(seek_end),	    ROW(seek_data),
    ROW(seek_negative), ROW(seek_unknown),  ROW(fsync),
    ROW(fdatasync),	ROW(syncfs),	    ROW(sync_file_range),
    ROW(fadvise),	ROW(readahead),	    ROW(ftruncate),
    ROW(fallocate),	ROW(sendfile_from), ROW(sendfile_to),
    ROW(copy_from),	ROW(copy_to),	    ROW(splice_from),
    ROW(splice_to),	ROW(tee),	    ROW(mmap_read),
    ROW(mmap_shared),	ROW(flock),	    ROW(read_lock),
    ROW(write_lock),	ROW(getfl),	    ROW(setfl),
    ROW(getpipe_sz),	ROW(get_seals),	    ROW(tcgets),
    ROW(unknown_ioctl), ROW(getdents),	    ROW(fchdir),
    ROW(fstat),		ROW(fstatfs),	    ROW(epoll_add),
    ROW(poll),
};

/* ---- the kinds ---- */

static int in_shm(int flags)
{
	char path[] = "/dev/shm/kinds-XXXXXX";
	int made = mkstemp(path);
	if (made < 0 || write(made, "0123456789abcdef", 16) != 16)
		return -1;
	int fd = open(path, flags);
	unlink(path);
	close(made);
	return fd;
}

static int end_of_pipe(int which)
{
	int fds[2];
	if (pipe2(fds, O_NONBLOCK) || write(fds[1], "abcdefgh", 8) != 8)
		return -1;
	fcntl(fds[!which], F_DUPFD, 500); /* or it would be a broken one */
	return fds[which];
}

static int end_of_socket(void)
{
	int fds[2];
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds) || write(fds[1], "abcdefgh", 8) != 8)
		return -1;
	return fds[0];
}

static int signals(void)
{
	sigset_t set;
	sigemptyset(&set);
	sigaddset(&set, SIGUSR2);
	return signalfd(-1, &set, SFD_NONBLOCK);
}

static int master(void)
{
	return posix_openpt(O_RDWR | O_NOCTTY | O_NONBLOCK);
}

#define KIND(name, expression)                                                                                         \
	static int make_##name(void)                                                                                   \
	{                                                                                                              \
		return (expression);                                                                                   \
	}
KIND(none, -1)
KIND(closed, 1000)
KIND(reading, in_shm(O_RDONLY))
KIND(writing, in_shm(O_WRONLY))
KIND(both, in_shm(O_RDWR))
KIND(append, in_shm(O_RDWR | O_APPEND))
KIND(path, in_shm(O_PATH))
KIND(memfd, memfd_create("kinds", 0))
KIND(directory, open("/dev/shm", O_RDONLY))
KIND(pipe_in, end_of_pipe(0))
KIND(pipe_out, end_of_pipe(1))
KIND(socket, end_of_socket())
KIND(eventfd, eventfd(0, EFD_NONBLOCK))
KIND(epoll, epoll_create1(0))
KIND(timerfd, timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK))
KIND(signalfd, signals())
KIND(inotify, inotify_init1(IN_NONBLOCK))
KIND(pidfd, (int)syscall(SYS_pidfd_open, getpid(), 0))
KIND(null, open("/dev/null", O_RDWR))
KIND(zero, open("/dev/zero", O_RDWR))
KIND(full, open("/dev/full", O_RDWR))
KIND(urandom, open("/dev/urandom", O_RDWR))
KIND(ptmx, master())
KIND(proc_text, open("/proc/self/comm", O_RDWR))
KIND(proc_link, open("/proc/self/fd", O_RDONLY | O_DIRECTORY))
KIND(sys_text, open("/sys/devices/system/cpu/online", O_RDONLY))

/* '.': it succeeds; '-': not checked, since releases of Linux differ (pidfd, epoll's ioctl, splicing devices) or the
 * sandbox can do more than Linux (splicing files without splice operations, positions in /proc); the other letters are
 * in letters[]. */
#define KINDROW(name, letters)                                                                                         \
	{                                                                                                              \
#name, make_##name, letters                                                                            \
	}
static const struct {
	const char *name;
	int (*make)(void);
	const char *wanted;
} kinds[] = {
    KINDROW(none, "BBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBB."),
    KINDROW(closed, "BBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBB."),
    KINDROW(reading, "..F....BBBB....II......IB.B.B.BI.A..B..B.TTRR..P."),
    KINDROW(writing, "BBBBBBB.F......II.....B..B.B.B.BAA.B...B.TTRR..P."),
    KINDROW(both, "..F.....F......II..............I.......B.TTRR..P."),
    KINDROW(append, "..F.....F......II.........I.B.II.......B.TTRR..P."),
    KINDROW(path, "BBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBB.BBBBBBR..B."),
    KINDROW(memfd, "........F.....XII..........VV..I.......B.TTRR..P."),
    KINDROW(directory, "DDDDDDDBBBB..IIII.....IIBIBDDIBINA..B..BITT....P."),
    KINDROW(pipe_in, "..FS.S.BBSSSSSSSIII.SSIIBIBII.B.NA..B...ITTRR...."),
    KINDROW(pipe_out, "BBBSBSB.FSSSSSSSIII.SSBISB.IIB.BAA.B....ITTRR...."),
    KINDROW(socket, "..FS.S..FSSSSSSSIII.S.IIN..II..INN.....BITTRR...."),
    KINDROW(eventfd, "WIWSWSWIFSS.....III.S.IINIIIIIIINN.....BITTRR...."),
    KINDROW(epoll, "IIISISIIISS.....III.S.IINIIIIIIINN.....BI--RR...."),
    KINDROW(timerfd, "WIWSWSWIISS.....III.S.IINIIIIIIINN.....BITTRR...."),
    KINDROW(signalfd, "IIISISIIISS.....III.S.IINIIIIIIINN.....BITTRR...."),
    KINDROW(inotify, "WWWSWSWBBSS.....III.S.IIB-BII-BINA..B..BITTRR...."),
    KINDROW(pidfd, "III-I-III--SSSSSIII.-.I--II--IIINN.....BITTRR...."),
    KINDROW(null, "................III.S.IIN-.II-.INN.....BITTRR..P."),
    KINDROW(zero, "..F.............III.S.IIN--II--I.......BITTRR..P."),
    KINDROW(full, "..F....CCCC.....III.S.IIN--II--INN.....BITTRR..P."),
    KINDROW(urandom, "..F.....F.......III.S.IIN..II..INN.....BIIIRR..P."),
    KINDROW(ptmx, "W.WSWSW.FSSSSSSSIII.S.IINW.IIW.INN.....BI.TRR...."),
    KINDROW(proc_text, "..F.....F--..IIIIII.....O--VV--INN.....BITTRR..P."),
    KINDROW(proc_link, "DDDDDDDBBBB..--IIII...IIBIBDDIBINA..B..BITT....P."),
    KINDROW(sys_text, "..F....BB--...-II......IB.BVB.BINA..B..BITTRR..-."),
};

static const struct {
	char letter;
	int number;
	const char *name;
} letters[] = {
    {'.', 0, "succeeds"},
    {'B', EBADF, "fails with EBADF"},
    {'I', EINVAL, "fails with EINVAL"},
    {'S', ESPIPE, "fails with ESPIPE"},
    {'D', EISDIR, "fails with EISDIR"},
    {'N', ENODEV, "fails with ENODEV"},
    {'O', EOPNOTSUPP, "fails with EOPNOTSUPP"},
    {'W', EAGAIN, "fails with EAGAIN"},
    {'T', ENOTTY, "fails with ENOTTY"},
    {'F', EFAULT, "fails with EFAULT"},
    {'P', EPERM, "fails with EPERM"},
    {'A', EACCES, "fails with EACCES"},
    {'R', ENOTDIR, "fails with ENOTDIR"},
    {'X', ENXIO, "fails with ENXIO"},
    {'C', ENOSPC, "fails with ENOSPC"},
    {'E', EIO, "fails with EIO"},
    {'V', EXDEV, "fails with EXDEV"},
};

static char letter_of(long result)
{
	for (size_t i = 0; i < sizeof(letters) / sizeof(letters[0]); i++)
		if (letters[i].number == (result == -1 ? errno : 0))
			return letters[i].letter;
	return '?';
}

static const char *name_of(char letter)
{
	for (size_t i = 0; i < sizeof(letters) / sizeof(letters[0]); i++)
		if (letters[i].letter == letter)
			return letters[i].name;
	return "is unknown";
}

/* One call on a file of its own, so that no call sees what another did. */
static char outcome(size_t kind, size_t call)
{
	int fd = kinds[kind].make();
	errno = 0;
	char letter = letter_of(calls[call].call(fd));
	if (fd >= 0)
		close(fd);
	close(500);
	return letter;
}

int main(int argc, char **argv)
{
	size_t count = sizeof(calls) / sizeof(calls[0]);
	limit_seconds(60);
	signal(SIGPIPE, SIG_IGN);
	regular = in_shm(O_RDWR);
	watcher = epoll_create1(0);
	int tables = argc > 1;
	for (size_t kind = 0; kind < sizeof(kinds) / sizeof(kinds[0]); kind++) {
		theme("calls by kind of file");
		if (tables)
			printf("    KINDROW(%s, \"", kinds[kind].name);
		for (size_t call = 0; call < count; call++) {
			if (pipe2(pipes, O_NONBLOCK) || write(pipes[1], "x", 1) != 1)
				return 99;
			char got = outcome(kind, call);
			char wanted = kinds[kind].wanted[call];
			if (tables)
				putchar(got);
			else if (wanted != '-')
				CHECKF(got == wanted, "%s: %s %s", kinds[kind].name, calls[call].name, name_of(wanted));
			close(pipes[0]);
			close(pipes[1]);
		}
		if (tables)
			printf("\"),\n");
	}
	return finish();
}
