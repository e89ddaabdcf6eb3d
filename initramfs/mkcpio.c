/* SPDX-License-Identifier: Apache-2.0
 *
 * Build tool: writes the initramfs, a cpio archive ("newc"), from a description of the tree. The same input gives
 * the same bytes: modification times are 0 and inode numbers count up.
 *
 * usage: mkcpio BUILD_DIR TREE ARCHIVE
 */
#include <errno.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define PAGE	     4096
#define HEADER_BYTES 110
#define NAMESIZE_MAX 4096 /* Linux skips entries with a longer name field */

static const char *tree_path;
static unsigned tree_line;
static FILE *archive;
static size_t offset;
static unsigned next_ino = 1;

__attribute__((format(printf, 1, 2), noreturn)) static void die(const char *format, ...)
{
	va_list args;

	fprintf(stderr, "mkcpio: %s:%u: ", tree_path, tree_line);
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fputc('\n', stderr);
	exit(1);
}

static void put(const void *bytes, size_t length)
{
	if (length && fwrite(bytes, 1, length, archive) != length)
		die("write: %s", strerror(errno));
	offset += length;
}

static void put_zeros(size_t count)
{
	static const char zeros[PAGE];

	for (size_t n; count; count -= n) {
		n = count < sizeof zeros ? count : sizeof zeros;
		put(zeros, n);
	}
}

static void align(size_t unit)
{
	put_zeros((unit - offset % unit) % unit);
}

/* Header and name; with namesize beyond strlen(name) + 1 the rest is NULs. */
static void put_header(const char *name, size_t namesize, unsigned mode, unsigned uid, unsigned gid, size_t size)
{
	char header[HEADER_BYTES + 1];
	unsigned nlink = S_ISDIR(mode) ? 2 : 1;
	size_t length = strlen(name);

	snprintf(header, sizeof header, "070701%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x", next_ino++, mode,
		 uid, gid, nlink, 0u, (unsigned)size, 0u, 0u, 0u, 0u, (unsigned)namesize, 0u);
	put(header, HEADER_BYTES);
	put(name, length);
	put_zeros(namesize - length);
	align(4);
}

static void put_entry(const char *name, unsigned mode, unsigned uid, unsigned gid, const void *data, size_t size)
{
	put_header(name, strlen(name) + 1, mode, uid, gid, size);
	put(data, size);
	align(4);
}

/* The size of a name field that makes the contents behind it begin on a page. */
static size_t namesize_to_page(size_t minimum)
{
	size_t end = offset + HEADER_BYTES + minimum;

	return minimum + (PAGE - end % PAGE) % PAGE;
}

static void put_page_entry(const char *name, unsigned mode, unsigned uid, unsigned gid, const void *data, size_t size)
{
	size_t minimum = strlen(name) + 1;

	if (namesize_to_page(minimum) > NAMESIZE_MAX) /* an entry that changes nothing moves us to the next page */
		put_header(".", 2, S_IFDIR | 0755, 0, 0, 0);
	put_header(name, namesize_to_page(minimum), mode, uid, gid, (size + PAGE - 1) / PAGE * PAGE);
	put(data, size);
	align(PAGE);
}

static char *read_source(const char *build, const char *source, size_t *size)
{
	char path[4096];
	int n = strncmp(source, "%B/", 3) == 0 ? snprintf(path, sizeof path, "%s/%s", build, source + 3)
					       : snprintf(path, sizeof path, "%s", source);
	FILE *file = (size_t)n < sizeof path ? fopen(path, "rb") : NULL;
	struct stat st;
	char *data;

	if (!file || fstat(fileno(file), &st))
		die("%s: %s", path, strerror(errno));
	*size = (size_t)st.st_size;
	data = malloc(*size + 1);
	if (!data || fread(data, 1, *size, file) != *size)
		die("%s: cannot read", path);
	fclose(file);
	return data;
}

static void put_line(const char *build, const char *line)
{
	char kind[16], path[512], source[512];
	unsigned mode, uid, gid;

	if (sscanf(line, "%15s", kind) != 1 || kind[0] == '#')
		return;
	if (strcmp(kind, "symlink") == 0) {
		if (sscanf(line, "%*s %511s %511s", path, source) != 2)
			die("want: symlink PATH TARGET");
		put_entry(path, S_IFLNK | 0777, 0, 0, source, strlen(source));
		return;
	}
	int fields = sscanf(line, "%*s %511s %o %u %u %511s", path, &mode, &uid, &gid, source);

	if (strcmp(kind, "dir") == 0 && fields == 4) {
		put_entry(path, S_IFDIR | mode, uid, gid, NULL, 0);
	} else if ((strcmp(kind, "file") == 0 || strcmp(kind, "page") == 0) && fields == 5) {
		size_t size;
		char *data = read_source(build, source, &size);

		(kind[0] == 'f' ? put_entry : put_page_entry)(path, S_IFREG | mode, uid, gid, data, size);
		free(data);
	} else {
		die("cannot understand: %s", line);
	}
}

int main(int argc, char **argv)
{
	char line[2048];
	FILE *tree;

	if (argc != 4) {
		fprintf(stderr, "usage: mkcpio BUILD_DIR TREE ARCHIVE\n");
		return 2;
	}
	tree_path = argv[2];
	tree = fopen(tree_path, "r");
	archive = fopen(argv[3], "wb");
	if (!tree || !archive)
		die("cannot open: %s", strerror(errno));
	while (fgets(line, sizeof line, tree)) {
		tree_line++;
		put_line(argv[1], line);
	}
	put_entry("TRAILER!!!", 0, 0, 0, NULL, 0);
	align(PAGE);
	if (fclose(archive))
		die("write: %s", strerror(errno));
	return 0;
}
