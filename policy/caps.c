/* SPDX-License-Identifier: Apache-2.0
 *
 * Capabilities: all sets of this thread emptied, and nothing left that could fill them again.
 */
#include "policy/internal.h"

#include <errno.h>
#include <linux/securebits.h>
#include <sys/capability.h>
#include <sys/prctl.h>

#define LOCKED_SECUREBITS                                                                                              \
	(SECBIT_NOROOT | SECBIT_NOROOT_LOCKED | SECBIT_NO_SETUID_FIXUP | SECBIT_NO_SETUID_FIXUP_LOCKED |               \
	 SECBIT_KEEP_CAPS_LOCKED | SECBIT_NO_CAP_AMBIENT_RAISE | SECBIT_NO_CAP_AMBIENT_RAISE_LOCKED)

static void free_capabilities(cap_t *set)
{
	if (*set)
		cap_free(*set);
}

static bool may_change_bounding_set(void)
{
	__attribute__((cleanup(free_capabilities))) cap_t now = cap_get_proc();
	cap_flag_value_t held = CAP_CLEAR;
	return now && !cap_get_flag(now, CAP_SETPCAP, CAP_EFFECTIVE, &held) && held == CAP_SET;
}

/* Until the kernel says that there is no such capability: newer ones than libcap knows must go too. */
static int empty_bounding_set(struct error *error)
{
	cap_value_t value = 0;
	while (cap_drop_bound(value) == 0)
		value++;
	if (errno != EINVAL || value == 0)
		return error_errno(error, STATUS_RUNNER, "cannot drop capability %d from the bounding set", value);
	if (cap_set_secbits(LOCKED_SECUREBITS))
		return error_errno(error, STATUS_RUNNER, "cannot lock the securebits");
	return 0;
}

int policy_drop_capabilities(bool *bounding, struct error *error)
{
	*bounding = may_change_bounding_set();
	if (*bounding && empty_bounding_set(error))
		return -1;
	/* Not cap_reset_ambient(): it asks for each capability first. */
	if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0))
		return error_errno(error, STATUS_RUNNER, "cannot clear the ambient capabilities");
	__attribute__((cleanup(free_capabilities))) cap_t none = cap_init();
	if (!none || cap_set_proc(none))
		return error_errno(error, STATUS_RUNNER, "cannot drop the capabilities");
	return 0;
}
