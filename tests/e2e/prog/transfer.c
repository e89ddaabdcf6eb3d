/* SPDX-License-Identifier: Apache-2.0
 *
 * Reads and writes of all sizes on one file, by all ways that a program has, each compared with a model in memory.
 *
 *   transfer mix FILE SEED       random reads, writes, truncations, mappings, reopenings; prints nothing, leaves FILE
 * as the model says and FILE.model beside it transfer readers FILE        four threads read FILE (of `transfer fill`)
 * whole, with different buffers transfer fill FILE BYTES     a file that says at each place which it is transfer until
 * FILE ERROR    writes 1 MiB at a time until that errno comes; prints how many bytes there are transfer shrinking FILE
 * reads FILE over and over until it has become shorter; status 0 when every read was whole or ended with the file
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#define MOST  (6u << 20) /* bytes of the file of `mix` */
#define STEPS 400

static void die(const char *what)
{
	perror(what);
	exit(1);
}

static uint64_t seed;

static uint32_t rnd(uint32_t below)
{
	seed = seed * 6364136223846793005ull + 1442695040888963407ull;
	return (uint32_t)(seed >> 33) % below;
}

/* Small ones, page-sized ones and large ones alike. */
static uint32_t some_bytes(void)
{
	static const uint32_t most[] = {100, 5000, 70000, 300000, 2500000};
	return 1 + rnd(most[rnd(5)]);
}

/* ---- mix ---- */

static uint8_t model[MOST], buffer[MOST + 4096];
static size_t size;
static int fd;

static void check(const uint8_t *got, size_t n, size_t at, const char *how, unsigned step)
{
	for (size_t i = 0; i < n; i++)
		if (got[i] != model[at + i]) {
			fprintf(stderr, "step %u, %s: byte %zu is %u, not %u\n", step, how, at + i, got[i],
				model[at + i]);
			exit(1);
		}
}

static void do_read(unsigned step, bool vectors)
{
	size_t at = rnd((uint32_t)size + 1), n = some_bytes(), in = rnd(4096);
	ssize_t want = (ssize_t)(at + n > size ? size - at : n), got;
	struct iovec iov[3] = {{buffer + in, n / 3}, {buffer + in + n / 3, 0}, {buffer + in + n / 3, n - n / 3}};
	memset(buffer + in, 0xaa, n);
	got = vectors ? preadv(fd, iov, 3, (off_t)at) : pread(fd, buffer + in, n, (off_t)at);
	if (got != want) {
		fprintf(stderr, "step %u: %zd bytes at %zu of %zu, not %zd\n", step, got, at, size, want);
		exit(1);
	}
	check(buffer + in, (size_t)got, at, "read", step);
}

static void do_write(unsigned step, bool vectors)
{
	size_t at = rnd(8) ? rnd((uint32_t)size + 1) : rnd(MOST), n = some_bytes(), in = rnd(4096);
	n = n > MOST - at ? MOST - at : n;
	for (size_t i = 0; i < n; i++)
		buffer[in + i] = (uint8_t)(step * 7 + i + i / 251);
	struct iovec iov[2] = {{buffer + in, n / 2}, {buffer + in + n / 2, n - n / 2}};
	ssize_t got = vectors ? pwritev(fd, iov, 2, (off_t)at) : pwrite(fd, buffer + in, n, (off_t)at);
	if (got != (ssize_t)n)
		die("pwrite");
	memcpy(model + at, buffer + in, n);
	size = at + n > size ? at + n : size;
}

static void do_append(unsigned step, const char *path)
{
	size_t n = some_bytes();
	n = n > MOST - size ? MOST - size : n;
	int other = open(path, O_WRONLY | O_APPEND);
	memset(buffer, (int)step, n);
	if (other < 0 || write(other, buffer, n) != (ssize_t)n || close(other))
		die("append");
	memcpy(model + size, buffer, n);
	size += n;
}

static void do_truncate(void)
{
	size_t to = rnd(4) ? rnd((uint32_t)size + 1) : rnd(MOST);
	if (ftruncate(fd, (off_t)to))
		die("ftruncate");
	if (to > size)
		memset(model + size, 0, to - size);
	memset(model + to, 0, MOST - to);
	size = to;
}

static void do_mapping(unsigned step)
{
	size_t mapped = size;
	if (!mapped)
		return;
	uint8_t *map = mmap(NULL, mapped, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (map == MAP_FAILED)
		die("mmap");
	for (unsigned i = 0; i < 8; i++) {
		size_t at = rnd((uint32_t)mapped), n = 1 + rnd(9000);
		n = n > mapped - at ? mapped - at : n;
		check(map + at, n, at, "mapping", step);
		if (i % 2) {
			memset(map + at, (int)(step + i), n);
			memset(model + at, (int)(step + i), n);
		}
		if (i == 5) { /* while it is mapped */
			do_read(step, false);
			do_write(step, false);
		}
	}
	if (rnd(2) && msync(map, mapped, MS_SYNC))
		die("msync");
	munmap(map, mapped);
}

/* Data goes straight into the mapping of another part of the same file. */
static void do_read_into_mapping(unsigned step)
{
	size_t n = size / 4;
	if (n < 200000)
		return;
	uint8_t *map = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (map == MAP_FAILED)
		die("mmap");
	if (pread(fd, map, n, (off_t)(size - n)) != (ssize_t)n)
		die("pread into a mapping");
	memcpy(model, model + size - n, n);
	if (pwrite(fd, map + n, n, (off_t)(2 * n)) != (ssize_t)n)
		die("pwrite from a mapping");
	memcpy(model + 2 * n, model + n, n);
	check(map, size, 0, "read into a mapping", step);
	munmap(map, size);
}

static void reopen(const char *path, int flags)
{
	if (fd >= 0 && close(fd))
		die("close");
	fd = open(path, O_RDWR | O_CREAT | flags, 0644);
	if (fd < 0)
		die(path);
}

static void mix(const char *path)
{
	char name[4096];
	struct stat st;
	fd = -1;
	reopen(path, O_TRUNC);
	for (unsigned step = 0; step < STEPS; step++) {
		switch (rnd(12)) {
		case 0:
			do_truncate();
			break;
		case 1:
			do_append(step, path);
			break;
		case 2:
			do_mapping(step);
			break;
		case 3:
			do_read_into_mapping(step);
			break;
		case 4:
			reopen(path, rnd(20) ? 0 : O_TRUNC);
			if (fstat(fd, &st))
				die("fstat");
			if (!st.st_size) {
				memset(model, 0, size);
				size = 0;
			}
			break;
		case 5:
			if (fsync(fd))
				die("fsync");
			break;
		case 6:
		case 7:
		case 8:
			do_write(step, rnd(4) == 0);
			break;
		default:
			do_read(step, rnd(4) == 0);
		}
		if (fstat(fd, &st) || (size_t)st.st_size != size) {
			fprintf(stderr, "step %u: %lld bytes, not %zu\n", step, (long long)st.st_size, size);
			exit(1);
		}
	}
	if (close(fd))
		die("close");
	snprintf(name, sizeof(name), "%s.model", path);
	fd = open(name, O_WRONLY | O_CREAT | O_TRUNC, 0644);
	for (size_t at = 0; at < size; at += 30000)
		if (write(fd, model + at, size - at < 30000 ? size - at : 30000) < 0)
			die(name);
	close(fd);
}

/* ---- files that say where they are ---- */

static void fill(const char *path, size_t bytes)
{
	uint64_t *words = malloc(1 << 20);
	int out = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0644);
	for (size_t at = 0; at < bytes; at += 1 << 20) {
		for (size_t i = 0; i < (1 << 20) / 8; i++)
			words[i] = at + i * 8;
		size_t n = bytes - at < 1 << 20 ? bytes - at : 1 << 20;
		if (write(out, words, n) != (ssize_t)n)
			die("write");
	}
	if (close(out))
		die("close");
	free(words);
}

static bool says(const uint8_t *got, size_t n, uint64_t at)
{
	for (size_t i = 0; i < n; i++, at++)
		if (got[i] != (uint8_t)((at & ~7ull) >> at % 8 * 8))
			return false;
	return true;
}

static const char *shared_path;

static void *reader(void *arg)
{
	size_t n = (size_t)arg, at = 0;
	uint8_t *mine = malloc(n);
	int in = open(shared_path, O_RDONLY);
	for (ssize_t got; (got = read(in, mine, n)) != 0; at += (size_t)got)
		if (got < 0 || !says(mine, (size_t)got, at)) {
			fprintf(stderr, "buffer of %zu: wrong at %zu\n", n, at);
			exit(1);
		}
	struct stat st;
	if (fstat(in, &st) || (size_t)st.st_size != at) {
		fprintf(stderr, "buffer of %zu: %zu bytes\n", n, at);
		exit(1);
	}
	close(in);
	free(mine);
	return NULL;
}

static void readers(const char *path)
{
	static const size_t bytes[] = {4096, 100001, 1 << 20, 3333333};
	pthread_t thread[4];
	shared_path = path;
	for (unsigned i = 0; i < 4; i++)
		if (pthread_create(&thread[i], NULL, reader, (void *)bytes[i]))
			die("pthread_create");
	for (unsigned i = 0; i < 4; i++)
		pthread_join(thread[i], NULL);
}

static void until(const char *path, int error)
{
	int out = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0644);
	long long bytes = 0;
	ssize_t n;
	memset(buffer, 'u', 1 << 20);
	while ((n = write(out, buffer, 1 << 20)) > 0)
		bytes += n;
	if (errno != error)
		die("write");
	struct stat st;
	if (fstat(out, &st) || st.st_size != bytes || close(out))
		die("size");
	printf("%lld\n", bytes);
}

static void shrinking(const char *path)
{
	int in = open(path, O_RDONLY);
	struct stat st;
	if (in < 0 || fstat(in, &st))
		die(path);
	puts("ready");
	fflush(stdout);
	for (;;) {
		off_t at = 0;
		ssize_t n;
		while ((n = pread(in, buffer, 1 << 20, at)) > 0) {
			if (!says(buffer, (size_t)n, (uint64_t)at))
				exit(1);
			at += n;
		}
		if (n < 0)
			die("pread");
		if (at < st.st_size)
			return;
	}
}

int main(int argc, char **argv)
{
	if (argc == 4 && !strcmp(argv[1], "mix")) {
		seed = strtoull(argv[3], NULL, 0) * 0x9e3779b97f4a7c15ull;
		mix(argv[2]);
	} else if (argc == 4 && !strcmp(argv[1], "fill")) {
		fill(argv[2], strtoull(argv[3], NULL, 0));
	} else if (argc == 3 && !strcmp(argv[1], "readers")) {
		readers(argv[2]);
	} else if (argc == 4 && !strcmp(argv[1], "until")) {
		until(argv[2], atoi(argv[3]));
	} else if (argc == 3 && !strcmp(argv[1], "shrinking")) {
		shrinking(argv[2]);
	} else {
		fputs("transfer: see the source\n", stderr);
		return 2;
	}
	return 0;
}
