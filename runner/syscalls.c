/* SPDX-License-Identifier: Apache-2.0 */
#include "runner/syscalls.h"

#include <string.h>

struct call {
	const char *name;
	const char *missing; /* of a call that is not or not wholly there */
};

static const struct call calls[BOOT_CALLS] = {
#define SYSCALL_FULL(number, name, format)		  [number] = {#name, NULL},
#define SYSCALL_PART(number, name, format, missing)	  [number] = {#name, missing},
#define SYSCALL_REFUSED(number, name, error, format, why) [number] = {#name, why},
#include "guestkernel/syscall/table.h"
};

const char *syscalls_name(unsigned number)
{
	return number < BOOT_CALLS ? calls[number].name : NULL;
}

const char *syscalls_missing(unsigned number)
{
	return number < BOOT_CALLS ? calls[number].missing : NULL;
}

static int find(const char *name, size_t length)
{
	for (unsigned i = 0; i < BOOT_CALLS; i++)
		if (calls[i].name && strlen(calls[i].name) == length && !memcmp(calls[i].name, name, length))
			return (int)i;
	return -1;
}

const char *syscalls_add(struct syscall_set *set, const char *names)
{
	do {
		size_t length = strcspn(names, ",");
		int number = find(names, length);
		if (number < 0)
			return names;
		set->bits[number / 64] |= 1ull << number % 64;
		names += length;
	} while (*names++ == ',');
	return NULL;
}
