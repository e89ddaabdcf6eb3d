/* SPDX-License-Identifier: Apache-2.0
 *
 * Reader of the initramfs: a cpio archive in the "newc" format (cpio(5); Linux, initramfs buffer format).
 * Pure functions over bytes in memory; knows nothing of the file system that is filled from it.
 */
#ifndef FS_CPIO_H
#define FS_CPIO_H

#include <stddef.h>
#include <stdint.h>

/* The archive is malformed (-EINVAL). */
#define CPIO_MALFORMED (-22)

/* Bytes of a path or of a symbolic link's target, without a NUL. */
#define CPIO_PATH_MAX 4095

struct cpio_entry {
	const char *name; /* inside the archive, NUL-terminated: relative, without empty, `.` or `..` components; "." is
			     the root directory */
	size_t name_length;
	uint32_t mode; /* S_IFMT type and permission bits; directory, regular, symbolic link, device or FIFO */
	uint32_t uid, gid;
	uint32_t mtime; /* seconds since the epoch */
	uint32_t rdev_major, rdev_minor;
	size_t data;	    /* offset of the contents in the archive */
	size_t size;	    /* bytes of contents; only regular files and symbolic links have any */
	const char *target; /* symbolic link: its target, `size` bytes, no NUL; else NULL */
};

/*
 * Calls visit(context, entry) for each entry of the archive at base[0..length), in order, until the trailer.
 * Returns 0, CPIO_MALFORMED, or the first nonzero value that visit returned. Entries before a malformed one have
 * been visited. After the trailer only zero bytes may follow. Hard links and checksums are not supported
 * (malformed). The entry and what it points at are valid during the call; the archive must stay unchanged.
 */
int cpio_parse(const void *base, size_t length, int (*visit)(void *context, const struct cpio_entry *entry),
	       void *context);

#endif
