/* SPDX-License-Identifier: Apache-2.0
 *
 * --copy-out: files of the guest are sent to the files server, one connection a copy-out (docs/files.md has the
 * messages). A failure is told there and does not change how the program ended.
 */
#include "initramfs/copy.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#define HEADER_BYTES 7 /* size[4] type[1] tag[2], as in 9P */

/* What is needed after the program's end: the job itself is gone then. */
static struct {
	uint32_t index;
	char *path;
} outs[WIRE_MOUNTS_MAX];
static unsigned count;

static int stream;

/* A message: header and fields, put together here. */
static struct {
	size_t length;
	unsigned char bytes[HEADER_BYTES + 2 * WIRE_PATH_MAX + 64];
} message;

static void put(const void *bytes, size_t length)
{
	memcpy(message.bytes + message.length, bytes, length);
	message.length += length;
}

static void put_number(uint64_t number, size_t bytes)
{
	put(&number, bytes); /* little-endian, as the wire is */
}

static void put_string(const char *text)
{
	size_t length = strnlen(text, WIRE_PATH_MAX - 1);

	put_number(length, 2);
	put(text, length);
}

static void begin(uint8_t type)
{
	message.length = 4;
	put_number(type, 1);
	put_number(0, 2);
}

/* Sends the message, with `more` bytes of data behind it. */
static int send_message(const void *data, size_t more)
{
	uint32_t size = (uint32_t)(message.length + more);

	memcpy(message.bytes, &size, sizeof size);
	int ret = write_all(stream, (const char *)message.bytes, message.length);

	return ret || !more ? ret : write_all(stream, data, more);
}

static void put_time(const struct stat *st)
{
	put_number((uint64_t)(st->st_mtim.tv_sec * 1000000000 + st->st_mtim.tv_nsec), 8);
}

static int send_entry(uint8_t kind, const char *path, const char *target, const struct stat *st)
{
	begin(WIRE_COPY_ENTRY);
	put_number(kind, 1);
	put_number(st->st_mode & 07777, 4);
	put_time(st);
	put_number(kind == WIRE_FILE_REGULAR ? (uint64_t)st->st_size : 0, 8);
	put_string(path);
	put_string(target);
	return send_message(NULL, 0);
}

static int send_data(int fd, uint64_t from, uint64_t end)
{
	while (from < end) {
		size_t want = end - from < sizeof copy_bytes ? (size_t)(end - from) : sizeof copy_bytes;
		ssize_t n = pread(fd, copy_bytes, want, (off_t)from);

		if (n <= 0)
			return n ? -errno : 0; /* it has become shorter */
		begin(WIRE_COPY_DATA);
		put_number(from, 8);
		put_number((uint64_t)n, 4);
		int ret = send_message(copy_bytes, (size_t)n);

		if (ret)
			return ret;
		from += (uint64_t)n;
	}
	return 0;
}

static int copy_regular(const char *path, int fd, const struct stat *st)
{
	off_t size = st->st_size, from = 0;
	int ret = send_entry(WIRE_FILE_REGULAR, path, "", st);

	while (!ret && from < size) {
		off_t data = lseek(fd, from, SEEK_DATA);

		if (data < 0)
			break; /* ENXIO: holes up to the end */
		off_t hole = lseek(fd, data, SEEK_HOLE);

		if (hole < 0 || hole > size)
			hole = size;
		ret = send_data(fd, (uint64_t)data, (uint64_t)hole);
		from = hole;
	}
	return ret;
}

static int copy_directory(const char *path, const struct stat *st)
{
	return send_entry(WIRE_FILE_DIRECTORY, path, "", st);
}

/* Its time, which everything that was made in it has changed. */
static int finish_directory(const char *path, const struct stat *st)
{
	begin(WIRE_COPY_LEAVE);
	put_time(st);
	put_string(path);
	return send_message(NULL, 0);
}

static int copy_symlink(const char *path, const char *target, const struct stat *st)
{
	return send_entry(WIRE_FILE_SYMLINK, path, target, st);
}

/* Sockets that a program leaves behind and the like: nothing that could be of use on the host. */
static int copy_special(const char *path, const struct stat *st)
{
	return 0;
}

static void copy_one(uint32_t index, const char *path)
{
	static const struct copy_sink sink = {copy_regular, copy_directory, finish_directory, copy_symlink,
					      copy_special};
	const char *where = "";
	char reply[64];

	stream = stream_open_files();
	if (stream < 0)
		return; /* the host will miss it */
	begin(WIRE_COPY_BEGIN);
	put_number(index, 4);
	int ret = send_message(NULL, 0);

	if (!ret)
		ret = copy_walk(path, &sink, &where);
	begin(WIRE_COPY_END);
	put_number((uint64_t)-ret, 4);
	put_string(where);
	if (!send_message(NULL, 0))
		(void)!read(stream, reply, sizeof reply); /* all is on the host's disk as far as it can be */
	close(stream);
}

void copies_note(const struct job *job)
{
	struct job rest = *job;
	struct job_mount mount;

	while (job_next_mount(&rest, &mount))
		if (mount.header.kind == WIRE_MOUNT_COPY_OUT) {
			size_t bytes = strlen(mount.path) + 1;

			outs[count].index = mount.header.share;
			outs[count].path = map_bytes(bytes);
			memcpy(outs[count++].path, mount.path, bytes);
		}
}

bool copies_wanted(void)
{
	return count > 0;
}

void copies_out(void)
{
	for (unsigned i = 0; i < count; i++)
		copy_one(outs[i].index, outs[i].path);
}
