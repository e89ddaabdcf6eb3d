/* SPDX-License-Identifier: Apache-2.0
 *
 * Kinds of root file systems by their first bytes. What makes another kind of image usable begins with its magic here.
 */
#include "runner/rootfs.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define HEAD_BYTES 2048u /* as far as any magic reaches */

/* First bytes of an archive's compression, in the order of enum rootfs_compression. */
static const struct {
	size_t length;
	const char *bytes;
} compressed[] = {[ROOTFS_GZIP] = {2, "\x1f\x8b"},
		  [ROOTFS_XZ] = {6, "\xfd"
				    "7zXZ\0"},
		  [ROOTFS_ZSTD] = {4, "\x28\xb5\x2f\xfd"}};

/* File systems in a file: the guest's kernel reads them. */
static const struct {
	size_t offset, length;
	const char *bytes;
} images[] = {{1024, 4, "\xe2\xe1\xf5\xe0"}, {0, 4, "hsqs"}}; /* EROFS, squashfs */

static const struct {
	size_t offset, length;
	const char *bytes, *refusal;
} unsupported[] = {
    {1080, 2, "\x53\xef",
     "is an ext file system, which is not supported; give a directory, a tar archive, or an EROFS or "
     "squashfs image"},
    {0, 4, "QFI\xfb",
     "is a disk image, which is not supported; give a directory, a tar archive, or an EROFS or squashfs "
     "image"},
    {0, 3, "BZh", "is compressed by bzip2, which is not supported; use gzip, xz or zstd"},
};

enum rootfs_compression rootfs_compression(const uint8_t *head, size_t length)
{
	for (int i = ROOTFS_GZIP; i <= ROOTFS_ZSTD; i++)
		if (length >= compressed[i].length && !memcmp(head, compressed[i].bytes, compressed[i].length))
			return (enum rootfs_compression)i;
	return ROOTFS_PLAIN;
}

/* The header's checksum, tar(5): all versions of the format have it. An empty archive is two blocks of zeros. */
static bool is_tar(const uint8_t *head, size_t length)
{
	uint64_t sum = 0, wanted = 0;
	if (length < 512)
		return false;
	for (size_t i = 0; i < 512; i++)
		sum += i >= 148 && i < 156 ? ' ' : head[i];
	for (size_t i = 148; i < 156; i++)
		if (head[i] >= '0' && head[i] <= '7')
			wanted = wanted * 8 + (uint64_t)(head[i] - '0');
	return sum == wanted || sum == 8 * ' ';
}

static const char *detect_file(int fd, enum rootfs_kind *kind)
{
	uint8_t head[HEAD_BYTES];
	ssize_t n = pread(fd, head, sizeof(head), 0);
	if (n < 0)
		return "cannot be read";
	*kind = ROOTFS_TAR;
	if (rootfs_compression(head, (size_t)n))
		return NULL;
	*kind = ROOTFS_IMAGE;
	for (size_t i = 0; i < sizeof(images) / sizeof(images[0]); i++)
		if ((size_t)n >= images[i].offset + images[i].length &&
		    !memcmp(head + images[i].offset, images[i].bytes, images[i].length))
			return NULL;
	*kind = ROOTFS_TAR;
	for (size_t i = 0; i < sizeof(unsupported) / sizeof(unsupported[0]); i++)
		if ((size_t)n >= unsupported[i].offset + unsupported[i].length &&
		    !memcmp(head + unsupported[i].offset, unsupported[i].bytes, unsupported[i].length))
			return unsupported[i].refusal;
	/* Last: an empty archive is zeros, as the beginning of an image may be. */
	if (is_tar(head, (size_t)n))
		return NULL;
	return "is neither a directory, nor a tar archive (plain, or compressed by gzip, xz or zstd), nor an EROFS or "
	       "squashfs "
	       "image";
}

const char *rootfs_detect(const char *path, enum rootfs_kind *kind)
{
	struct stat st;
	const char *wrong = NULL;
	if (!*path)
		return "names no path";
	int fd = open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	if (fd < 0)
		return errno == ENOENT ? "cannot be found on this host" : "cannot be opened for reading";
	if (fstat(fd, &st))
		wrong = "cannot be looked at";
	else if (S_ISDIR(st.st_mode))
		*kind = ROOTFS_DIRECTORY;
	else if (S_ISREG(st.st_mode))
		wrong = detect_file(fd, kind);
	else
		wrong = "is neither a directory nor a file";
	close(fd);
	return wrong;
}
