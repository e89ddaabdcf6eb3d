/* SPDX-License-Identifier: Apache-2.0
 * Ends in the way its arguments say: `exit N`, `signal N`, or a fault: segv, fpe, ill, trap, abort, stack, exec-nx,
 * write-ro, pipe.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static volatile int zero;

static int overflow_stack(volatile char *previous)
{
	volatile char frame[4096];
	frame[0] = previous ? previous[0] : 0;
	if (zero)
		return 0;
	return overflow_stack(frame) + frame[0];
}

static void fault(const char *how)
{
	if (!strcmp(how, "segv"))
		*(volatile int *)(long)zero = 1;
	if (!strcmp(how, "fpe"))
		zero = 100 / zero;
	if (!strcmp(how, "ill"))
		__asm__ volatile("ud2");
	if (!strcmp(how, "trap"))
		__asm__ volatile("int3");
	if (!strcmp(how, "abort"))
		abort();
	if (!strcmp(how, "stack"))
		overflow_stack(NULL);
	if (!strcmp(how, "write-ro"))
		*(volatile char *)(long)(const char *)"constant" = 'C';
	if (!strcmp(how, "exec-nx")) {
		char *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		page[0] = (char)0xc3;
		((void (*)(void))page)();
	}
	if (!strcmp(how, "pipe")) {
		int fds[2];
		if (pipe(fds) || close(fds[0]) || write(fds[1], "x", 1) < 0)
			perror("pipe");
	}
}

int main(int argc, char **argv)
{
	if (argc == 3 && !strcmp(argv[1], "exit"))
		_exit(atoi(argv[2]));
	if (argc == 3 && !strcmp(argv[1], "signal"))
		raise(atoi(argv[2]));
	if (argc == 2)
		fault(argv[1]);
	fprintf(stderr, "end: still here\n");
	return 99;
}
