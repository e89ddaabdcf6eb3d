/* SPDX-License-Identifier: Apache-2.0
 *
 * Unpacks a tar archive below the root directory: ustar with pax(1) and GNU extensions, as `docker export`, GNU tar and
 * bsdtar write them. The caller has made an empty file system the root, so links can lead nowhere else.
 */
#include "initramfs/untar.h"
#include "initramfs/copy.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

struct tar_header {
	char name[100], mode[8], uid[8], gid[8], size[12], mtime[12], sum[8], type, link[100];
	char magic[6], version[2], uname[32], gname[32], major[8], minor[8], prefix[155], pad[12];
};
_Static_assert(sizeof(struct tar_header) == TAR_BLOCK, "tar(5)");

/* One entry, with what extensions before its header say in place of the header. */
struct tar_entry {
	bool has_path, has_sparse_name, has_link, has_size, has_mtime, has_uid, has_gid;
	uint64_t size, uid, gid;
	struct timespec mtime;
};

static int archive;
static size_t next, filled; /* of copy_bytes */
BEHIND_OTHER_DATA char untar_path[WIRE_PATH_MAX];
BEHIND_OTHER_DATA char untar_link[WIRE_PATH_MAX];
static char *text; /* of an extension: a path, or the map of a sparse file */
#define TEXT_BYTES (1u << 20)

void untar_fail(int error, const char *doing)
{
	agent_fail(WIRE_STAGE_MOUNT, error, doing, untar_path);
}

/* ---- the archive ---- */

size_t untar_take(size_t most, char **bytes)
{
	if (next == filled) {
		ssize_t n;

		do
			n = read(archive, copy_bytes, sizeof copy_bytes);
		while (n < 0 && errno == EINTR);
		if (n < 0)
			untar_fail(errno, "read the archive at ");
		next = 0;
		filled = (size_t)n;
	}
	size_t here = filled - next < most ? filled - next : most;

	*bytes = copy_bytes + next;
	next += here;
	return here;
}

/* False at the end of the archive, which is fine only at the beginning. */
static bool read_block(void *to, size_t length)
{
	for (size_t done = 0; done < length;) {
		char *bytes;
		size_t n = untar_take(length - done, &bytes);

		if (!n && done)
			untar_fail(ENODATA, "the archive is cut off at ");
		if (!n)
			return false;
		memcpy((char *)to + done, bytes, n);
		done += n;
	}
	return true;
}

void untar_read(void *to, size_t length)
{
	if (length && !read_block(to, length))
		untar_fail(ENODATA, "the archive is cut off at ");
}

static void skip(uint64_t length)
{
	while (length) {
		char *bytes;
		size_t n = untar_take(length < sizeof copy_bytes ? (size_t)length : sizeof copy_bytes, &bytes);

		if (!n)
			untar_fail(ENODATA, "the archive is cut off at ");
		length -= n;
	}
}

static uint64_t padding(uint64_t size)
{
	return -size & (TAR_BLOCK - 1);
}

uint64_t untar_number(const char *field, size_t length)
{
	uint64_t value = 0;

	if (*field & 0x80) {
		value = *field & 0x3f;
		for (size_t i = 1; i < length; i++)
			value = value << 8 | (unsigned char)field[i];
		return value;
	}
	for (size_t i = 0; i < length; i++)
		if (field[i] >= '0' && field[i] <= '7')
			value = value * 8 + (uint64_t)(field[i] - '0');
		else if (field[i] != ' ' || value)
			break;
	return value;
}

static bool sum_is_right(const struct tar_header *header)
{
	const unsigned char *bytes = (const unsigned char *)header;
	uint64_t sum = 0;

	for (size_t i = 0; i < TAR_BLOCK; i++)
		sum += i >= offsetof(struct tar_header, sum) && i < offsetof(struct tar_header, type) ? ' ' : bytes[i];
	return sum == untar_number(header->sum, sizeof header->sum);
}

static bool is_zero(const struct tar_header *header)
{
	const char *bytes = (const char *)header;

	for (size_t i = 0; i < TAR_BLOCK; i++)
		if (bytes[i])
			return false;
	return true;
}

/* ---- extensions ---- */

static void copy_text(char *to, const char *from, size_t length)
{
	if (length >= WIRE_PATH_MAX)
		untar_fail(ENAMETOOLONG, "unpack ");
	memcpy(to, from, length);
	to[length] = 0;
}

uint64_t untar_decimal(const char **digits)
{
	uint64_t value = 0;

	for (; **digits >= '0' && **digits <= '9'; (*digits)++)
		if (value < UINT64_MAX / 16)
			value = value * 10 + (uint64_t)(**digits - '0');
	return value;
}

static uint64_t decimal(const char *digits)
{
	return untar_decimal(&digits);
}

/* "[-]SECONDS[.FRACTION]" */
static struct timespec pax_time(const char *value)
{
	bool negative = *value == '-';
	const char *at = value + negative;
	uint64_t seconds = untar_decimal(&at);
	long fraction = 0;

	if (seconds > INT64_MAX)
		seconds = INT64_MAX;
	at += *at == '.';
	for (long unit = 100000000; unit && *at >= '0' && *at <= '9'; unit /= 10, at++)
		fraction += (*at - '0') * unit;
	if (!negative)
		return (struct timespec){(time_t)seconds, fraction};
	return fraction ? (struct timespec){-(time_t)seconds - 1, 1000000000 - fraction}
			: (struct timespec){-(time_t)seconds, 0};
}

static void take_record(struct tar_entry *entry, const char *key, const char *value)
{
	bool sparse_name = strcmp(key, "GNU.sparse.name") == 0; /* whatever `path` says */

	if (sparse_name || (strcmp(key, "path") == 0 && !entry->has_sparse_name)) {
		copy_text(untar_path, value, strlen(value));
		entry->has_path = true;
		entry->has_sparse_name |= sparse_name;
	} else if (strcmp(key, "linkpath") == 0) {
		copy_text(untar_link, value, strlen(value));
		entry->has_link = true;
	} else if (strcmp(key, "size") == 0) {
		entry->size = decimal(value);
		entry->has_size = true;
	} else if (strcmp(key, "uid") == 0) {
		entry->uid = decimal(value);
		entry->has_uid = true;
	} else if (strcmp(key, "gid") == 0) {
		entry->gid = decimal(value);
		entry->has_gid = true;
	} else if (strcmp(key, "mtime") == 0) {
		entry->mtime = pax_time(value);
		entry->has_mtime = true;
	} else if (strncmp(key, "GNU.sparse.", 11) == 0) {
		sparse_record(key + 11, value);
	}
}

/* Records "LENGTH KEY=VALUE\n"; what has no meaning here (xattrs, comments) is passed over. */
static void take_pax(struct tar_entry *entry, uint64_t size)
{
	if (size >= TEXT_BYTES) { /* long xattrs: paths are shorter */
		skip(size);
		return;
	}
	untar_read(text, size);
	text[size] = 0;
	for (char *at = text, *end = text + size; at < end;) {
		uint64_t length = decimal(at);
		char *key = strchr(at, ' '), *value = key ? strchr(key, '=') : NULL;

		if (!value || length < 5 || length > (uint64_t)(end - at) || value >= at + length ||
		    at[length - 1] != '\n')
			untar_fail(EINVAL, "the archive has a bad header at ");
		*value++ = 0;
		at[length - 1] = 0;
		take_record(entry, key + 1, value);
		at += length;
	}
}

/* GNU: a name longer than its field is the contents of an entry of its own. */
static void take_long(char *to, uint64_t size)
{
	if (!size || size > WIRE_PATH_MAX)
		untar_fail(ENAMETOOLONG, "unpack ");
	untar_read(to, (size_t)size);
	to[size - 1] = 0;
}

/* ---- entries ---- */

/* Where it goes: relative, without `.` and empty components. `..` is in no honest archive. */
static void tidy(char *path)
{
	char *to = path;

	for (const char *from = path; *from;) {
		size_t length;

		from += strspn(from, "/");
		length = strcspn(from, "/");
		if (length == 2 && from[0] == '.' && from[1] == '.')
			untar_fail(EINVAL, "unpack ");
		if (length && !(length == 1 && from[0] == '.')) {
			if (to != path)
				*to++ = '/';
			memmove(to, from, length);
			to += length;
		}
		from += length;
	}
	if (to == path)
		*to++ = '.';
	*to = 0;
}

/* Makes room and parents for the path. */
static void clear_the_way(char *path)
{
	if (unlink(path) == 0 || errno == EISDIR || errno == EPERM)
		return;
	if (errno != ENOENT)
		untar_fail(errno, "unpack ");
	for (char *slash = strchr(path, '/'); slash; slash = strchr(slash + 1, '/')) {
		*slash = 0;
		if (mkdir(path, 0755) && errno != EEXIST)
			untar_fail(errno, "unpack ");
		*slash = '/';
	}
}

void untar_contents(int fd, uint64_t length)
{
	while (length) {
		char *bytes;
		size_t n = untar_take(length < sizeof copy_bytes ? (size_t)length : sizeof copy_bytes, &bytes);
		int ret = n ? write_all(fd, bytes, n) : -ENODATA;

		if (ret)
			untar_fail(ret, "unpack ");
		length -= n;
	}
}

static void unpack_contents(const struct tar_entry *entry, uint32_t mode)
{
	int fd = open(untar_path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode & 0777);

	if (fd < 0)
		untar_fail(errno, "unpack ");
	if (sparse_is())
		sparse_unpack(fd, entry->size);
	else
		untar_contents(fd, entry->size);
	close(fd);
}

static void set_attributes(const struct tar_entry *entry, uint32_t mode, bool link)
{
	struct timespec times[2] = {entry->mtime, entry->mtime};

	if (lchown(untar_path, (uid_t)entry->uid, (gid_t)entry->gid) || (!link && chmod(untar_path, mode & 07777)) ||
	    utimensat(AT_FDCWD, untar_path, times, AT_SYMLINK_NOFOLLOW))
		untar_fail(errno, "unpack ");
}

static int unpack_special(const struct tar_header *header, uint32_t mode)
{
	uint32_t type = header->type == '3' ? S_IFCHR : header->type == '4' ? S_IFBLK : S_IFIFO;

	return mknod(untar_path, type | (mode & 07777),
		     makedev((unsigned)untar_number(header->major, 8), (unsigned)untar_number(header->minor, 8)));
}

static void unpack(const struct tar_header *header, const struct tar_entry *entry)
{
	uint32_t mode = (uint32_t)untar_number(header->mode, sizeof header->mode);
	struct stat st;
	int ret = 0;

	tidy(untar_path);
	if (header->type == '5') {
		if (stat(untar_path, &st) || !S_ISDIR(st.st_mode)) {
			clear_the_way(untar_path);
			ret = mkdir(untar_path, 0700);
		}
	} else {
		clear_the_way(untar_path);
		switch (header->type) {
		case '1':
			tidy(untar_link);
			if (link(untar_link, untar_path))
				untar_fail(errno, "unpack the hard link ");
			return;
		case '2':
			ret = symlink(untar_link, untar_path);
			break;
		case '3':
		case '4':
		case '6':
			ret = unpack_special(header, mode);
			break;
		default:
			unpack_contents(entry, mode);
		}
	}
	if (ret)
		untar_fail(errno, "unpack ");
	set_attributes(entry, mode, header->type == '2');
	if (header->type == '5')
		times_later(untar_path, entry->mtime);
}

/* What the header itself says, where no extension has said it. */
static void fill(struct tar_entry *entry, const struct tar_header *header)
{
	size_t length = 0;

	if (!entry->has_path) {
		if (memcmp(header->magic, "ustar", 6) == 0 && header->prefix[0]) {
			length = strnlen(header->prefix, sizeof header->prefix);
			memcpy(untar_path, header->prefix, length);
			untar_path[length++] = '/';
		}
		memcpy(untar_path + length, header->name, sizeof header->name);
		untar_path[length + sizeof header->name] = 0;
	}
	if (!entry->has_link)
		copy_text(untar_link, header->link, strnlen(header->link, sizeof header->link));
	if (!entry->has_size)
		entry->size = untar_number(header->size, sizeof header->size);
	if (!entry->has_uid)
		entry->uid = untar_number(header->uid, sizeof header->uid);
	if (!entry->has_gid)
		entry->gid = untar_number(header->gid, sizeof header->gid);
	if (!entry->has_mtime)
		entry->mtime = (struct timespec){.tv_sec = (time_t)untar_number(header->mtime, sizeof header->mtime)};
}

/* A type that nobody knows is a file (POSIX). */
static bool has_contents(char type)
{
	return type < '1' || type > '6';
}

/* GNU: a directory of an incremental archive, whose contents list its names; a file that began in another volume. */
static void take_gnu(struct tar_header *header, struct tar_entry *entry)
{
	if (header->type == 'M')
		untar_fail(EINVAL, "the archive is a part of several: ");
	if (header->type == 'D') {
		skip(entry->size);
		skip(padding(entry->size));
		entry->size = 0;
		header->type = '5';
	}
}

void untar(int fd)
{
	struct tar_entry entry = {0};
	struct tar_header header;

	archive = fd;
	text = map_bytes(TEXT_BYTES);
	untar_path[0] = 0;
	times_begin();
	while (read_block(&header, TAR_BLOCK) && !is_zero(&header)) {
		uint64_t size = untar_number(header.size, sizeof header.size);

		if (!sum_is_right(&header))
			untar_fail(EINVAL, "the archive has a bad header after ");
		switch (header.type) {
		case 'x':
		case 'X': /* Solaris, before POSIX */
			take_pax(&entry, size);
			break;
		case 'L':
			take_long(untar_path, size);
			entry.has_path = true;
			break;
		case 'K':
			take_long(untar_link, size);
			entry.has_link = true;
			break;
		case 'g': /* for all entries: comments in practice */
		case 'V': /* label of the volume */
			skip(size);
			break;
		default:
			fill(&entry, &header);
			take_gnu(&header, &entry);
			if (header.type == 'S')
				sparse_header((const char *)&header);
			if (header.type == 0 && untar_path[0] && untar_path[strlen(untar_path) - 1] == '/')
				header.type = '5'; /* before POSIX */
			size = has_contents(header.type) ? entry.size : 0;
			unpack(&header, &entry);
			entry = (struct tar_entry){0};
			sparse_begin();
		}
		skip(padding(size));
	}
	const char *failed = times_set();

	if (failed)
		agent_fail(WIRE_STAGE_MOUNT, errno, "set the time of ", failed);
}
