/* SPDX-License-Identifier: Apache-2.0
 *
 * The times of directories: what is unpacked into one changes them, so they are set when all else is there.
 */
#include "initramfs/untar.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <string.h>
#include <sys/stat.h>

#define CHUNK_BYTES (64u << 10) /* room for at least 15 of the longest paths */

struct record {
	struct timespec mtime;
	uint32_t bytes; /* of the record */
	char path[];
};

struct chunk {
	struct chunk *next;
	uint32_t used;
	_Alignas(struct record) char records[];
};

static struct chunk *first_chunk, *last_chunk;

void times_begin(void)
{
	first_chunk = last_chunk = NULL;
}

static void add_chunk(void)
{
	struct chunk *chunk = map_bytes(CHUNK_BYTES);

	chunk->next = NULL;
	chunk->used = 0;
	if (last_chunk)
		last_chunk->next = chunk;
	else
		first_chunk = chunk;
	last_chunk = chunk;
}

void times_later(const char *path, struct timespec mtime)
{
	size_t length = strlen(path) + 1;
	size_t bytes =
	    (offsetof(struct record, path) + length + _Alignof(struct record) - 1) & -_Alignof(struct record);

	if (!last_chunk || bytes > CHUNK_BYTES - sizeof(*last_chunk) - last_chunk->used)
		add_chunk();
	struct record *record = (struct record *)(last_chunk->records + last_chunk->used);

	record->mtime = mtime;
	record->bytes = (uint32_t)bytes;
	memcpy(record->path, path, length);
	last_chunk->used += (uint32_t)bytes;
}

static bool set_times(const struct record *record)
{
	struct timespec times[2] = {record->mtime, record->mtime};

	/* Something else may have taken its name. */
	return !utimensat(AT_FDCWD, record->path, times, AT_SYMLINK_NOFOLLOW) || errno == ENOENT || errno == ENOTDIR;
}

const char *times_set(void)
{
	for (const struct chunk *chunk = first_chunk; chunk; chunk = chunk->next)
		for (uint32_t at = 0; at < chunk->used;) {
			const struct record *record = (const struct record *)(chunk->records + at);

			if (!set_times(record))
				return record->path;
			at += record->bytes;
		}
	return NULL;
}
