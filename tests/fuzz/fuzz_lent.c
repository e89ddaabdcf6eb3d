/* SPDX-License-Identifier: Apache-2.0
 * sources: runner/lent.c
 *
 * Requests for lent files: whatever a guest writes into the page, bytes move between the file and RAM alone.
 *
 * Input: pieces of a u16 place in RAM, a u16 count and that many bytes there; a count of 0 makes a request of the frame
 * with the number of the place.
 */
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "runner/lent.h"

#define RAM	   0x8000u
#define FILE_BYTES 20000

static struct lent lent;

/* Slot 1 has a file, sealed so that no write makes it large. */
static void lend(void)
{
	static int fd = -1;
	if (fd >= 0)
		return;
	fd = memfd_create("fuzz", MFD_ALLOW_SEALING);
	if (ftruncate(fd, FILE_BYTES) || fcntl(fd, F_ADD_SEALS, F_SEAL_GROW))
		abort();
	lent_init(&lent);
	lent_put(&lent, 1, fd);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static uint8_t *ram;
	uint16_t head[2];
	if (!ram)
		ram = aligned_alloc(4096, RAM);
	lend();
	memset(ram, 0, RAM);
	struct guest_memory memory = {.base = ram, .size = RAM};
	while (size >= sizeof(head)) {
		memcpy(head, data, sizeof(head));
		data += sizeof(head);
		size -= sizeof(head);
		if (!head[1]) {
			lent_io(&lent, &memory, head[0]);
			continue;
		}
		size_t at = head[0] % RAM, n = head[1] < size ? head[1] : size;
		n = n < RAM - at ? n : RAM - at;
		memcpy(ram + at, data, n);
		data += n;
		size -= n;
	}
	for (unsigned i = 0; i < FILE_IO_SLOTS; i++)
		if (lent.used[i] || lent.unwanted[i])
			abort();
	return 0;
}
