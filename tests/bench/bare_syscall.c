/* SPDX-License-Identifier: Apache-2.0
 *
 * The reference for a null system call: in a bare VM, ring 3 executes SYSCALL, and the code at LSTAR goes straight
 * back. Where KVM emulates ring 0, SYSCALL stays in ring 3 and the way back is a jump, as in our flat layout; else it
 * is SYSRET. Prints `bare_syscall VALUE ns`.
 */
#include <fcntl.h>
#include <linux/kvm.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#define MEMORY	     (2 << 20)
#define COUNT	     100000
#define CODE	     0x1000
#define LSTAR_CODE   0x1800
#define PORT_START   0x10
#define PORT_END     0x11
#define MSR_STAR     0xc0000081
#define MSR_LSTAR    0xc0000082
#define MSR_FMASK    0xc0000084
#define RFLAGS_IOPL3 0x3002 /* OUT is allowed in ring 3 */

/* Copied into the guest; position-independent. */
__asm__(".pushsection .rodata\n"
	"guest_user: out %al, $0x10\n"
	"	mov $100000, %esi\n" /* COUNT */
	"1:	syscall\n"
	"	dec %esi\n"
	"	jnz 1b\n"
	"	out %al, $0x11\n"
	"	ud2\n"
	"guest_user_end:\n"
	"guest_lstar: mov %cs, %eax\n"
	"	test $3, %al\n"
	"	jz 1f\n"
	"	jmp *%rcx\n"
	"1:	sysretq\n"
	"guest_lstar_end:\n"
	".popsection");
extern const unsigned char guest_user[], guest_user_end[], guest_lstar[], guest_lstar_end[];

static int fail(const char *what)
{
	perror(what);
	return 1;
}

static int set_state(int kvm, int vcpu, unsigned char *memory)
{
	static struct {
		struct kvm_cpuid2 head;
		struct kvm_cpuid_entry2 entries[256];
	} cpuid = {.head.nent = 256};
	struct {
		struct kvm_msrs head;
		struct kvm_msr_entry entries[3];
	} msrs = {.head.nmsrs = 3,
		  .entries = {{.index = MSR_STAR, .data = 0x0023001000000000},
			      {.index = MSR_LSTAR, .data = LSTAR_CODE},
			      {.index = MSR_FMASK}}};
	struct kvm_sregs sregs;
	struct kvm_regs regs = {.rip = CODE, .rflags = RFLAGS_IOPL3};
	unsigned long *table = (unsigned long *)(memory + 0x2000);
	/* Three page tables map the first 2 MiB, for ring 3 too. */
	table[0] = 0x3007;
	table[512] = 0x4007;
	table[1024] = 0x87;
	if (ioctl(kvm, KVM_GET_SUPPORTED_CPUID, &cpuid) || ioctl(vcpu, KVM_SET_CPUID2, &cpuid) ||
	    ioctl(vcpu, KVM_GET_SREGS, &sregs))
		return -1;
	sregs.cr3 = 0x2000;
	sregs.cr4 = 0x20;
	sregs.cr0 = 0x80050033;
	sregs.efer = 0xd01;
	sregs.cs = (struct kvm_segment){
	    .limit = ~0u, .selector = 0x33, .type = 11, .present = 1, .s = 1, .l = 1, .g = 1, .dpl = 3};
	sregs.ss = (struct kvm_segment){
	    .limit = ~0u, .selector = 0x2b, .type = 3, .present = 1, .s = 1, .db = 1, .g = 1, .dpl = 3};
	sregs.ds = sregs.es = sregs.fs = sregs.gs = sregs.ss;
	if (ioctl(vcpu, KVM_SET_SREGS, &sregs) || ioctl(vcpu, KVM_SET_MSRS, &msrs) != 3 ||
	    ioctl(vcpu, KVM_SET_REGS, &regs))
		return -1;
	return 0;
}

static int run_until(int vcpu, const struct kvm_run *run, int port)
{
	if (ioctl(vcpu, KVM_RUN, 0))
		return -1;
	return run->exit_reason == KVM_EXIT_IO && run->io.port == port ? 0 : -1;
}

int main(void)
{
	struct timespec from, to;
	int kvm = open("/dev/kvm", O_RDWR | O_CLOEXEC);
	int vm = ioctl(kvm, KVM_CREATE_VM, 0);
	unsigned char *memory = mmap(NULL, MEMORY, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct kvm_userspace_memory_region region = {.memory_size = MEMORY, .userspace_addr = (unsigned long)memory};
	if (kvm < 0 || vm < 0 || memory == MAP_FAILED || ioctl(vm, KVM_SET_USER_MEMORY_REGION, &region))
		return fail("KVM");
	memcpy(memory + CODE, guest_user, (size_t)(guest_user_end - guest_user));
	memcpy(memory + LSTAR_CODE, guest_lstar, (size_t)(guest_lstar_end - guest_lstar));
	int vcpu = ioctl(vm, KVM_CREATE_VCPU, 0);
	int size = ioctl(kvm, KVM_GET_VCPU_MMAP_SIZE, 0);
	const struct kvm_run *run = mmap(NULL, (size_t)size, PROT_READ | PROT_WRITE, MAP_SHARED, vcpu, 0);
	if (run == MAP_FAILED || set_state(kvm, vcpu, memory))
		return fail("vCPU");
	if (run_until(vcpu, run, PORT_START))
		return fail("first exit");
	clock_gettime(CLOCK_MONOTONIC, &from);
	if (run_until(vcpu, run, PORT_END))
		return fail("last exit");
	clock_gettime(CLOCK_MONOTONIC, &to);
	printf("bare_syscall %.1f ns\n",
	       ((double)(to.tv_sec - from.tv_sec) * 1e9 + (double)(to.tv_nsec - from.tv_nsec)) / COUNT);
	return 0;
}
