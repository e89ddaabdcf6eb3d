/* SPDX-License-Identifier: Apache-2.0
 *
 * What the process as a whole may still have: resource limits and open descriptors.
 */
#include "policy/internal.h"
#include "policy/policy.h"

#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

static int set_limit(int resource, rlim_t value, const char *name, struct error *error)
{
	struct rlimit limit = {value, value};
	if (setrlimit(resource, &limit))
		return error_errno(error, STATUS_RUNNER, "cannot set %s", name);
	return 0;
}

/* Not limited: FSIZE (the caller's output file), AS and DATA (guest memory is one of the mappings; no role can map),
 * STACK. */
int policy_apply_limits(unsigned descriptors, struct error *error)
{
	static const struct {
		int resource;
		const char *name;
	} zero[] = {
	    {RLIMIT_CORE, "RLIMIT_CORE"},     {RLIMIT_MEMLOCK, "RLIMIT_MEMLOCK"}, {RLIMIT_MSGQUEUE, "RLIMIT_MSGQUEUE"},
	    {RLIMIT_RTPRIO, "RLIMIT_RTPRIO"}, {RLIMIT_NICE, "RLIMIT_NICE"},
	};
	for (size_t i = 0; i < sizeof(zero) / sizeof(zero[0]); i++)
		if (set_limit(zero[i].resource, 0, zero[i].name, error))
			return -1;
	/* Not RLIMIT_NPROC: the first KVM_RUN makes a worker thread in the kernel, and for all but root that fails
	 * (EAGAIN) when no more may be made. The filters allow no thread role to clone. */
	return set_limit(RLIMIT_NOFILE, descriptors, "RLIMIT_NOFILE", error);
}

static int compare_descriptors(const void *left, const void *right)
{
	int a = *(const int *)left, b = *(const int *)right;
	return (a > b) - (a < b);
}

int policy_close_descriptors(const int *keep, size_t count, size_t *open, struct error *error)
{
	int sorted[POLICY_KEEP_MAX];
	if (count > POLICY_KEEP_MAX)
		return error_set(error, STATUS_RUNNER, "%zu descriptors to keep, at most %d", count, POLICY_KEEP_MAX);
	if (count)
		memcpy(sorted, keep, count * sizeof(*keep));
	qsort(sorted, count, sizeof(*sorted), compare_descriptors);
	unsigned next = 0; /* all below are closed or kept */
	*open = 0;
	for (size_t i = 0; i < count; i++) {
		if (sorted[i] < 0 || (unsigned)sorted[i] < next)
			continue; /* a stream that the caller had closed, or named twice */
		if ((unsigned)sorted[i] > next && syscall(SYS_close_range, next, (unsigned)sorted[i] - 1, 0))
			return error_errno(error, STATUS_RUNNER, "cannot close unneeded descriptors");
		next = (unsigned)sorted[i] + 1;
		*open += 1;
	}
	if (syscall(SYS_close_range, next, ~0u, 0))
		return error_errno(error, STATUS_RUNNER, "cannot close unneeded descriptors");
	return (int)next;
}
