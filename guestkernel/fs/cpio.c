/* SPDX-License-Identifier: Apache-2.0
 *
 * Reader of the initramfs archive, see cpio.h. Decodes one header at a time, checks all of it, then hands it on.
 */
#include "cpio.h"

#define HEADER_BYTES 110
#define MAGIC_BYTES  6
#define FIELD_DIGITS 8

enum field {
	FIELD_INO,
	FIELD_MODE,
	FIELD_UID,
	FIELD_GID,
	FIELD_NLINK,
	FIELD_MTIME,
	FIELD_FILESIZE,
	FIELD_DEV_MAJOR,
	FIELD_DEV_MINOR,
	FIELD_RDEV_MAJOR,
	FIELD_RDEV_MINOR,
	FIELD_NAMESIZE,
	FIELD_CHECK,
	FIELDS
};
_Static_assert(MAGIC_BYTES + FIELDS * FIELD_DIGITS == HEADER_BYTES, "newc header");

enum file_type { /* the S_IFMT values of stat(2), spelled out because host and guest headers differ */
		 TYPE_MASK = 0170000,
		 TYPE_FIFO = 0010000,
		 TYPE_CHAR = 0020000,
		 TYPE_DIRECTORY = 0040000,
		 TYPE_BLOCK = 0060000,
		 TYPE_REGULAR = 0100000,
		 TYPE_SYMLINK = 0120000,
};

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

static int parse_header(const char *header, uint32_t field[FIELDS])
{
	static const char magic[MAGIC_BYTES] = {'0', '7', '0', '7', '0', '1'};

	for (int i = 0; i < MAGIC_BYTES; i++)
		if (header[i] != magic[i])
			return CPIO_MALFORMED;
	for (int f = 0; f < FIELDS; f++) {
		const char *digits = header + MAGIC_BYTES + f * FIELD_DIGITS;
		uint32_t value = 0;

		for (int i = 0; i < FIELD_DIGITS; i++) {
			int digit = hex_digit(digits[i]);

			if (digit < 0)
				return CPIO_MALFORMED;
			value = value << 4 | (uint32_t)digit;
		}
		field[f] = value;
	}
	return 0;
}

/* The name field may be longer than the name: writers align the contents with further NULs. */
static int parse_name(const char *name, size_t namesize, size_t *length)
{
	size_t n = 0;

	while (n < namesize && name[n])
		n++;
	if (n == 0 || n == namesize || n > CPIO_PATH_MAX)
		return CPIO_MALFORMED;
	for (size_t i = n; i < namesize; i++)
		if (name[i])
			return CPIO_MALFORMED;
	*length = n;
	return 0;
}

static int check_path(const char *name, size_t length)
{
	size_t start = 0;

	if (length == 1 && name[0] == '.')
		return 0;
	for (size_t i = 0; i <= length; i++) {
		if (i < length && name[i] != '/')
			continue;
		size_t n = i - start;

		if (n == 0 || (n == 1 && name[start] == '.') ||
		    (n == 2 && name[start] == '.' && name[start + 1] == '.'))
			return CPIO_MALFORMED;
		start = i + 1;
	}
	return 0;
}

static int check_target(const char *target, size_t length)
{
	if (length == 0 || length > CPIO_PATH_MAX)
		return CPIO_MALFORMED;
	for (size_t i = 0; i < length; i++)
		if (!target[i])
			return CPIO_MALFORMED;
	return 0;
}

static int check_type(const struct cpio_entry *entry, uint32_t nlink)
{
	if (entry->mode & ~(TYPE_MASK | 07777u))
		return CPIO_MALFORMED;
	if (entry->name_length == 1 && entry->name[0] == '.' && (entry->mode & TYPE_MASK) != TYPE_DIRECTORY)
		return CPIO_MALFORMED;
	switch (entry->mode & TYPE_MASK) {
	case TYPE_REGULAR:
		return nlink > 1 ? CPIO_MALFORMED : 0;
	case TYPE_SYMLINK:
		return check_target(entry->target, entry->size);
	case TYPE_DIRECTORY:
	case TYPE_CHAR:
	case TYPE_BLOCK:
	case TYPE_FIFO:
		return entry->size ? CPIO_MALFORMED : 0;
	default:
		return CPIO_MALFORMED;
	}
}

static int is_trailer(const char *name, size_t length)
{
	static const char trailer[] = "TRAILER!!!";

	if (length != sizeof trailer - 1)
		return 0;
	for (size_t i = 0; i < length; i++)
		if (name[i] != trailer[i])
			return 0;
	return 1;
}

static int check_padding(const char *bytes, size_t start, size_t end)
{
	for (size_t i = start; i < end; i++)
		if (bytes[i])
			return CPIO_MALFORMED;
	return 0;
}

static size_t align4(size_t offset)
{
	return (offset + 3) & ~(size_t)3;
}

/*
 * Decodes the entry at offset; on success *next is where the following header begins. Invariant of all sums here:
 * each operand has been checked against what is left of the archive before it is added, so none can wrap.
 */
static int parse_entry(const char *bytes, size_t length, size_t offset, struct cpio_entry *entry, size_t *next)
{
	uint32_t field[FIELDS];
	size_t name = offset + HEADER_BYTES, data;

	if (length - offset < HEADER_BYTES || parse_header(bytes + offset, field))
		return CPIO_MALFORMED;
	if (field[FIELD_NAMESIZE] > length - name)
		return CPIO_MALFORMED;
	data = align4(name + field[FIELD_NAMESIZE]);
	if (data > length || field[FIELD_FILESIZE] > length - data || field[FIELD_CHECK])
		return CPIO_MALFORMED;
	*entry = (struct cpio_entry){
	    .name = bytes + name,
	    .mode = field[FIELD_MODE],
	    .uid = field[FIELD_UID],
	    .gid = field[FIELD_GID],
	    .mtime = field[FIELD_MTIME],
	    .rdev_major = field[FIELD_RDEV_MAJOR],
	    .rdev_minor = field[FIELD_RDEV_MINOR],
	    .data = data,
	    .size = field[FIELD_FILESIZE],
	};
	if (parse_name(bytes + name, field[FIELD_NAMESIZE], &entry->name_length))
		return CPIO_MALFORMED;
	*next = align4(data + entry->size);
	if (is_trailer(entry->name, entry->name_length))
		return entry->size ? CPIO_MALFORMED : 0;
	if ((entry->mode & TYPE_MASK) == TYPE_SYMLINK)
		entry->target = bytes + data;
	if (check_path(entry->name, entry->name_length) || check_type(entry, field[FIELD_NLINK]))
		return CPIO_MALFORMED;
	return 0;
}

int cpio_parse(const void *base, size_t length, int (*visit)(void *context, const struct cpio_entry *entry),
	       void *context)
{
	const char *bytes = base;
	size_t offset = 0;

	for (;;) {
		struct cpio_entry entry;
		size_t next;
		int ret;

		if (offset > length || parse_entry(bytes, length, offset, &entry, &next))
			return CPIO_MALFORMED;
		if (is_trailer(entry.name, entry.name_length))
			return check_padding(bytes, next, length);
		ret = visit(context, &entry);
		if (ret)
			return ret;
		offset = next;
	}
}
