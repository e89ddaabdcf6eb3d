/* SPDX-License-Identifier: Apache-2.0
 *
 * The order in which the runner gives things up. policy.h is the contract.
 */
#include "policy/policy.h"
#include "policy/internal.h"
#include "policy_filters.h"

#include <linux/seccomp.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#define FILTER_MAX 256 /* instructions; the longest table needs about 70 */

_Static_assert(sizeof(policy_filters) / sizeof(policy_filters[0]) == POLICY_ROLES, "one table a role");

static _Thread_local bool self_confined;
static atomic_bool process_confined;
static bool had_no_new_privs; /* already from whoever started the runner */

/* What the kernel keeps for each thread and hands down at clone. */
static int confine_self(const struct policy_tree *trees, size_t tree_count, struct policy_report *report,
			struct error *error)
{
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
		return error_errno(error, STATUS_RUNNER, "cannot set no_new_privs");
	if (policy_apply_landlock_trees(&report->landlock_abi, trees, tree_count, error) ||
	    policy_drop_capabilities(&report->bounding_emptied, error))
		return -1;
	self_confined = true;
	return 0;
}

int policy_confine_older_thread(struct error *error)
{
	struct policy_report report;
	return confine_self(NULL, 0, &report, error);
}

int policy_confine_process(const int *keep, size_t keep_count, struct policy_report *report, struct error *error)
{
	had_no_new_privs = prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1;
	if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0))
		return error_errno(error, STATUS_RUNNER, "cannot make the process not dumpable");
	if (confine_self(NULL, 0, report, error))
		return -1;
	int descriptors = policy_close_descriptors(keep, keep_count, &report->descriptors, error);
	if (descriptors < 0 || policy_apply_limits((unsigned)descriptors, error) || policy_report_refusals(error) ||
	    policy_report_lost_memory(error))
		return -1;
	atomic_store(&process_confined, true);
	return 0;
}

int policy_confine_files(const int *keep, size_t keep_count, const struct policy_tree *trees, size_t tree_count,
			 unsigned descriptors, struct error *error)
{
	struct policy_report report;
	if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0))
		return error_errno(error, STATUS_RUNNER, "cannot make the files server not dumpable");
	if (confine_self(trees, tree_count, &report, error))
		return -1;
	int highest = policy_close_descriptors(keep, keep_count, &report.descriptors, error);
	if (highest < 0 || policy_apply_limits(descriptors, error) || policy_report_refusals(error))
		return -1;
	atomic_store(&process_confined, true);
	return policy_confine_thread(POLICY_FILES, error);
}

/* A thread from before policy_confine_process() still has its capabilities, and files that Landlock should deny. */
static bool inherited_confinement(void)
{
	return atomic_load(&process_confined) &&
	       (self_confined || had_no_new_privs || prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1);
}

static int unblock_reports(struct error *error)
{
	sigset_t set;
	sigemptyset(&set);
	sigaddset(&set, SIGSYS);
	sigaddset(&set, SIGBUS);
	if (sigprocmask(SIG_UNBLOCK, &set, NULL))
		return error_errno(error, STATUS_RUNNER, "cannot unblock SIGSYS and SIGBUS");
	return 0;
}

static int install_filter(enum policy_role role, struct error *error)
{
	struct sock_filter code[FILTER_MAX];
	unsigned short length = policy_filters[role].length;
	if (length > FILTER_MAX)
		return error_set(error, STATUS_RUNNER, "seccomp filter of %u instructions", length);
	memcpy(code, policy_filters[role].code, length * sizeof(*code));
	if (policy_filters[role].pid_slot < length)
		code[policy_filters[role].pid_slot].k = (uint32_t)getpid();
	struct sock_fprog program = {length, code};
	if (syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program))
		return error_errno(error, STATUS_RUNNER, "cannot install the seccomp filter");
	return 0;
}

int policy_confine_thread(enum policy_role role, struct error *error)
{
	if (!inherited_confinement())
		return error_set(error, STATUS_RUNNER, "a thread is older than the confinement of its process");
	if (unblock_reports(error))
		return -1;
	bool vcpu = role == POLICY_VCPU || role == POLICY_VCPU_TTY;
	policy_name_thread(vcpu ? "the vCPU thread" : role == POLICY_FILES ? "the files server" : "the I/O thread");
	return install_filter(role, error);
}

bool policy_seccomp_available(void)
{
	uint32_t action = SECCOMP_RET_TRAP;
	return syscall(SYS_seccomp, SECCOMP_GET_ACTION_AVAIL, 0, &action) == 0;
}
