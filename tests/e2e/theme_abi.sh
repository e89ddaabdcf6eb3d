# SPDX-License-Identifier: Apache-2.0
# The table of system calls (docs/abi.md) as a program in the guest sees it.
# shellcheck shell=bash
check_output "$(($(grep -c '^SYSCALL_' "$(dirname "${BASH_SOURCE[0]}")/../../guestkernel/syscall/table.h") - 8)) calls" \
	"each call is there or refused as the table says" --user 1000 "$PROG/abi"
check_output "$(cat out)" "the same as root" --user 0 "$PROG/abi"
