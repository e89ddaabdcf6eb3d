/* SPDX-License-Identifier: Apache-2.0
 *
 * Decompresses an archive into memory, in a process of its own that can do nothing but read the one file and write the
 * other (seccomp's strict mode): what is in an archive need not be the caller's own work. zlib, liblzma and libzstd
 * take their memory from one mapping that is made before.
 */
#include "runner/rootfs.h"

#define ZSTD_STATIC_LINKING_ONLY /* ZSTD_customMem */
#include <errno.h>
#include <fcntl.h>
#include <linux/seccomp.h>
#include <lzma.h>
#include <signal.h>
#include <stdbool.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include <zlib.h>
#include <zstd.h>

#define BUFFER_BYTES 262144u
#define ARENA_BYTES  (1ull << 30) /* of address space; dictionaries take most, up to WINDOW_BYTES */
#define WINDOW_BYTES (256ull << 20)

/* How the process ends. */
enum end { END_WHOLE, END_CORRUPT, END_TOO_LARGE, END_NO_ROOM, END_UNREADABLE };

static uint8_t input[BUFFER_BYTES], output[BUFFER_BYTES];
static uint8_t *arena;
static uint64_t arena_used, written, most;

_Noreturn static void end(enum end how)
{
	syscall(SYS_exit, how); /* strict mode knows no exit_group */
	__builtin_trap();
}

/* Never given back: a decoder allocates when it begins. */
static void *allocate(uint64_t bytes)
{
	bytes = (bytes + 63) & ~63ull;
	if (bytes > ARENA_BYTES - arena_used)
		return NULL;
	void *memory = arena + arena_used;
	arena_used += bytes;
	return memory;
}

static void *allocate_two(void *unused, size_t count, size_t size)
{
	return size && count > ARENA_BYTES / size ? NULL : allocate((uint64_t)count * size);
}

static void *allocate_zlib(void *unused, unsigned count, unsigned size)
{
	return allocate_two(unused, count, size);
}

static void *allocate_one(void *unused, size_t size)
{
	return allocate(size);
}

static void release(void *unused, void *memory) {}

static size_t read_input(void)
{
	ssize_t n = read(0, input, sizeof(input));
	if (n < 0)
		end(END_UNREADABLE);
	return (size_t)n;
}

static void write_output(size_t bytes)
{
	written += bytes;
	if (written > most)
		end(END_TOO_LARGE);
	for (size_t done = 0; done < bytes;) {
		ssize_t n = write(1, output + done, bytes - done);
		if (n <= 0)
			end(END_NO_ROOM);
		done += (size_t)n;
	}
}

/* Members may follow each other, as gzip(1) allows. */
static void unpack_gzip(void)
{
	z_stream z = {.zalloc = allocate_zlib, .zfree = release};
	bool ended = true;
	if (inflateInit2(&z, 15 + 16) != Z_OK)
		end(END_NO_ROOM);
	while ((z.avail_in = (unsigned)read_input())) {
		z.next_in = input;
		while (z.avail_in) {
			if (ended && inflateReset(&z) != Z_OK)
				end(END_CORRUPT);
			z.next_out = output;
			z.avail_out = sizeof(output);
			int r = inflate(&z, Z_NO_FLUSH);
			if (r != Z_OK && r != Z_STREAM_END && !(r == Z_BUF_ERROR && !z.avail_in))
				end(END_CORRUPT);
			write_output(sizeof(output) - z.avail_out);
			ended = r == Z_STREAM_END;
		}
	}
	/* What it still holds of the last input. */
	for (z.avail_out = 0; !ended && !z.avail_out;) {
		z.next_out = output;
		z.avail_out = sizeof(output);
		ended = inflate(&z, Z_FINISH) == Z_STREAM_END;
		write_output(sizeof(output) - z.avail_out);
	}
	end(ended ? END_WHOLE : END_CORRUPT);
}

static void unpack_xz(void)
{
	static const lzma_allocator allocator = {allocate_two, release, NULL};
	lzma_stream z = LZMA_STREAM_INIT;
	lzma_ret r;
	z.allocator = &allocator;
	if (lzma_stream_decoder(&z, WINDOW_BYTES, LZMA_CONCATENATED) != LZMA_OK)
		end(END_NO_ROOM);
	lzma_action action = LZMA_RUN;
	do {
		if (!z.avail_in && action == LZMA_RUN) {
			z.next_in = input;
			z.avail_in = read_input();
			action = z.avail_in ? LZMA_RUN : LZMA_FINISH;
		}
		z.next_out = output;
		z.avail_out = sizeof(output);
		r = lzma_code(&z, action);
		write_output(sizeof(output) - z.avail_out);
	} while (r == LZMA_OK);
	end(r == LZMA_STREAM_END			      ? END_WHOLE
	    : r == LZMA_MEM_ERROR || r == LZMA_MEMLIMIT_ERROR ? END_NO_ROOM
							      : END_CORRUPT);
}

static void unpack_zstd(void)
{
	ZSTD_customMem memory = {allocate_one, release, NULL};
	ZSTD_DStream *z = ZSTD_createDStream_advanced(memory);
	size_t left = 1, n;
	if (!z || ZSTD_isError(ZSTD_initDStream(z)))
		end(END_NO_ROOM);
	while ((n = read_input())) {
		ZSTD_inBuffer in = {input, n, 0};
		ZSTD_outBuffer out;
		do {
			out = (ZSTD_outBuffer){output, sizeof(output), 0};
			left = ZSTD_decompressStream(z, &out, &in);
			if (ZSTD_isError(left))
				end(END_CORRUPT);
			write_output(out.pos);
		} while (in.pos < in.size || out.pos == out.size);
	}
	end(left ? END_CORRUPT : END_WHOLE);
}

_Noreturn static void run(enum rootfs_compression compression, int from, int to, uint64_t limit, pid_t parent)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	most = limit;
	arena = mmap(NULL, ARENA_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (getppid() != parent || arena == MAP_FAILED || dup2(from, 0) < 0 || dup2(to, 1) < 0 ||
	    syscall(SYS_close_range, 2, ~0u, 0) || prctl(PR_SET_SECCOMP, SECCOMP_MODE_STRICT))
		_exit(END_NO_ROOM);
	if (compression == ROOTFS_GZIP)
		unpack_gzip();
	else if (compression == ROOTFS_XZ)
		unpack_xz();
	else
		unpack_zstd();
	end(END_CORRUPT);
}

static int wait_for(pid_t pid, const char *path, uint64_t limit, struct error *error)
{
	int status = 0;
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return error_errno(error, STATUS_RUNNER, "--rootfs %s: cannot wait for its decompression",
					   path);
	if (!WIFEXITED(status))
		return error_set(error, STATUS_RUNNER, "--rootfs %s: its decompression broke down", path);
	switch (WEXITSTATUS(status)) {
	case END_WHOLE:
		return 0;
	case END_TOO_LARGE:
		return error_set(error, STATUS_RUNNER,
				 "--rootfs %s: it holds more than the VM has memory for (--memory is %llu MiB)", path,
				 (unsigned long long)(limit >> 20));
	case END_NO_ROOM:
		return error_set(error, STATUS_RUNNER, "--rootfs %s: not enough memory to decompress it", path);
	case END_UNREADABLE:
		return error_set(error, STATUS_RUNNER, "--rootfs %s: cannot be read", path);
	default:
		return error_set(error, STATUS_RUNNER, "--rootfs %s: its compressed data is damaged or cut off", path);
	}
}

int rootfs_decompress(const char *path, uint64_t limit, int *memory, struct error *error)
{
	uint8_t head[16];
	pid_t parent = getpid();
	*memory = -1;
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : pread(fd, head, sizeof(head), 0);
	if (n < 0)
		return error_errno(error, STATUS_RUNNER, "--rootfs %s", path);
	enum rootfs_compression compression = rootfs_compression(head, (size_t)n);
	if (compression == ROOTFS_PLAIN) {
		close(fd);
		return 0;
	}
	int result = -1;
	*memory = memfd_create("rootfs", MFD_CLOEXEC);
	pid_t pid = *memory < 0 ? -1 : fork();
	if (pid == 0)
		run(compression, fd, *memory, limit, parent);
	if (pid < 0)
		error_errno(error, STATUS_RUNNER, "--rootfs %s: cannot start its decompression", path);
	else
		result = wait_for(pid, path, limit, error);
	close(fd);
	return result;
}
