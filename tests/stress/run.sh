#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Minutes of load on the guest kernel: run.sh SECONDS. With 1, 4 and 16 vCPUs (CPUS="..." selects), each program of
# tests/guest/stress_*.c and groups of stress-ng's stressors that check their own work; more threads than vCPUs, and
# vCPUs than the host has CPUs. LAYOUT is --privilege. Prints a line a run; status 0 when all of them ended well.
set -u
here=$(cd "$(dirname "$0")" && pwd)
top=$(cd "$here/../.." && pwd)
SANDBOX=${SANDBOX:-$top/build/sandbox}
PROG=${PROG:-$top/build/guest}
LAYOUT=${LAYOUT:-auto}
CPUS=${CPUS:-1 4 16}
total=${1:-60}

scratch=$(mktemp -d "${TMPDIR:-/tmp}/sandbox-stress.XXXXXX")
trap 'rm -rf "$scratch"' EXIT
trap 'exit 130' INT TERM HUP

# A group is one run: its stressors all at once.
groups=(
	"--cpu 4 --switch 2 --pipe 2"
	"--fork 4 --vfork 2 --wait 1"
	"--vm 3 --vm-bytes 48m --mmap 2 --mmap-bytes 16m --brk 1 --stack 1"
	"--futex 4 --sem 2 --pthread 2"
	"--mutex 1" # its threads make themselves SCHED_FIFO: others would starve beside them
	"--signal 2 --sigq 2 --sigfd 1 --kill 1 --timer 2 --itimer 1 --timerfd 1 --nanosleep 1"
	"--eventfd 1 --epoll 1 --poll 2 --sock 2 --tmpfs 1 --madvise 1 --mprotect 1 --membarrier 1"
)
programs=(stress_threads stress_memory stress_signals)

read -ra cpus <<<"$CPUS"
each=$((total / (${#cpus[@]} * (${#groups[@]} + ${#programs[@]}))))
[ "$each" -ge 1 ] || each=1
runs=0
bad=0

# run NAME CPUS CMD...: a run that hangs is ended long after it should have ended by itself.
run() {
	local name=$1 n=$2 begin=$SECONDS status=0
	shift 2
	timeout -k 10 $((each * 4 + 180)) "$SANDBOX" run --privilege "$LAYOUT" --cpus "$n" --memory 1G --stats="$scratch/stats" \
		--timeout $((each * 4 + 150))s -e STRESS_SECONDS="$each" -- "$@" </dev/null >"$scratch/log" 2>&1 || status=$?
	runs=$((runs + 1))
	if [ "$status" -eq 0 ] && ! grep -aqE '^not ok|stress-ng: (fail|error)' "$scratch/log"; then
		printf 'ok   %2d vCPUs  %3d s  %s\n' "$n" $((SECONDS - begin)) "$name"
		return
	fi
	bad=$((bad + 1))
	printf 'FAIL %2d vCPUs  %3d s  %s: status %d\n' "$n" $((SECONDS - begin)) "$name" "$status"
	grep -avE '^ok |stress-ng: info' "$scratch/log" | tail -n 15 | sed 's/^/#   /'
}

for n in "${cpus[@]}"; do
	for program in "${programs[@]}"; do
		run "$program" "$n" "$PROG/$program"
	done
	for group in "${groups[@]}"; do
		# Options are words.
		# shellcheck disable=SC2086
		run "stress-ng $group" "$n" stress-ng --verify --oomable --timeout "$each" --temp-path /tmp $group
	done
done
echo "stress: $runs runs of $each s, $bad failed"
[ "$bad" -eq 0 ]
