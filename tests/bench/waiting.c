/* SPDX-License-Identifier: Apache-2.0
 *
 * A hello that stays until its standard input ends, so that the memory of a live sandbox can be read.
 */
#include <stdio.h>

int main(void)
{
	puts("hello");
	fflush(stdout);
	while (getchar() != EOF)
		;
	return 0;
}
