/* SPDX-License-Identifier: Apache-2.0
 *
 * Writes docs/abi.md from the one table of system calls. Runs on the build host.
 */
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

enum state { FULL, PART, REFUSED };

static const struct row {
	unsigned number;
	const char *name, *text, *error;
	enum state state;
} rows[] = {
#define SYSCALL_FULL(number, name, format)		  {number, #name, "", "", FULL},
#define SYSCALL_PART(number, name, format, missing)	  {number, #name, missing, "", PART},
#define SYSCALL_REFUSED(number, name, error, format, why) {number, #name, why, #error, REFUSED},
#include "guestkernel/syscall/table.h"
};
#define ROWS (sizeof(rows) / sizeof(rows[0]))

static unsigned count(enum state state)
{
	unsigned n = 0;

	for (size_t i = 0; i < ROWS; i++)
		n += rows[i].state == state;
	return n;
}

/* Calls that Linux itself no longer has, or that are newer than the release that uname names, say nothing of what is
 * missing. */
static bool gone_from_linux(const struct row *row)
{
	return row->state == REFUSED &&
	       (!strcmp(row->text, "removed from Linux") || !strncmp(row->text, "newer than", 10));
}

int main(void)
{
	static const char *const names[] = {"full", "part", "refused"};
	unsigned gone = 0;

	for (size_t i = 0; i < ROWS; i++)
		gone += gone_from_linux(&rows[i]);
	printf("# System calls of the guest\n\n"
	       "Written by `make abi-doc` from `guestkernel/syscall/table.h`, the table that the guest kernel itself "
	       "dispatches by; do not\n"
	       "edit. `make check` fails when it is not current, when a call said to be there has no handler, and when "
	       "one that is said\n"
	       "to be refused has. A call that is not in the list answers `ENOSYS`.\n\n");
	printf("| state | calls | meaning |\n| --- | ---: | --- |\n");
	printf("| full | %u | as on Linux |\n", count(FULL));
	printf("| part | %u | as on Linux, apart from what the row says |\n", count(PART));
	printf("| refused | %u | always fails with the error in the row, as on a Linux built without it; %u of them "
	       "are gone from Linux "
	       "itself or newer than the release that `uname` names |\n\n",
	       count(REFUSED), gone);
	printf("| number | call | state | what is missing |\n| ---: | --- | --- | --- |\n");
	for (size_t i = 0; i < ROWS; i++) {
		const struct row *r = &rows[i];

		printf("| %u | `%s` | %s | ", r->number, r->name, names[r->state]);
		if (r->state == REFUSED)
			printf("`%s`: %s |\n", r->error, r->text);
		else
			printf("%s |\n", r->text);
	}
	return 0;
}
