#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# `make check`: installs what is missing, builds, runs every kind of test, and says which failed. With no /dev/kvm
# the SVM rig runs all that needs one; with one it runs a smoke part in the rig as well, for the other layout.
set -u
cd "$(dirname "$0")/.." || exit 1
scripts/deps.sh build check svm || exit 1
failed=()
step() {
	local name=$1 began=$SECONDS status=0
	shift
	echo "== $name"
	"$@" || status=$?
	echo "== $name: $([ $status = 0 ] && echo passed || echo "FAILED ($status)") in $((SECONDS - began)) s"
	[ $status = 0 ] || failed+=("$name")
}
jobs=-j$(nproc)
step build make -s "$jobs" all test-programs
[ ${#failed[@]} = 0 ] || exit 1
step "unit tests" make -s unit
step "unit tests under ASan and UBSan" make -s "$jobs" asan
if build/e2e/kvm_probe >/dev/null 2>&1; then
	step conformance make -s conformance
	step "end to end" tests/e2e/run.sh
	step "end to end on SVM, smoke part" scripts/check-svm.sh smoke
else
	echo "no usable /dev/kvm here: $(build/e2e/kvm_probe 2>&1); the SVM rig runs everything"
	step "conformance and end to end on SVM" scripts/check-svm.sh all
fi
if [ ${#failed[@]} = 0 ]; then
	echo "check: all passed"
else
	echo "check: FAILED: ${failed[*]}"
	exit 1
fi
