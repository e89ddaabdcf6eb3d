/* SPDX-License-Identifier: Apache-2.0
 *
 * Sparse files in tar archives. The map of what is data stands in the entry's header and blocks behind it (GNU's own
 * format), in an extended header (0.0: one record a number; 0.1: one for all) or before the contents (1.0). The
 * contents are the data alone, one piece after the other.
 */
#include "initramfs/untar.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#define SPARSE_PIECES 65536u

/* struct oldgnu_header of GNU tar (tar.h): pieces, is there a block with more, size; and such a block. */
enum { OLD_PIECES = 386, OLD_COUNT = 4, OLD_MORE = 482, OLD_SIZE = 483, MORE_COUNT = 21, MORE_MORE = 504 };
#define FIELD 12

struct sparse_piece {
	uint64_t offset, length;
};

static struct {
	bool is, before; /* `before`: the map stands before the contents */
	uint64_t size;
	uint32_t count;
} sparse;
static struct sparse_piece *pieces; /* room for SPARSE_PIECES, made when there is one */

_Noreturn static void refuse(void)
{
	untar_fail(EINVAL, "unpack the sparse file ");
}

void sparse_begin(void)
{
	sparse.is = sparse.before = false;
	sparse.size = sparse.count = 0;
}

bool sparse_is(void)
{
	return sparse.is;
}

static void add(uint64_t offset, uint64_t length)
{
	if (sparse.count == SPARSE_PIECES)
		untar_fail(E2BIG, "unpack the sparse file ");
	if (!pieces)
		pieces = map_bytes(SPARSE_PIECES * sizeof *pieces);
	pieces[sparse.count++] = (struct sparse_piece){offset, length};
}

void sparse_record(const char *key, const char *value)
{
	sparse.is = true;
	if (strcmp(key, "major") == 0) {
		sparse.before = *value != '0';
	} else if (strcmp(key, "size") == 0 || strcmp(key, "realsize") == 0) {
		sparse.size = untar_decimal(&value);
	} else if (strcmp(key, "offset") == 0) {
		add(untar_decimal(&value), 0);
	} else if (strcmp(key, "numbytes") == 0 && sparse.count) {
		pieces[sparse.count - 1].length = untar_decimal(&value);
	} else if (strcmp(key, "map") == 0) {
		while (*value) {
			uint64_t offset = untar_decimal(&value);

			if (*value++ != ',')
				refuse();
			add(offset, untar_decimal(&value));
			if (*value && *value++ != ',')
				refuse();
		}
	}
}

static void add_fields(const char *at, unsigned count)
{
	for (unsigned i = 0; i < count && at[0]; i++, at += 2 * FIELD)
		add(untar_number(at, FIELD), untar_number(at + FIELD, FIELD));
}

void sparse_header(const char *block)
{
	char next[TAR_BLOCK];
	bool more = block[OLD_MORE];

	sparse.is = true;
	sparse.size = untar_number(block + OLD_SIZE, FIELD);
	add_fields(block + OLD_PIECES, OLD_COUNT);
	while (more) {
		untar_read(next, TAR_BLOCK);
		add_fields(next, MORE_COUNT);
		more = next[MORE_MORE];
	}
}

/* A number and a newline, from blocks that are read as they are needed. */
static uint64_t read_number(char *block, size_t *at, uint64_t *packed)
{
	uint64_t value = 0;

	for (;;) {
		if (*at == TAR_BLOCK) {
			if (*packed < TAR_BLOCK)
				refuse();
			untar_read(block, TAR_BLOCK);
			*packed -= TAR_BLOCK;
			*at = 0;
		}
		char c = block[(*at)++];

		if (c == '\n')
			return value;
		if (c < '0' || c > '9' || value > UINT64_MAX / 16)
			refuse();
		value = value * 10 + (uint64_t)(c - '0');
	}
}

static void read_map(uint64_t *packed)
{
	char block[TAR_BLOCK];
	size_t at = TAR_BLOCK;
	uint64_t count = read_number(block, &at, packed);

	for (uint64_t i = 0; i < count; i++) {
		uint64_t offset = read_number(block, &at, packed);

		add(offset, read_number(block, &at, packed));
	}
}

void sparse_unpack(int fd, uint64_t packed)
{
	if (sparse.before)
		read_map(&packed);
	for (uint32_t i = 0; i < sparse.count; i++) {
		const struct sparse_piece *p = &pieces[i];

		if (p->length > packed || p->offset > sparse.size || p->length > sparse.size - p->offset)
			refuse();
		if (lseek(fd, (off_t)p->offset, SEEK_SET) < 0)
			untar_fail(errno, "unpack the sparse file ");
		untar_contents(fd, p->length);
		packed -= p->length;
	}
	if (packed)
		refuse();
	if (ftruncate(fd, (off_t)sparse.size))
		untar_fail(errno, "unpack the sparse file ");
}
