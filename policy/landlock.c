/* SPDX-License-Identifier: Apache-2.0
 *
 * Landlock (kernel documentation, userspace-api/landlock): a ruleset that handles every access right of the running ABI
 * and grants none, or for the files server those on shared trees. Best effort: older kernels know fewer rights or no
 * Landlock. The numbers are spelled out because the headers of the build machine may be older than the running kernel.
 */
#include "policy/internal.h"
#include "policy/policy.h"

#include <sys/syscall.h>
#include <unistd.h>

#define RULESET_VERSION 1u /* LANDLOCK_CREATE_RULESET_VERSION */
#define RULESET_ERRATA	2u /* LANDLOCK_CREATE_RULESET_ERRATA, with ABI 7 and stable kernels */

#define ERRATUM_SIGNAL_SCOPE 2u /* fixed: threads of one process may always signal each other */

/* Rights on files, by bit. */
#define FS_WRITE_FILE 0x2u
#define FS_READ_FILE  0x4u
#define FS_READ_DIR   0x8u
#define FS_TRUNCATE   0x4000u
/* remove_dir, remove_file, make_dir, make_reg, make_sym, refer: all that changes names but making devices, FIFOs,
 * sockets. */
#define FS_CHANGE_NAMES (0x10u | 0x20u | 0x80u | 0x100u | 0x1000u | 0x2000u)

#define RULE_PATH_BENEATH 1

/* struct landlock_path_beneath_attr */
struct path_beneath {
	uint64_t allowed;
	int32_t parent;
} __attribute__((packed));

#define NET_ALL		      3u /* bind and connect TCP */
#define SCOPE_ABSTRACT_SOCKET 1u
#define SCOPE_SIGNAL	      2u

static long create_ruleset(const void *attributes, size_t size, unsigned flags)
{
	return syscall(SYS_landlock_create_ruleset, attributes, size, flags);
}

int policy_landlock_abi(void)
{
	long abi = create_ruleset(NULL, 0, RULESET_VERSION);
	return abi > 0 ? (int)abi : 0;
}

struct policy_landlock_rights policy_landlock_rights(int abi, unsigned errata, size_t *size)
{
	/* ABI 1: bits 0-12 (execute ... make symbolic link); 2: refer; 3: truncate; 5: ioctl on devices. */
	static const uint64_t fs_of_abi[] = {0, 0x1fff, 0x3fff, 0x7fff, 0x7fff, 0xffff};
	struct policy_landlock_rights rights = {.fs = fs_of_abi[abi < 5 ? abi : 5]};
	if (abi >= 4)
		rights.net = NET_ALL;
	if (abi >= 6)
		rights.scoped = SCOPE_ABSTRACT_SOCKET;
	/* Each thread has its own domain: without the fix the I/O thread could not kick a vCPU. The filter allows
	 * signals to this process only, whatever Landlock says. */
	if (abi >= 6 && (errata & ERRATUM_SIGNAL_SCOPE))
		rights.scoped |= SCOPE_SIGNAL;
	*size = abi >= 6 ? 24 : abi >= 4 ? 16 : 8;
	return rights;
}

static int add_tree(int ruleset, const struct policy_tree *tree, uint64_t handled)
{
	uint64_t rights = FS_READ_FILE | (tree->directory ? FS_READ_DIR : 0);
	if (tree->names)
		rights = FS_READ_DIR;
	else if (tree->writable)
		rights |= FS_WRITE_FILE | FS_TRUNCATE | (tree->directory ? FS_CHANGE_NAMES : 0);
	struct path_beneath rule = {rights & handled, tree->fd};
	return (int)syscall(SYS_landlock_add_rule, ruleset, RULE_PATH_BENEATH, &rule, 0);
}

int policy_apply_landlock(int *abi, struct error *error)
{
	return policy_apply_landlock_trees(abi, NULL, 0, error);
}

int policy_apply_landlock_trees(int *abi, const struct policy_tree *trees, size_t count, struct error *error)
{
	*abi = policy_landlock_abi();
	if (*abi == 0)
		return 0;
	long errata = create_ruleset(NULL, 0, RULESET_ERRATA);
	size_t size;
	struct policy_landlock_rights rights = policy_landlock_rights(*abi, errata > 0 ? (unsigned)errata : 0, &size);
	int ruleset = (int)create_ruleset(&rights, size, 0);
	if (ruleset < 0)
		return error_errno(error, STATUS_RUNNER, "cannot create a Landlock ruleset (ABI %d)", *abi);
	for (size_t i = 0; i < count; i++)
		if (add_tree(ruleset, &trees[i], rights.fs)) {
			close(ruleset);
			return error_errno(error, STATUS_RUNNER,
					   "cannot add a shared tree to the Landlock ruleset (ABI %d)", *abi);
		}
	long result = syscall(SYS_landlock_restrict_self, ruleset, 0);
	if (result)
		error_errno(error, STATUS_RUNNER, "cannot enforce Landlock (ABI %d)", *abi);
	close(ruleset);
	return result ? -1 : 0;
}
