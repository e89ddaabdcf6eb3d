#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Writes guestkernel/arch/order.lds: the guest kernel's functions that short programs use, in the order of their first
# calls. The linker puts them together, so that a start touches fewer pages of code, each of which is a fault of the host
# where it shadows page tables. Names that no longer exist do no harm. Needs /dev/kvm.
set -euo pipefail
cd "$(dirname "$0")/.."
out=guestkernel/arch/order.lds
build=build/order
cflags=$(make -s --no-print-directory kernel-cflags)
mkdir -p "$build"
# shellcheck disable=SC2086
gcc $cflags -c -o "$build/order.o" scripts/order.c
make -s -j2 B="$build" KERNEL_TRACE=-finstrument-functions \
	KERNEL_LDFLAGS="-Wl,--wrap=arch_poweroff $build/order.o" "$build/sandbox" "$build/e2e/hello-static"

# Each line: an address, seen first in an earlier run or here.
runs() {
	"$build/sandbox" run -v "$build/e2e/hello-static"
	"$build/sandbox" run -v /bin/true
	"$build/sandbox" run -v --ro / /bin/true
}
runs 2>&1 | sed -n 's/.*first call: \(ffffffff[0-9a-f]*\).*/\1/p' >"$build/calls"
nm "$build/guestkernel/kernel.elf" >"$build/names"
{
	printf "/* SPDX-License-Identifier: Apache-2.0\n * Written by scripts/order.sh: what short programs use comes first. */\n"
	awk 'NR == FNR { name[$1] = $3; next } name[$1] && !done[name[$1]]++ { { n = name[$1]; printf "*(.text.%s .text.%s.*)\n", n, n } }' \
		"$build/names" "$build/calls"
} >"$build/order.lds"
[ "$(wc -l <"$build/order.lds")" -gt 300 ] || { echo "order.sh: no calls were logged" >&2 && exit 1; }
cp "$build/order.lds" "$out"
