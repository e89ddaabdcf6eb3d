#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Measures the sandbox against native runs, bubblewrap and gVisor, and writes docs/bench.json, .md and .svg (OUT names
# another directory). `make bench` builds what it runs. BENCH_RUNS (100) is the number of runs of each short command;
# long commands and the rounds of micro get a fraction, which the tables state.
# A command that fails is in the tables as failed.
set -u
cd "$(dirname "$0")/.." || exit 1
runs=${BENCH_RUNS:-100}
long=$(((runs + 9) / 10))
micro_runs=$(((runs + 4) / 5))
out=${OUT:-docs}
b=$PWD/build/bench
sandbox=$PWD/build/sandbox
work=$(mktemp -d "${TMPDIR:-/tmp}/bench.XXXXXX")
waiting=
trap 'rm -rf "$work"; [ -z "$waiting" ] || kill "$waiting" 2>/dev/null' EXIT
mkdir -p "$out"
# The peers, as words before the command.
declare -A peer=(
	[native]=""
	[bwrap]="bwrap --ro-bind / / --unshare-all"
	[runsc]="runsc --platform=ptrace --network=none do"
	[ours]="$sandbox run"
)
peers=(native bwrap runsc ours)

say() {
	echo "bench: $*" >&2
}

# job ROW PEER COMMAND: a line for tests/bench/bench.c, COMMAND split at its spaces.
job() {
	# shellcheck disable=SC2086
	printf '%s\t%s' "$1" "$2" && printf '\t%s' $3 && echo
}

processes() {
	local p
	job floor floor "$b/floor"
	for p in "${peers[@]}"; do
		job hello "$p" "${peer[$p]} $PWD/build/e2e/hello-static"
		job true "$p" "${peer[$p]} /bin/true"
	done
}

long_processes() {
	local p
	for p in "${peers[@]}"; do
		job cpu "$p" "${peer[$p]} $b/micro -n 2500 cpu"
		job big "$p" "${peer[$p]} $b/big"
		job big_read "$p" "${peer[$p]} $b/big read"
		# No tabs in the command, so it is one word of the job; its shell expands it.
		# shellcheck disable=SC2016
		printf 'cat\t%s\tsh\t-c\ttest "$(head -c 256M /dev/zero | %s /bin/cat | wc -c)" = 268435456\n' "$p" "${peer[$p]}"
	done
}

# micro_lines PEER COMMAND...: the lines of micro as JSON; a command that fails is a line too.
micro_lines() {
	local who=$1 status
	shift
	timeout 120 "$@" </dev/null >"$work/lines" 2>"$work/errors"
	status=$?
	jq -Rc --arg peer "$who" 'split(" ") | {row: .[0], $peer, value: (.[1] | tonumber), unit: .[2]}' "$work/lines"
	[ $status = 0 ] || jq -nc --arg peer "$who" --arg command "$*" --arg error "$(tail -n 1 "$work/errors")" --argjson status $status \
		'{failed: true, $peer, $command, $error, $status}'
}

one_cpu="getpid clock_gettime pipe futex_1cpu fork exec touch mmap mprotect signal epoll thread cpu"
# shellcheck disable=SC2086
micro_round() {
	local p
	micro_lines bare "$b/bare_syscall"
	for p in "${peers[@]}"; do
		micro_lines "$p" ${peer[$p]} "$b/micro" $one_cpu
		[ "$p" = ours ] && continue
		micro_lines "$p" ${peer[$p]} "$b/micro" futex_2cpu parallel
		micro_lines "$p" ${peer[$p]} "$b/micro-dynamic" exec | sed 's/"exec"/"exec_dynamic"/'
	done
	micro_lines ours "$sandbox" run --cpus 2 "$b/micro" futex_2cpu parallel
	micro_lines ours "$sandbox" run "$b/micro-dynamic" exec | sed 's/"exec"/"exec_dynamic"/'
}

# One run with COUNT operations: --stats as one object, with what KVM did when perf can tell.
stats_of() {
	local cpus=$1 program=$2 row=$3 count=$4
	local events=kvm:kvm_emulate_insn,kvmmmu:kvm_mmu_spte_requested
	local run=("$sandbox" run --cpus "$cpus" --stats="$work/stats" "$program" -n "$count" "$row")
	: >"$work/perf"
	if ! perf stat -x, -o "$work/perf" -e "$events" "${run[@]}" >/dev/null 2>&1 </dev/null; then
		"${run[@]}" >/dev/null 2>&1 </dev/null || return 1
	fi
	jq -c --argjson emulated "$(awk -F, '/kvm_emulate_insn/ { n = $1 } END { print n == "" ? "null" : n + 0 }' "$work/perf")" \
		--argjson shadow "$(awk -F, '/kvm_mmu_spte_requested/ { n = $1 } END { print n == "" ? "null" : n + 0 }' "$work/perf")" \
		'. + {$emulated, $shadow}' "$work/stats"
}

# What an operation costs in exits, faults, ...: the difference of a run with COUNT more of them.
costs() {
	local name cpus program row count few many
	while read -r name cpus program row count; do
		if ! few=$(stats_of "$cpus" "$b/$program" "$row" 16) || ! many=$(stats_of "$cpus" "$b/$program" "$row" $((count + 16))); then
			jq -nc --arg row "$name" '{$row, failed: true}'
			continue
		fi
		jq -nc --arg row "$name" --argjson n "$count" --argjson a "$few" --argjson b "$many" '
			def per(f): if ($b | f) == null then null else (($b | f) - ($a | f)) / $n | . * 100 | round / 100 end;
			{$row, exits: per([.exits[]] | add), faults: per(.page_faults), syscalls: per(.syscalls),
			 switches: per(.context_switches), emulated: per(.emulated), shadow: per(.shadow)}'
	done <<-ROWS
		getpid 1 micro getpid 20000
		clock_gettime 1 micro clock_gettime 20000
		pipe 1 micro pipe 5000
		futex_1cpu 1 micro futex_1cpu 5000
		futex_2cpu 2 micro futex_2cpu 1000
		fork 1 micro fork 200
		exec 1 micro exec 200
		exec_dynamic 1 micro-dynamic exec 100
		touch 1 micro touch 16384
		mmap 1 micro mmap 2000
		mprotect 1 micro mprotect 2000
		signal 1 micro signal 5000
		epoll 1 micro epoll 5000
		thread 1 micro thread 1000
	ROWS
}

phases() {
	local i
	for ((i = 0; i < runs; i++)); do
		"$sandbox" run --stats="$work/stats" build/e2e/hello-static >/dev/null 2>&1 </dev/null && cat "$work/stats"
	done | jq -cs 'def median: sort | (.[(length - 1) / 2 | floor] + .[length / 2 | floor]) / 2;
		. as $all | if length == 0 then {runs: 0} else {runs: length, layout: .[0].layout, times_ms: (.[0].times_ms | keys_unsorted | map(. as $k |
			{key: $k, value: ($all | map(.times_ms[$k]) | median)}) | from_entries), host_cpu_ms: (map(.host_cpu_ms) | median),
			guest_peak_kib: (map(.guest_peak_kib) | median), exits: .[0].exits, syscalls: .[0].syscalls, page_faults: .[0].page_faults} end'
}

# Memory of a live sandbox that no other process has: its program waits for the end of a FIFO.
memory() {
	mkfifo "$work/in" "$work/out"
	"$sandbox" run "$b/waiting" <"$work/in" >"$work/out" 2>/dev/null &
	waiting=$!
	exec 8>"$work/in" 9<"$work/out"
	read -r -t 20 _ <&9 # its hello: it runs
	awk '/^Private_Clean/ { clean = $2 } /^Private_Dirty/ { dirty = $2 } /^Rss/ { rss = $2 }
		END { printf "{\"rss_kib\":%d,\"private_clean_kib\":%d,\"private_dirty_kib\":%d}\n", rss, clean, dirty }' /proc/$waiting/smaps_rollup
	exec 8>&- 9<&-
	wait $waiting
	waiting=
}

machine() {
	jq -nc --arg cpu "$(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -n 1)" --argjson cores "$(nproc)" \
		--arg kernel "$(uname -r)" --arg memory "$(awk '/MemTotal/ { printf "%.0f GiB", $2 / 1048576 }' /proc/meminfo)" \
		--arg kvm "$("$sandbox" check 2>/dev/null | sed -n 's/^ok *layout *//p')" --arg date "$(date -u +%F)" \
		--arg thp "$(sed 's/.*\[\(.*\)\].*/\1/' /sys/kernel/mm/transparent_hugepage/enabled)" --arg load "$(cut -d' ' -f1 /proc/loadavg)" \
		--arg bwrap "$(bwrap --version)" --arg runsc "$(runsc --version | sed -n 1p)" --arg sandbox "$("$sandbox" version | sed -n 1p)" \
		'{$cpu, $cores, $memory, $kernel, $kvm, $thp, $date, $load, $sandbox, $bwrap, $runsc}'
}

machine >"$work/machine"
say "$runs rounds of hello and true"
processes | "$b/bench" "$runs" >"$work/process" || exit 1
say "$long rounds of the long commands"
long_processes | "$b/bench" "$long" >"$work/long" || exit 1
say "$micro_runs rounds of micro"
for ((i = 0; i < micro_runs; i++)); do micro_round; done >"$work/micro"
say "costs, phases, memory"
costs >"$work/costs"
phases >"$work/phases"
memory >"$work/memory"
jq -n --argjson runs "$runs" --slurpfile machine "$work/machine" --slurpfile process "$work/process" --slurpfile long "$work/long" \
	--slurpfile micro "$work/micro" --slurpfile costs "$work/costs" --slurpfile phases "$work/phases" --slurpfile memory "$work/memory" '
	def median: sort | (.[(length - 1) / 2 | floor] + .[length / 2 | floor]) / 2;
	{machine: $machine[0], process: $process[0], long: $long[0],
	 micro: ($micro | map(select(.row)) | group_by([.row, .peer]) | map({row: .[0].row, peer: .[0].peer, unit: .[0].unit, runs: length,
		value: (map(.value) | median)})),
	 failures: ($micro | map(select(.failed)) | group_by([.peer, .command]) | map(.[0] + {times: length})),
	 costs: $costs, phases: $phases[0], memory: $memory[0]}' >"$out/bench.json" || exit 1
jq -rf tests/bench/report.jq "$out/bench.json" >"$out/bench.md" || exit 1
cat tests/bench/notes.md >>"$out/bench.md"
tests/bench/plot.sh "$out/bench.json" "$out/bench.svg" || exit 1
say "wrote $out/bench.md, bench.json, bench.svg"
