/* SPDX-License-Identifier: Apache-2.0
 *
 * The kernel's reader of the initramfs. What it visits must lie in the archive and be well formed.
 * sources: guestkernel/fs/cpio.c
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "guestkernel/fs/cpio.h"

#define CHECK(condition) ((condition) ? (void)0 : abort())

struct archive {
	const char *bytes;
	size_t length;
};

static int visit(void *context, const struct cpio_entry *entry)
{
	const struct archive *archive = context;
	static volatile char sink;

	CHECK(entry->name >= archive->bytes && entry->name < archive->bytes + archive->length);
	CHECK(strlen(entry->name) == entry->name_length && entry->name_length && entry->name_length <= CPIO_PATH_MAX);
	CHECK(entry->name[0] != '/' && !strstr(entry->name, "/../") && strcmp(entry->name, "..") != 0);
	CHECK(entry->data <= archive->length && entry->size <= archive->length - entry->data);
	for (size_t i = 0; i < entry->size; i++)
		sink = archive->bytes[entry->data + i];
	if (entry->target)
		CHECK(entry->target == archive->bytes + entry->data && !memchr(entry->target, 0, entry->size));
	(void)sink;
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *copy = malloc(size + 1);
	struct archive archive = {copy, size};

	memcpy(copy, data, size);
	cpio_parse(copy, size, visit, &archive);
	free(copy);
	return 0;
}
