/* SPDX-License-Identifier: Apache-2.0
 *
 * The floor of `make bench`: the least that any VMM does. Makes a VM with 2 MiB of memory and one vCPU, runs one
 * instruction (OUT, one exit), and ends.
 */
#include <fcntl.h>
#include <linux/kvm.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#define MEMORY (2 << 20)

int main(void)
{
	int kvm = open("/dev/kvm", O_RDWR | O_CLOEXEC);
	int vm = ioctl(kvm, KVM_CREATE_VM, 0);
	unsigned char *memory = mmap(NULL, MEMORY, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct kvm_userspace_memory_region region = {.memory_size = MEMORY, .userspace_addr = (unsigned long)memory};
	if (kvm < 0 || vm < 0 || memory == MAP_FAILED || ioctl(vm, KVM_SET_USER_MEMORY_REGION, &region))
		return 1;
	memcpy(memory + 0x1000, "\xe6\x10\xf4", 3); /* out %al, $0x10; hlt */
	int vcpu = ioctl(vm, KVM_CREATE_VCPU, 0);
	int size = ioctl(kvm, KVM_GET_VCPU_MMAP_SIZE, 0);
	struct kvm_run *run = mmap(NULL, (size_t)size, PROT_READ | PROT_WRITE, MAP_SHARED, vcpu, 0);
	struct kvm_sregs sregs;
	if (run == MAP_FAILED || ioctl(vcpu, KVM_GET_SREGS, &sregs))
		return 1;
	/* 64-bit mode, as a VMM for 64-bit guests has to: three page tables map the first 2 MiB. */
	unsigned long *table = (unsigned long *)(memory + 0x2000);
	table[0] = 0x3007;
	table[512] = 0x4007;
	table[1024] = 0x87;
	sregs.cr3 = 0x2000;
	sregs.cr4 = 0x20;
	sregs.cr0 = 0x80050033;
	sregs.efer = 0xd00;
	sregs.cs = (struct kvm_segment){.limit = ~0u, .selector = 8, .type = 11, .present = 1, .s = 1, .l = 1, .g = 1};
	sregs.ss = (struct kvm_segment){.limit = ~0u, .selector = 16, .type = 3, .present = 1, .s = 1, .db = 1, .g = 1};
	sregs.ds = sregs.es = sregs.fs = sregs.gs = sregs.ss;
	struct kvm_regs regs = {.rip = 0x1000, .rflags = 2};
	if (ioctl(vcpu, KVM_SET_SREGS, &sregs) || ioctl(vcpu, KVM_SET_REGS, &regs) || ioctl(vcpu, KVM_RUN, 0))
		return 1;
	return run->exit_reason == KVM_EXIT_IO && run->io.port == 0x10 ? 0 : 1;
}
