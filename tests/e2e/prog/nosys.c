/* SPDX-License-Identifier: Apache-2.0
 *
 * Makes a system call that the guest kernel does not have, uselib(2), once.
 */
#include <sys/syscall.h>
#include <unistd.h>

int main(void)
{
	syscall(SYS_uselib, 0);
	return 0;
}
