/* SPDX-License-Identifier: Apache-2.0
 * Standard streams: `open` says which of 0, 1, 2 are open (on the first that is, of 1 and 2); `order N` writes N
 * numbered lines in turn to 1 and 2; `eof` reads to the end and says how many bytes; `late` closes 1 and goes on
 * writing to 2; `lines` copies by single-byte reads and writes.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int say_open(void)
{
	char text[] = "...\n";
	for (int fd = 0; fd < 3; fd++)
		text[fd] = fcntl(fd, F_GETFD) < 0 ? '-' : (char)('0' + fd);
	return write(text[1] == '1' ? 1 : 2, text, 4) == 4 ? 0 : 1;
}

static int order(int lines)
{
	for (int i = 0; i < lines; i++)
		dprintf(1 + i % 2, "%d\n", i);
	return 0;
}

static int count_input(void)
{
	static char buffer[65536];
	long total = 0;
	for (ssize_t n; (n = read(0, buffer, sizeof(buffer))) != 0; total += n)
		if (n < 0)
			return 1;
	printf("%ld\n", total);
	return 0;
}

static int copy_bytes(void)
{
	char byte;
	ssize_t n;
	while ((n = read(0, &byte, 1)) == 1)
		if (write(1, &byte, 1) != 1)
			return 1;
	return n == 0 ? 0 : 1;
}

int main(int argc, char **argv)
{
	const char *what = argc > 1 ? argv[1] : "";
	if (!strcmp(what, "open"))
		return say_open();
	if (!strcmp(what, "order"))
		return order(atoi(argv[2]));
	if (!strcmp(what, "eof"))
		return count_input();
	if (!strcmp(what, "lines"))
		return copy_bytes();
	if (!strcmp(what, "late")) {
		dprintf(1, "out\n");
		close(1);
		sleep(1);
		dprintf(2, "err\n");
		return 0;
	}
	return 99;
}
