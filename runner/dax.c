/* SPDX-License-Identifier: Apache-2.0
 *
 * The runner never reads the window itself, so a file that shrinks cannot kill it: KVM_RUN fails with EFAULT instead,
 * and dax_lost() looks for what has gone.
 */
#include "runner/dax.h"

#include <errno.h>
#include <string.h>
#include <linux/mman.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#define PAGE	   4096ull
#define HUGE	   (2ull << 20)
#define TAKE_MAX   256 /* messages of one call: the rest comes with the next */
#define MAPPED_HOW (MAP_SHARED | MAP_FIXED)
#define SPARES	   (sizeof(((struct dax *)NULL)->spare) / sizeof(int))

static uint8_t *unit_at(const struct dax *dax, uint64_t unit)
{
	return dax->base + unit * WINDOW_UNIT;
}

/* Reserves the addresses: zero pages until a file stands there. */
static uint8_t *reserve(uint64_t bytes)
{
	uint8_t *base = mmap(NULL, bytes + HUGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (base == MAP_FAILED)
		return NULL;
	base = (uint8_t *)(((uintptr_t)base + HUGE - 1) & ~(HUGE - 1));
	base = mmap(base, bytes, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED, -1, 0);
	return base == MAP_FAILED ? NULL : base;
}

static int make_window(struct dax *dax, uint64_t bytes, struct error *error)
{
	uint8_t *base = reserve(bytes);
	if (!base)
		return error_errno(error, STATUS_RUNNER, "cannot reserve the window of shared files");
	if (madvise(base, PAGE, MADV_POPULATE_READ))
		return 0; /* losses could not be found */
	dax->zero = memfd_create("sandbox-window", MFD_CLOEXEC);
	if (dax->zero < 0 || ftruncate(dax->zero, WINDOW_UNIT))
		return error_errno(error, STATUS_RUNNER, "cannot make the window of shared files");
	dax->base = base;
	dax->bytes = bytes;
	return 0;
}

int dax_init(struct dax *dax, const struct guest_memory *memory, uint64_t bytes, int socket, struct lent *lent,
	     struct error *error)
{
	*dax = (struct dax){.socket = socket, .memory = memory, .zero = -1, .lent = lent};
	pthread_mutex_init(&dax->lock, NULL);
	for (size_t i = 0; i < SPARES; i++)
		dax->spare[i] = -1;
	if (bytes && make_window(dax, bytes, error))
		return -1;
	for (size_t i = 0; i < SPARES; i++) {
		dax->spare[i] = dup(socket);
		if (dax->spare[i] < 0)
			return error_errno(error, STATUS_RUNNER, "no descriptors are left for shared files");
	}
	return 0;
}

void dax_confined(struct dax *dax)
{
	for (size_t i = 0; i < SPARES; i++) {
		if (dax->spare[i] >= 0)
			close(dax->spare[i]);
		dax->spare[i] = -1;
	}
}

/* ---- mapping ---- */

/* Notes how many pages of a unit show a file, for the guest too. */
static void set_pages(struct dax *dax, uint64_t unit, uint8_t pages)
{
	struct shared_window *shared = memory_range(dax->memory, gpa(BOOT_WINDOW_GPA), sizeof(*shared));
	dax->pages[unit] = pages;
	if (shared)
		__atomic_store_n(&shared->pages[unit], pages, __ATOMIC_RELEASE);
}

/* Zeroes instead of a unit's pages from `first` on. */
static void clear_unit(struct dax *dax, uint64_t unit, uint8_t first)
{
	/* Should it fail (too many mappings), what stood there stays: a file that was handed over before, so the guest
	 * could read it then. That no page is shown is what counts: the guest's kernel reads the file instead. */
	if (first < WINDOW_UNIT_PAGES)
		(void)mmap(unit_at(dax, unit) + first * PAGE, WINDOW_UNIT - first * PAGE, PROT_READ, MAPPED_HOW,
			   dax->zero, 0);
	set_pages(dax, unit, first);
}

static void map_file(struct dax *dax, const struct dax_message *map, int fd)
{
	uint64_t units = dax->bytes / WINDOW_UNIT;
	if (map->place >= units || !map->bytes || map->bytes > (units - map->place) * WINDOW_UNIT ||
	    map->offset % PAGE || map->offset > INT64_MAX - dax->bytes)
		return;
	uint64_t pages = (map->bytes + PAGE - 1) / PAGE, last = map->place + (pages - 1) / WINDOW_UNIT_PAGES;
	void *at = unit_at(dax, map->place);
	bool mapped = mmap(at, pages * PAGE, PROT_READ, MAPPED_HOW, fd, (off_t)map->offset) == at;
	for (uint64_t unit = map->place; unit <= last; unit++) {
		uint64_t left = pages - (unit - map->place) * WINDOW_UNIT_PAGES;
		if (mapped)
			set_pages(dax, unit, (uint8_t)(left < WINDOW_UNIT_PAGES ? left : WINDOW_UNIT_PAGES));
		else
			clear_unit(dax, unit, 0); /* a failed mmap may have unmapped it */
	}
}

/* The descriptor that came with a message, or -1. */
static int received_fd(struct msghdr *message)
{
	int fd = -1;
	struct cmsghdr *control = CMSG_FIRSTHDR(message);
	if (control && control->cmsg_level == SOL_SOCKET && control->cmsg_type == SCM_RIGHTS &&
	    control->cmsg_len == CMSG_LEN(sizeof(fd)))
		memcpy(&fd, CMSG_DATA(control), sizeof(fd));
	return fd;
}

/* One message; false: there is none now. */
static bool take_one(struct dax *dax)
{
	struct dax_message what;
	union {
		struct cmsghdr head;
		char bytes[CMSG_SPACE(sizeof(int))]; /* room for one */
	} control;
	struct iovec iov = {&what, sizeof(what)};
	/* One descriptor and no more: CMSG_SPACE would have room for a second. */
	struct msghdr message = {
	    .msg_iov = &iov, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = CMSG_LEN(sizeof(int))};
	ssize_t n;
	do
		n = recvmsg(dax->socket, &message, MSG_DONTWAIT);
	while (n < 0 && errno == EINTR);
	if (n <= 0)
		return false;
	int fd = received_fd(&message);
	bool whole = n == sizeof(what) && !(message.msg_flags & (MSG_CTRUNC | MSG_TRUNC));
	if (whole && what.kind == DAX_LEND && fd >= 0) {
		lent_put(dax->lent, what.place, fd);
		return true;
	}
	if (whole && what.kind == DAX_RETURN)
		lent_put(dax->lent, what.place, -1);
	else if (whole && what.kind == DAX_MAP && fd >= 0 && dax->base)
		map_file(dax, &what, fd);
	if (fd >= 0)
		close(fd);
	return true;
}

void dax_take(struct dax *dax)
{
	if (dax->socket < 0)
		return;
	pthread_mutex_lock(&dax->lock);
	for (int i = 0; i < TAKE_MAX && take_one(dax); i++)
		;
	pthread_mutex_unlock(&dax->lock);
}

/* ---- losses ---- */

static bool can_be_had(const struct dax *dax, uint64_t unit, uint64_t page, uint64_t count)
{
	return !madvise(unit_at(dax, unit) + page * PAGE, count * PAGE, MADV_POPULATE_READ);
}

/* A file loses its end: so the last page tells, and the first that is missing stands before it. */
static bool look_at_end(struct dax *dax, uint64_t unit)
{
	uint8_t pages = dax->pages[unit];
	while (pages && !can_be_had(dax, unit, pages - 1u, 1))
		pages--;
	if (pages == dax->pages[unit])
		return false;
	clear_unit(dax, unit, pages);
	return true;
}

/* A page in the middle that the disk does not give takes the rest of its unit along. */
static bool look_at_all(struct dax *dax, uint64_t unit)
{
	uint8_t pages = 0;
	if (!dax->pages[unit] || can_be_had(dax, unit, 0, dax->pages[unit]))
		return false;
	while (pages < dax->pages[unit] && can_be_had(dax, unit, pages, 1))
		pages++;
	if (pages == dax->pages[unit])
		return false;
	clear_unit(dax, unit, pages);
	return true;
}

bool dax_lost(struct dax *dax, uint32_t seen)
{
	bool any = false;
	if (!dax->base)
		return false;
	pthread_mutex_lock(&dax->lock);
	uint64_t units = dax->bytes / WINDOW_UNIT;
	for (uint64_t unit = 0; unit < units; unit++)
		any |= look_at_end(dax, unit);
	for (uint64_t unit = 0; unit < units && !any && seen == dax->losses; unit++)
		any |= look_at_all(dax, unit);
	if (any)
		dax->losses++;
	any = seen != dax->losses;
	struct shared_page *page = memory_range(dax->memory, gpa(BOOT_SHARED_GPA), sizeof(*page));
	if (page)
		__atomic_store_n(&page->window_losses, dax->losses, __ATOMIC_RELEASE);
	pthread_mutex_unlock(&dax->lock);
	return any;
}

uint32_t dax_losses(struct dax *dax)
{
	return __atomic_load_n(&dax->losses, __ATOMIC_ACQUIRE);
}
