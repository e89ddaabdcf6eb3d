/* SPDX-License-Identifier: Apache-2.0
 * Keeps one VM with one vCPU (without in-kernel APIC) for as long as the rig's machine lives. KVM counts both in static
 * keys, and the first one and the last one patch the kernel's code, the scheduler's too. QEMU's TCG may go on executing
 * the breakpoint of such a patch after it has gone: both CPUs then spin in __schedule. With this nothing is patched.
 */
#include <fcntl.h>
#include <linux/kvm.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <unistd.h>

int main(void)
{
	int kvm = open("/dev/kvm", O_RDWR | O_CLOEXEC);
	int vm = kvm < 0 ? -1 : ioctl(kvm, KVM_CREATE_VM, 0);
	if (vm < 0 || ioctl(vm, KVM_CREATE_VCPU, 0) < 0) {
		perror("hold: /dev/kvm");
		return 1;
	}
	puts("held");
	fflush(stdout);
	fclose(stdout);
	for (;;)
		pause();
}
