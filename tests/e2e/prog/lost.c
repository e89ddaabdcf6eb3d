/* SPDX-License-Identifier: Apache-2.0
 *
 * lost write | keep | descriptor: a large program whose file the host truncates while it runs. It says "ready" on
 * stderr, waits for a line on stdin, then hands pages of its own that are gone to the runner: as output that the host
 * takes, as output that nobody takes for now, and (where the program reaches kernel memory, as in the flat layout) by a
 * descriptor of the transmit queue that it makes up itself.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../../../abi/boot.h"

#define BLOB   (4u << 20)
#define PAGE   4096u
#define NOTIFY 0x50 /* QueueNotify: virtio 1.2, 4.2.2 */

#define GONE (3u << 20)

/* Nearly all of the file, behind the code: from GONE on it is gone when the file has lost its half. Never written to,
 * or the pages would be the guest's own. */
static unsigned char blob[BLOB]
    __attribute__((aligned(4096))) = {1, [GONE] = 0x0d, 0xf0, 0x11, 0x7e, 0xea, 0x1d, 0xa5, 0x5a, [BLOB - 1] = 1};
static unsigned char *const gone = blob + GONE;

struct descriptor {
	uint64_t addr;
	uint32_t len;
	uint16_t flags, next;
};

static void *physical(uint64_t address)
{
	return (void *)(BOOT_DIRECT_MAP + address);
}

/* A page of RAM that the runner has mapped the file into: it begins as the blob's page does. */
static uint64_t find_page(const struct boot_block *boot)
{
	for (uint64_t at = boot->free_start; at < boot->first_bytes; at += PAGE)
		if (!memcmp(physical(at), gone, PAGE))
			return at;
	return 0;
}

/* Makes one descriptor of the transmit queue available, with the page as a packet. */
static void send_page(const struct boot_block *boot, uint64_t page)
{
	const struct boot_queue *queue = &boot->vsock.queue[VSOCK_TX];
	struct descriptor *table = physical(queue->desc);
	volatile uint16_t *available = physical(queue->driver);
	for (uint32_t i = 0; i < queue->size; i++)
		table[i] = (struct descriptor){.addr = page, .len = PAGE};
	available[2 + available[1] % queue->size] = 0;
	available[1]++;
	*(volatile uint32_t *)physical(boot->vsock.mmio + NOTIFY) = VSOCK_TX;
}

static void say(int fd, const char *text)
{
	if (write(fd, text, strlen(text)) < 0)
		_exit(3);
}

int main(int argc, char *argv[])
{
	const char *how = argc > 1 ? argv[1] : "";
	const struct boot_block *boot = physical(BOOT_BLOCK_GPA);
	static char filling[128 << 10]; /* more than a pipe holds */
	uint64_t page = 0;
	char byte;
	if (!strcmp(how, "descriptor") && !(page = find_page(boot)))
		return 2;
	if (!strcmp(how, "keep") && write(1, filling, sizeof(filling)) < 0)
		return 4;
	say(2, "ready\n");
	if (read(0, &byte, 1) != 1)
		return 5;
	if (page)
		send_page(boot, page);
	else if (write(1, gone, 8 * PAGE) < 0)
		return 6;
	say(2, "nothing happened\n");
	return 0;
}
