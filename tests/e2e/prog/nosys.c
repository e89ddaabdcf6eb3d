/* SPDX-License-Identifier: Apache-2.0
 *
 * Makes a system call that the guest kernel does not have, get_mempolicy(2), once.
 */
#include <sys/syscall.h>
#include <unistd.h>

int main(void)
{
	syscall(SYS_get_mempolicy, 0, 0, 0, 0, 0);
	return 0;
}
