/* SPDX-License-Identifier: Apache-2.0 */
#include "runner/vm.h"

#include <cpuid.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/kvm.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#define CPUID_MAX 256

/* Low guest memory keeps 4 KiB pages: kernel and frame table (1/128 of memory and window) are touched sparsely. What is
 * behind them is used densely from its start on; the guest's allocator takes 2 MiB blocks from the other end. */
#define SMALL_PAGES_BYTES (2ull << 20)
#define FRAME_TABLE_SHARE 128
/* What a small program uses beyond that: the rest is added when it is wanted. */
#define FIRST_MORE_BYTES (48ull << 20)

enum { SLOT_FIRST = 0, SLOT_WINDOW = 1, SLOT_REST = 2 };

bool vm_host_is_ordinary(void)
{
	unsigned a, b, c, d;
	/* Both leaves exist on each CPU with long mode. */
	__cpuid(1, a, b, c, d);
	if (c & 1u << 5) /* VMX */
		return true;
	__cpuid(0x80000001, a, b, c, d);
	return c & 1u << 2; /* SVM */
}

static int open_kvm(struct vm *vm, struct error *error)
{
	vm->kvm = open("/dev/kvm", O_RDWR | O_CLOEXEC);
	if (vm->kvm >= 0)
		return 0;
	if (errno == ENOENT)
		return error_set(error, STATUS_RUNNER,
				 "/dev/kvm does not exist: load kvm_intel or kvm_amd, and enable virtualization in the "
				 "firmware (or nested virtualization in the hypervisor); `sandbox check` tells more");
	if (errno == EACCES || errno == EPERM)
		return error_set(
		    error, STATUS_RUNNER,
		    "no permission to open /dev/kvm: join the group that owns it (usually `kvm`: usermod -aG "
		    "kvm USER, then log in again); `sandbox check` tells more");
	return error_errno(error, STATUS_RUNNER, "/dev/kvm");
}

static int map_slot(struct vm *vm, uint32_t slot, uint64_t start, uint64_t bytes, struct error *error)
{
	struct kvm_userspace_memory_region region = {
	    .slot = slot,
	    .guest_phys_addr = start,
	    .memory_size = bytes,
	    .userspace_addr = (uint64_t)(uintptr_t)vm->memory.base + start,
	};
	if (ioctl(vm->fd, KVM_SET_USER_MEMORY_REGION, &region))
		return error_errno(error, STATUS_RUNNER, "KVM_SET_USER_MEMORY_REGION of %llu MiB",
				   (unsigned long long)(bytes >> 20));
	return 0;
}

int vm_map_memory(struct vm *vm, uint64_t window_bytes, struct error *error)
{
	uint64_t bytes = vm->memory.size;
	/* Aligned to 2 MiB, so that guest-physical and host addresses agree on large pages. */
	uint64_t align = 2ull << 20;
	uint8_t *base = mmap(NULL, bytes + align, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (base != MAP_FAILED) {
		base = (uint8_t *)(((uintptr_t)base + align - 1) & ~(align - 1));
		base = mmap(base, bytes, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED, -1, 0);
	}
	if (base == MAP_FAILED)
		return error_errno(error, STATUS_RUNNER,
				   "cannot reserve %llu MiB for the guest; try a smaller --memory",
				   (unsigned long long)(bytes >> 20));
	uint64_t small = (SMALL_PAGES_BYTES + (bytes + window_bytes) / FRAME_TABLE_SHARE) & ~(align - 1);
	if (bytes > small)
		madvise(base + small, bytes - small, MADV_HUGEPAGE);
	vm->memory = (struct guest_memory){.base = base, .size = bytes};
	uint64_t first = small + FIRST_MORE_BYTES;
	vm->first_bytes = bytes > first ? first : bytes;
	return map_slot(vm, SLOT_FIRST, 0, vm->first_bytes, error);
}

int vm_map_rest(struct vm *vm, struct error *error)
{
	uint64_t rest = vm->memory.size - vm->first_bytes;
	return rest ? map_slot(vm, SLOT_REST, vm->first_bytes, rest, error) : 0;
}

int vm_reserve_window(struct vm *vm, uint64_t bytes)
{
	if (ioctl(vm->fd, KVM_CHECK_EXTENSION, KVM_CAP_READONLY_MEM) <= 0)
		return -1;
	vm->window_bytes = bytes;
	return 0;
}

int vm_map_window(const struct vm *vm, uint8_t *base)
{
	struct kvm_userspace_memory_region region = {
	    .slot = SLOT_WINDOW,
	    .flags = KVM_MEM_READONLY,
	    .guest_phys_addr = vm->memory.size,
	    .memory_size = vm->window_bytes,
	    .userspace_addr = (uint64_t)(uintptr_t)base,
	};
	return ioctl(vm->fd, KVM_SET_USER_MEMORY_REGION, &region);
}

struct cpuid_table {
	struct kvm_cpuid2 head;
	struct kvm_cpuid_entry2 entry[CPUID_MAX];
};

/* What the guest kernel does not switch or does not know must not be offered to programs. */
#define XCR0_OFFERED (1ull << 0 | 1ull << 1 | 1ull << 2 | 7ull << 5)

static void filter_cpuid(struct vm *vm, struct cpuid_table *table, unsigned cpu)
{
	for (unsigned i = 0; i < table->head.nent; i++) {
		struct kvm_cpuid_entry2 *e = &table->entry[i];
		switch (e->function) {
		case 1:
			e->ebx = (e->ebx & 0x0000ffff) | vm->cpus << 16 | cpu << 24;
			e->ecx &= ~(1u << 3 | 1u << 5 | 1u << 24); /* MONITOR, VMX, TSC deadline */
			break;
		case 7:
			if (e->index == 0) {
				e->ebx &= ~(1u << 2 | 1u << 4 | 1u << 11 | 1u << 14);	/* SGX, HLE, RTM, MPX */
				e->ecx &= ~(1u << 3 | 1u << 4 | 1u << 7 | 1u << 16);	/* PKU, OSPKE, SHSTK, LA57 */
				e->edx &= ~(1u << 20 | 1u << 22 | 1u << 24 | 1u << 25); /* IBT, AMX */
			}
			break;
		case 0xb:
		case 0x1f:
			e->edx = cpu;
			break;
		case 0xd:
			if (e->index == 0) {
				e->eax &= (uint32_t)XCR0_OFFERED;
				e->edx = 0;
				vm->xcr0 = e->eax;
			} else if (e->index == 1) {
				e->ecx = e->edx = 0; /* no supervisor states */
			}
			break;
		case 0x80000001:
			e->ecx &= ~(1u << 2); /* SVM */
			break;
		default:
			break;
		}
	}
}

/* Bytes of a standard-format XSAVE area with all states of xcr0 (SDM vol. 1, 13.4.2). */
static uint32_t xsave_size(const struct cpuid_table *table, uint64_t xcr0)
{
	uint32_t size = 576;
	for (unsigned i = 0; i < table->head.nent; i++) {
		const struct kvm_cpuid_entry2 *e = &table->entry[i];
		if (e->function == 0xd && e->index >= 2 && e->index < 63 && (xcr0 & (1ull << e->index)) &&
		    e->ebx + e->eax > size)
			size = e->ebx + e->eax;
	}
	return size;
}

/* CPUID 1: EDX */
static uint32_t features(const struct cpuid_table *table)
{
	for (unsigned i = 0; i < table->head.nent; i++)
		if (table->entry[i].function == 1)
			return table->entry[i].edx;
	return 0;
}

static int create_vcpu(struct vm *vm, unsigned cpu, struct error *error)
{
	int fd = ioctl(vm->fd, KVM_CREATE_VCPU, (unsigned long)cpu);
	if (fd < 0)
		return error_errno(error, STATUS_RUNNER, "KVM_CREATE_VCPU %u", cpu);
	vm->vcpu_fd[cpu] = fd;
	vm->run[cpu] = mmap(NULL, vm->run_bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (vm->run[cpu] == MAP_FAILED)
		return error_errno(error, STATUS_RUNNER, "cannot map the vCPU's kvm_run");
	return 0;
}

static int set_features(struct vm *vm, unsigned cpu, struct cpuid_table *table, struct error *error)
{
	int fd = vm->vcpu_fd[cpu];
	filter_cpuid(vm, table, cpu);
	if (ioctl(fd, KVM_SET_CPUID2, table))
		return error_errno(error, STATUS_RUNNER, "KVM_SET_CPUID2");
	struct kvm_xcrs xcrs = {.nr_xcrs = 1, .xcrs[0] = {.xcr = 0, .value = vm->xcr0}};
	if (vm->xcr0 && ioctl(fd, KVM_SET_XCRS, &xcrs))
		return error_errno(error, STATUS_RUNNER, "KVM_SET_XCRS");
	return 0;
}

int vm_open(struct vm *vm, uint64_t memory_bytes, unsigned cpus, struct error *error)
{
	*vm = (struct vm){.kvm = -1, .fd = -1, .cpus = cpus};
	for (unsigned i = 0; i < BOOT_MAX_CPUS; i++)
		vm->vcpu_fd[i] = -1;
	if (open_kvm(vm, error))
		return -1;
	int version = ioctl(vm->kvm, KVM_GET_API_VERSION, 0);
	if (version != KVM_API_VERSION)
		return error_set(error, STATUS_RUNNER, "/dev/kvm speaks KVM API version %d, not %d", version,
				 KVM_API_VERSION);
	vm->memory.size = memory_bytes;
	return 0;
}

int vm_create(struct vm *vm, struct error *error)
{
	vm->fd = ioctl(vm->kvm, KVM_CREATE_VM, 0);
	if (vm->fd < 0)
		return error_errno(error, STATUS_RUNNER, "KVM_CREATE_VM");
	int run_bytes = ioctl(vm->kvm, KVM_GET_VCPU_MMAP_SIZE, 0);
	if (run_bytes < (int)sizeof(struct kvm_run))
		return error_errno(error, STATUS_RUNNER, "KVM_GET_VCPU_MMAP_SIZE");
	vm->run_bytes = (uint64_t)run_bytes;
	for (unsigned cpu = 0; cpu < vm->cpus; cpu++)
		if (create_vcpu(vm, cpu, error))
			return -1;
	return 0;
}

int vm_set_features(struct vm *vm, void (*created)(void *context), void *context, struct error *error)
{
	struct cpuid_table table = {.head.nent = CPUID_MAX};
	if (ioctl(vm->kvm, KVM_GET_SUPPORTED_CPUID, &table))
		return error_errno(error, STATUS_RUNNER, "KVM_GET_SUPPORTED_CPUID");
	created(context);
	for (unsigned cpu = 0; cpu < vm->cpus; cpu++)
		if (set_features(vm, cpu, &table, error))
			return -1;
	vm->xsave_bytes = xsave_size(&table, vm->xcr0);
	vm->features = features(&table);
	int khz = ioctl(vm->vcpu_fd[0], KVM_GET_TSC_KHZ, 0);
	if (khz <= 0)
		return error_errno(error, STATUS_RUNNER, "KVM does not tell the frequency of the TSC");
	vm->tsc_khz = (uint32_t)khz;
	return 0;
}

static struct kvm_segment segment(uint16_t selector, uint8_t type, uint8_t dpl, bool code)
{
	return (struct kvm_segment){
	    .limit = 0xffffffff,
	    .selector = selector,
	    .type = type,
	    .present = 1,
	    .dpl = dpl,
	    .db = !code,
	    .s = 1,
	    .l = code,
	    .g = 1,
	};
}

int vcpu_set_start(struct vm *vm, unsigned cpu, const struct vcpu_start *start, struct error *error)
{
	int fd = vm->vcpu_fd[cpu];
	struct kvm_sregs sregs;
	if (ioctl(fd, KVM_GET_SREGS, &sregs))
		return error_errno(error, STATUS_RUNNER, "KVM_GET_SREGS");
	uint8_t dpl = start->user ? 3 : 0;
	sregs.cs = segment(start->user ? BOOT_USER_CS : BOOT_KERNEL_CS, 11, dpl, true);
	sregs.ss = segment(start->user ? BOOT_USER_DS : BOOT_KERNEL_DS, 3, dpl, false);
	sregs.ds = sregs.es = sregs.fs = sregs.gs = segment(BOOT_USER_DS, 3, 3, false);
	sregs.tr =
	    (struct kvm_segment){.base = start->tss, .limit = 0x67, .selector = BOOT_TSS_SEL, .type = 11, .present = 1};
	sregs.gdt = (struct kvm_dtable){.base = start->gdt, .limit = BOOT_CPU_TSS - 1};
	sregs.idt = (struct kvm_dtable){.base = start->idt, .limit = BOOT_IDT_VECTORS * 16 - 1};
	sregs.cr0 = 0x80050033; /* PG AM WP NE ET MP PE */
	sregs.cr3 = start->cr3;
	sregs.cr4 = start->cr4;
	sregs.efer = 0xd01; /* NXE LMA LME SCE */
	if (ioctl(fd, KVM_SET_SREGS, &sregs))
		return error_errno(error, STATUS_RUNNER, "KVM_SET_SREGS");
	struct kvm_regs regs = {.rip = start->rip, .rsp = start->rsp, .rdi = start->rdi, .rflags = start->rflags};
	if (ioctl(fd, KVM_SET_REGS, &regs))
		return error_errno(error, STATUS_RUNNER, "KVM_SET_REGS");
	struct {
		struct kvm_msrs head;
		struct kvm_msr_entry entry[3];
	} msrs = {
	    .head.nmsrs = 3,
	    .entry = {{.index = 0xc0000081, .data = start->star},
		      {.index = 0xc0000082, .data = start->lstar},
		      {.index = 0xc0000084, .data = start->fmask}},
	};
	if (ioctl(fd, KVM_SET_MSRS, &msrs) != 3)
		return error_errno(error, STATUS_RUNNER, "KVM_SET_MSRS");
	return 0;
}

int vcpu_get_tsc(struct vm *vm, unsigned cpu, uint64_t *tsc, struct error *error)
{
	struct {
		struct kvm_msrs head;
		struct kvm_msr_entry entry[1];
	} msrs = {.head.nmsrs = 1, .entry = {{.index = 0x10}}};
	if (ioctl(vm->vcpu_fd[cpu], KVM_GET_MSRS, &msrs) != 1)
		return error_errno(error, STATUS_RUNNER, "KVM_GET_MSRS (TSC)");
	*tsc = msrs.entry[0].data;
	return 0;
}
