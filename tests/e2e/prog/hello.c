/* SPDX-License-Identifier: Apache-2.0
 * Says hello and lists its arguments. Built in each way that a program can be linked.
 */
#include <stdio.h>

int main(int argc, char **argv)
{
	puts("hello");
	for (int i = 1; i < argc; i++)
		printf("[%s]\n", argv[i]);
	return 0;
}
