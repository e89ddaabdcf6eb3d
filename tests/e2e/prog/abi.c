/* SPDX-License-Identifier: Apache-2.0
 *
 * Makes every system call of the guest's table with arguments that no call accepts. One that the table says is there
 * must not answer ENOSYS; one that it says is refused must answer the error of its row. Prints what differs, then how
 * many calls it made.
 */
#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

static const struct row {
	int number;
	const char *name;
	int error; /* 0: the call is there */
} rows[] = {
#define SYSCALL_FULL(number, name, format)		  {number, #name, 0},
#define SYSCALL_PART(number, name, format, missing)	  {number, #name, 0},
#define SYSCALL_REFUSED(number, name, error, format, why) {number, #name, error},
#include "../../../guestkernel/syscall/table.h"
};

/* They end, stop or fork the caller whatever the arguments are; futex knows its operations by ENOSYS. */
static bool leave_out(int number)
{
	static const int numbers[] = {SYS_exit, SYS_exit_group, SYS_rt_sigreturn, SYS_pause,
				      SYS_fork, SYS_vfork,	SYS_futex,	  SYS_close_range};

	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
		if (numbers[i] == number)
			return true;
	return false;
}

int main(void)
{
	int made = 0, wrong = 0;

	signal(SIGALRM, SIG_IGN);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct row *r = &rows[i];

		if (leave_out(r->number))
			continue;
		errno = 0;
		long result = syscall(r->number, -1L, -1L, -1L, -1L, -1L, -1L);
		made++;
		if (r->error ? result != -1 || errno != r->error : result == -1 && errno == ENOSYS) {
			printf("%s: %ld, %s\n", r->name, result, strerror(errno));
			wrong++;
		}
		if (r->number == SYS_alarm)
			syscall(SYS_alarm, 0);
	}
	errno = 0;
	if (syscall(400) != -1 || errno != ENOSYS || syscall(100000) != -1 || syscall(-2) != -1) {
		printf("a number beyond the table: %s\n", strerror(errno));
		wrong++;
	}
	printf("%d calls\n", made);
	return wrong != 0;
}
