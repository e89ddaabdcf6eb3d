#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Many vCPUs and part of the program suites on ordinary KVM, so in the split layout: a few minutes on the SVM rig. With 16
# vCPUs a program starts and ends, and threads take locks, exec, and are signalled; units of suites of tests/programs run
# there as on the emulated machine itself: those that need no compiler. Last line: "N runs, N failed"; status 0 when none did.
set -u
cd "$(dirname "$0")/.." || exit 1
OUT=${B:-build}

# In the machine: what the command line of the other part says.
inside() {
	local runs=0 failed=0 status begin units
	export PROGRAMS_PREPARE=no TMPDIR=/tmp B=build
	chmod 755 . # the suites run as an ordinary user
	# program NAME ARG...: `sandbox run ARG...` must end with 0 and tell of no check that failed.
	program() {
		local name=$1
		shift
		begin=$SECONDS status=0
		timeout 200 build/sandbox run --timeout 190s "$@" </dev/null >/tmp/log 2>&1 || status=$?
		! grep -aq '^not ok' /tmp/log || status="$status with a failed check"
		runs=$((runs + 1))
		[ "$status" = 0 ] || failed=$((failed + 1))
		printf '%-4s %4d s  %s%s\n' "$([ "$status" = 0 ] && echo ok || echo FAIL)" $((SECONDS - begin)) "$name" "$([ "$status" = 0 ] || echo ": status $status")"
		[ "$status" = 0 ] || { grep -av '^ok' /tmp/log | tail -n 5; }
	}
	program "16 vCPUs: hello" --cpus 16 build/e2e/hello-static
	program "16 vCPUs: threads" --cpus 16 --memory 512M -e LIMIT=180 build/guest/threads
	program "16 vCPUs: pthread torture" --cpus 16 --memory 512M -e LIMIT=180 -e STRESS_SECONDS=2 build/guest/stress_threads
	program "16 vCPUs: signals" --cpus 16 --memory 512M -e LIMIT=180 -e STRESS_SECONDS=2 build/guest/stress_signals
	for units in "busybox:ash-signals ash-psubst ash-heredoc" "threads:cxx-static rust-static"; do
		[ -d "build/programs/${units%%:*}/dir" ] || { echo "skip ${units%%:*}: not prepared" && continue; }
		runs=$((runs + 1))
		scripts/programs.sh "$units" || failed=$((failed + 1))
	done
	echo "$runs runs, $failed failed"
	[ $failed = 0 ]
}
[ "${1-}" != inside ] || { inside && exit; exit 1; }

scripts/deps.sh svm || exit 1
PROGRAMS_PREPARE=only scripts/programs.sh busybox threads
prepared=()
for suite in busybox threads; do
	[ -z "$(ls "$OUT/programs/$suite/dir" 2>/dev/null)" ] || prepared+=("$OUT/programs/$suite/dir")
done
FORCE_SVM=1 SVM_OPTIONS="--timeout 900" scripts/kvm.sh VERSION build/sandbox scripts/svm-programs.sh scripts/programs.sh tests/programs \
	build/e2e/hello-static build/guest/{threads,stress_threads,stress_signals} "${prepared[@]}" -- scripts/svm-programs.sh inside
