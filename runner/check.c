/* SPDX-License-Identifier: Apache-2.0
 *
 * `sandbox check`: examines the host and says how to fix what is missing. It opens KVM by itself, apart from vm.c,
 * because it must tell the many ways in which that fails, and go on after each.
 */
#include "runner/check.h"
#include "policy/policy.h"
#include "runner/error.h"

#include <cpuid.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/kvm.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <unistd.h>

static void __attribute__((format(printf, 5, 6))) add(struct check_findings *findings, enum check_grade grade,
						      const char *topic, const char *fix, const char *format, ...)
{
	if (findings->count == CHECK_FINDINGS_MAX)
		return;
	struct check_finding *row = &findings->rows[findings->count++];
	*row = (struct check_finding){.grade = grade, .topic = topic, .fix = fix};
	va_list args;
	va_start(args, format);
	vsnprintf(row->text, sizeof(row->text), format, args);
	va_end(args);
}

/* Not worth a line without -v, unless it is bad. */
static void last_is_detail(struct check_findings *findings)
{
	findings->rows[findings->count - 1].detail = true;
}

enum virtualization { NO_VIRTUALIZATION, INTEL_VMX, AMD_SVM };

static enum virtualization cpu_virtualization(void)
{
	unsigned a, b, c, d;
	if (__get_cpuid(1, &a, &b, &c, &d) && (c & (1u << 5)))
		return INTEL_VMX;
	if (__get_cpuid(0x80000001, &a, &b, &c, &d) && (c & (1u << 2)))
		return AMD_SVM;
	return NO_VIRTUALIZATION;
}

static bool cpu_is_virtual(void)
{
	unsigned a, b, c, d;
	return __get_cpuid(1, &a, &b, &c, &d) && (c & (1u << 31));
}

/* First line of a small file of /proc or /sys; "" when it cannot be read. */
static void read_line(const char *path, char *line, size_t room)
{
	line[0] = 0;
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return;
	ssize_t n = read(fd, line, room - 1);
	line[n > 0 ? n : 0] = 0;
	line[strcspn(line, "\n")] = 0;
	close(fd);
}

static void check_machine(struct check_findings *findings)
{
	struct utsname name;
	if (uname(&name)) {
		add(findings, CHECK_FAIL, "machine", NULL, "uname: %s", strerror(errno));
		return;
	}
	bool right = !strcmp(name.machine, "x86_64");
	add(findings, right ? CHECK_OK : CHECK_FAIL, "machine",
	    right ? NULL : "sandbox runs on x86-64 machines with Linux alone", "%s, %s %s", name.machine, name.sysname,
	    name.release);
	/* Out of range on purpose: asks for the call, closes nothing. */
	if (syscall(SYS_close_range, ~0u, ~0u, 0) && errno == ENOSYS)
		add(findings, CHECK_FAIL, "machine", "use Linux 5.9 or later", "the kernel lacks close_range");
}

/* Why the device cannot be opened, and what helps. */
static const char *advice_for_absent_kvm(void)
{
	switch (cpu_virtualization()) {
	case INTEL_VMX:
		return "load the module: sudo modprobe kvm_intel (in a container: pass the device on, --device "
		       "/dev/kvm)";
	case AMD_SVM:
		return "load the module: sudo modprobe kvm_amd (in a container: pass the device on, --device /dev/kvm)";
	case NO_VIRTUALIZATION:
		break;
	}
	return cpu_is_virtual()
		   ? "this is a virtual machine without nested virtualization: enable that in its host (for KVM: the "
		     "module parameter nested=1 and the CPU model host-passthrough), or use another machine"
		   : "enable Intel VT-x or AMD-V (SVM) in the firmware set-up, then load kvm_intel or kvm_amd";
}

static const char *advice_for_permission(const char *path)
{
	struct stat status;
	if (stat(path, &status) == 0 && (status.st_mode & 0060) == 0060 && status.st_gid != 0)
		return "join the device's group and log in again: sudo usermod -aG kvm \"$USER\"";
	return "give the device to a group: as root write KERNEL==\"kvm\", GROUP=\"kvm\", MODE=\"0660\" to "
	       "/etc/udev/rules.d/65-kvm.rules, run udevadm control --reload and udevadm trigger, join that group: "
	       "usermod -aG kvm USER, and log in again";
}

static int open_kvm(const char *path, struct check_findings *findings)
{
	int kvm = open(path, O_RDWR | O_CLOEXEC);
	if (kvm >= 0)
		return kvm;
	const char *fix = NULL;
	if (errno == ENOENT || errno == ENODEV || errno == ENXIO)
		fix = advice_for_absent_kvm();
	else if (errno == EACCES || errno == EPERM)
		fix = advice_for_permission(path);
	add(findings, CHECK_FAIL, "kvm", fix, "cannot open %s: %s", path, strerror(errno));
	return -1;
}

static const struct {
	int number;
	enum check_grade without;
	const char *name, *use;
} extensions[] = {
    {KVM_CAP_USER_MEMORY, CHECK_FAIL, "KVM_CAP_USER_MEMORY", "guest memory"},
    {KVM_CAP_DESTROY_MEMORY_REGION_WORKS, CHECK_FAIL, "KVM_CAP_DESTROY_MEMORY_REGION_WORKS", "guest memory"},
    {KVM_CAP_EXT_CPUID, CHECK_FAIL, "KVM_CAP_EXT_CPUID", "the guest's CPUID"},
    {KVM_CAP_IMMEDIATE_EXIT, CHECK_FAIL, "KVM_CAP_IMMEDIATE_EXIT", "to interrupt a vCPU without a race"},
    {KVM_CAP_XCRS, CHECK_FAIL, "KVM_CAP_XCRS", "AVX in the guest"},
    {KVM_CAP_GET_TSC_KHZ, CHECK_FAIL, "KVM_CAP_GET_TSC_KHZ", "the guest's clock"},
    {KVM_CAP_SYNC_REGS, CHECK_WARN, "KVM_CAP_SYNC_REGS", "fewer system calls an exit"},
    {KVM_CAP_READONLY_MEM, CHECK_WARN, "KVM_CAP_READONLY_MEM", "files mapped into the guest"},
};

static void check_extensions(int kvm, struct check_findings *findings)
{
	size_t missing = 0;
	for (size_t i = 0; i < sizeof(extensions) / sizeof(extensions[0]); i++) {
		if (ioctl(kvm, KVM_CHECK_EXTENSION, extensions[i].number) > 0)
			continue;
		add(findings, extensions[i].without, "kvm-extensions", "use a newer kernel (Linux 5.9 or later)",
		    "KVM lacks %s, used for %s", extensions[i].name, extensions[i].use);
		missing++;
	}
	if (!missing) {
		add(findings, CHECK_OK, "kvm-extensions", NULL, "all present; up to %d vCPUs, %d recommended",
		    ioctl(kvm, KVM_CHECK_EXTENSION, KVM_CAP_MAX_VCPUS),
		    ioctl(kvm, KVM_CHECK_EXTENSION, KVM_CAP_NR_VCPUS));
		last_is_detail(findings);
	}
}

static void check_virtual_machine(int kvm, struct check_findings *findings)
{
	int vm = ioctl(kvm, KVM_CREATE_VM, 0);
	int vcpu = vm < 0 ? -1 : ioctl(vm, KVM_CREATE_VCPU, 0);
	if (vcpu < 0)
		add(findings, CHECK_FAIL, "virtual-machine",
		    "see the kernel's log (dmesg): another hypervisor may hold the CPU's virtualization, or memory ran "
		    "out",
		    "cannot create a %s: %s", vm < 0 ? "VM" : "vCPU", strerror(errno));
	else {
		int khz = ioctl(vcpu, KVM_GET_TSC_KHZ, 0);
		add(findings, khz > 0 ? CHECK_OK : CHECK_FAIL, "virtual-machine", NULL, "created; TSC at %d kHz", khz);
		last_is_detail(findings);
	}
	if (vcpu >= 0)
		close(vcpu);
	if (vm >= 0)
		close(vm);
}

static void check_layout(struct check_findings *findings)
{
	enum virtualization kind = cpu_virtualization();
	if (kind == NO_VIRTUALIZATION)
		add(findings, CHECK_OK, "layout", NULL,
		    "flat: the CPU shows neither VMX nor SVM, so this KVM emulates ring 0; the guest kernel runs in "
		    "ring 3");
	else
		add(findings, CHECK_OK, "layout", NULL, "split: hardware KVM (%s), guest kernel in ring 0",
		    kind == INTEL_VMX ? "VMX" : "SVM");
}

static void check_kvm(const char *path, struct check_findings *findings)
{
	int kvm = open_kvm(path, findings);
	if (kvm < 0)
		return;
	int version = ioctl(kvm, KVM_GET_API_VERSION, 0);
	if (version != KVM_API_VERSION)
		add(findings, CHECK_FAIL, "kvm", "this is not the KVM device, or not one that user space can use",
		    "%s answers API version %d instead of %d", path, version, KVM_API_VERSION);
	else {
		add(findings, CHECK_OK, "kvm", NULL, "%s opens, API version %d", path, version);
		check_extensions(kvm, findings);
		check_virtual_machine(kvm, findings);
		check_layout(findings);
	}
	close(kvm);
}

static void check_confinement(struct check_findings *findings)
{
	if (policy_seccomp_available())
		add(findings, CHECK_OK, "seccomp", NULL, "filters on every thread of the VMM");
	else
		add(findings, CHECK_FAIL, "seccomp",
		    "use a kernel with CONFIG_SECCOMP_FILTER; in a container, its own policy must allow seccomp(2)",
		    "filters cannot be installed: %s", strerror(errno));
	if (prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) < 0)
		add(findings, CHECK_FAIL, "no-new-privs", "use a newer kernel", "not known to this kernel");
	else
		add(findings, CHECK_OK, "no-new-privs", NULL, "available");
	last_is_detail(findings);
	errno = 0;
	int abi = policy_landlock_abi();
	if (abi > 0)
		add(findings, CHECK_OK, "landlock", NULL, "ABI %d: no file or TCP port can be opened", abi);
	else
		add(findings, CHECK_WARN, "landlock",
		    errno == EOPNOTSUPP ? "boot with landlock in the list of the kernel parameter lsm="
					: "use a kernel with CONFIG_SECURITY_LANDLOCK (Linux 5.13 or later)",
		    "not available: the other layers confine alone");
	add(findings, CHECK_OK, "capabilities", NULL, "%s",
	    geteuid() == 0 ? "started as root: all are dropped, the bounding set emptied" : "all are dropped");
	last_is_detail(findings);
}

static void check_memory(struct check_findings *findings)
{
	char line[128];
	read_line("/proc/sys/vm/overcommit_memory", line, sizeof(line));
	if (!strcmp(line, "2"))
		add(findings, CHECK_WARN, "overcommit",
		    "sudo sysctl vm.overcommit_memory=0, or run with a smaller --memory",
		    "strict (vm.overcommit_memory=2): the whole guest memory counts at once");
	else
		add(findings, CHECK_OK, "overcommit", NULL, "guest memory is backed when touched");
	last_is_detail(findings);
	read_line("/sys/kernel/mm/transparent_hugepage/enabled", line, sizeof(line));
	if (strstr(line, "[never]") || !line[0])
		add(findings, CHECK_WARN, "huge-pages",
		    "echo madvise | sudo tee /sys/kernel/mm/transparent_hugepage/enabled",
		    "transparent huge pages are off: large guests start and run slower");
	else
		add(findings, CHECK_OK, "huge-pages", NULL, "transparent huge pages: %s", line);
	last_is_detail(findings);
	struct rlimit limit;
	if (getrlimit(RLIMIT_AS, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY)
		add(findings, CHECK_WARN, "address-space", "ulimit -v unlimited",
		    "limited to %llu MiB; guest memory counts in full", (unsigned long long)limit.rlim_cur >> 20);
}

void check_collect(const char *kvm_path, struct check_findings *findings)
{
	findings->count = 0;
	check_machine(findings);
	check_kvm(kvm_path, findings);
	check_confinement(findings);
	check_memory(findings);
}

enum check_grade check_worst(const struct check_findings *findings)
{
	enum check_grade worst = CHECK_OK;
	for (size_t i = 0; i < findings->count; i++)
		if (findings->rows[i].grade > worst)
			worst = findings->rows[i].grade;
	return worst;
}
