#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# bench.sh [GROUP...] measures the sandbox against native runs, bubblewrap and gVisor, and writes bench.json, .md and .svg:
# to docs/ when all groups are measured, else to build/bench/ (OUT names another directory). `make bench` builds what it
# runs and takes GROUPS=files,sockets.
#   runs     whole runs of small programs, phases and memory of one
#   long     throughput and long programs
#   ops      system calls, processes, threads (micro)
#   files    files of a tmpfs (micro)
#   sockets  sockets and terminals (micro)
#   jobs     whole jobs on a tmpfs
#   shares   whole jobs on directories of the host
#   images   starts and a read with an EROFS or squashfs image as the root, beside the same tree as a directory
# BENCH_RUNS (100) is the number of runs of each short command; what takes longer gets a fraction, which the tables state.
# A command that fails is in the tables as failed.
set -u
cd "$(dirname "$0")/.." || exit 1
all="runs long ops files sockets jobs shares images"
groups=$(tr ',' ' ' <<<"${*:-$all}")
for g in $groups; do
	[[ " $all " == *" $g "* ]] || { echo "bench.sh: no such group: $g; there are: $all" >&2; exit 2; }
done
runs=${BENCH_RUNS:-100}
long=$(((runs + 9) / 10))
micro_runs=$(((runs + 4) / 5))
job_runs=$(((runs + 33) / 34))
share_runs=$(((runs + 19) / 20))
out=${OUT:-$([ "$groups" = "$all" ] && echo docs || echo build/bench)}
b=$PWD/build/bench
sandbox=$PWD/build/sandbox
work=$(mktemp -d "${TMPDIR:-/tmp}/bench.XXXXXX")
shm=$(mktemp -d /dev/shm/bench.XXXXXX) || exit 1
waiting=
trap 'rm -rf "$work" "$shm"; [ -z "$waiting" ] || kill "$waiting" 2>/dev/null' EXIT
mkdir -p "$out"
# The peers, as words before the command: for programs that need nothing, for jobs that see the host's files and have
# a tmpfs of their own, and for those that also write to the directory of the host, $work.
runsc="runsc --platform=ptrace --network=none do"
bwrap="bwrap --ro-bind / / --unshare-all"
declare -A peer=([native]="" [bwrap]=$bwrap [runsc]=$runsc [ours]="$sandbox run")
declare -A job_peer=([native]="" [bwrap]="$bwrap --dev /dev --proc /proc --tmpfs /tmp --ro-bind $work $work" [runsc]=$runsc
	[ours]="$sandbox run --ro / --ro $work")
# job_rows has the next ones by name.
# shellcheck disable=SC2034
declare -A rw_peer=([native]="" [bwrap]="$bwrap --dev /dev --proc /proc --tmpfs /tmp --bind $work $work"
	[runsc]="$runsc --force-overlay=false" [ours]="$sandbox run --ro / --rw $work")
# shellcheck disable=SC2034
declare -A scratch=([native]=$shm [bwrap]=/tmp [runsc]=/dev/shm [ours]=/tmp)
peers=(native bwrap runsc ours)

say() {
	echo "bench: $((SECONDS / 60)) min: $*" >&2
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
		job cpp "$p" "${job_peer[$p]} $PWD/build/e2e/hellocpp"
	done
	job true_ro ours "$sandbox run --ro / /bin/true"
}

long_processes() {
	local p
	for p in "${peers[@]}"; do
		job cpu "$p" "${peer[$p]} $b/micro -n 10000 cpu"
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
files="read_1 read_4k read_1m write_1 write_4k write_1m open stat getdents rename"
sockets="unix unix_64k tcp tcp_64k accept pty"
# ops_round: a round of the group ops.
# shellcheck disable=SC2086
ops_round() {
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

# rows_round ROW...: a round of rows that need a tmpfs or a terminal, which bwrap has by options alone.
# shellcheck disable=SC2086
rows_round() {
	local p
	for p in "${peers[@]}"; do
		if [ "$p" = bwrap ]; then
			micro_lines "$p" $bwrap --dev /dev --tmpfs /tmp "$b/micro" "$@"
		else
			micro_lines "$p" ${peer[$p]} "$b/micro" "$@"
		fi
	done
}

# What the jobs work on: a gigabyte of text, a tree of 5,000 small files under git, the sources of this project.
prepare_jobs() {
	local d git=(git -C "$work/tree" -c user.name=bench -c user.email=bench@localhost -c gc.auto=0)
	[ -e "$work/text" ] && return
	say "preparing data of the jobs"
	head -c 768000000 /dev/urandom | base64 -w 62 >"$work/text"
	mkdir "$work/tree" "$work/rw" "$work/project"
	for ((d = 0; d < 50; d++)); do
		mkdir "$work/tree/dir-$d"
		head -c 204800 "$work/text" | split -b 2048 -a 3 - "$work/tree/dir-$d/file-"
	done
	"${git[@]}" init -q && "${git[@]}" add . && "${git[@]}" commit -qm "all" || exit 1
	cp -r Makefile VERSION abi guestkernel initramfs policy runner scripts tests "$work/project"
	rm -r "$work/project/tests/fuzz/corpus" # thousands of files that no build reads
}

# job_rows PEERS SCRATCH [OPTIONS-OF-OURS] JOB...: lines for bench, each job by each of the peers that the array has.
job_rows() {
	local -n which=$1 place=$2
	local ours=$3 row p
	shift 3
	for row in "$@"; do
		for p in "${peers[@]}"; do
			job "$row" "$p" "${which[$p]} $([ "$p" = ours ] && echo "$ours") $PWD/tests/bench/jobs.sh ${row%_rw} $work ${place[$p]}"
		done
	done
}

jobs() {
	# shellcheck disable=SC2034
	job_rows job_peer scratch "" forks subshells sqlite
	job_rows job_peer scratch "--cpus 2" make redis
}

# The temporary files of the sort need more memory than the default; once, it is long.
large_jobs() {
	job_rows job_peer scratch "--cpus 2 --memory 3G" sort
}

shares() {
	# shellcheck disable=SC2034
	local -A host=([native]=$work/rw [bwrap]=$work/rw [runsc]=$work/rw [ours]=$work/rw)
	job_rows job_peer scratch "" python python_modules small_files find
	job_rows rw_peer host "" small_files_rw git_status
}

# Gigabytes take minutes: few rounds.
large_shares() {
	# shellcheck disable=SC2034
	local -A host=([native]=$work/rw [bwrap]=$work/rw [runsc]=$work/rw [ours]=$work/rw)
	job_rows job_peer scratch "" seq_read
	job_rows rw_peer host "" seq_write
	job_rows rw_peer host "--cpus 2" make_rw
}

# A root of its own: true, dd, python3 with its library, 256 MiB to read; as a directory and as images.
prepare_images() {
	local root=$work/root file
	say "preparing images"
	mkdir -p "$root/bin" "$root/usr/bin" "$root/usr/lib" "$root/tmp" "$root/dev" "$root/proc" "$root/sys"
	cp /bin/true /bin/dd "$root/bin"
	cp -L /usr/bin/python3 "$root/usr/bin/python3"
	for file in $(ldd /bin/true /bin/dd /usr/bin/python3 | grep -o '/[^ ]*' | grep -v ':$' | sort -u); do
		mkdir -p "$root$(dirname "$file")" && cp -L "$file" "$root$file"
	done
	cp -r "$(/usr/bin/python3 -c 'import os; print(os.path.dirname(os.__file__))')" "$root/usr/lib"
	rm -rf "$root"/usr/lib/python3*/test "$root"/usr/lib/python3*/config-*
	{ mkfs.erofs --quiet -zlz4 "$work/lz4.erofs" "$root" && mksquashfs "$root" "$work/zstd.squashfs" -comp zstd -quiet -no-progress; } >"$work/lines" 2>&1 ||
		{ cat "$work/lines" >&2 && exit 1; }
	head -c 256M /dev/urandom >"$root/data"
	mkfs.erofs --quiet "$work/plain.erofs" "$root" >"$work/lines" 2>&1 || { cat "$work/lines" >&2 && exit 1; }
}

# Natively the programs are the host's own, with the host's libraries.
images() {
	local root=$work/root p row command
	local -A roots=([bwrap]="bwrap --ro-bind $root / --unshare-all --dev /dev --proc /proc" [runsc]="$runsc -cwd / -root $root"
		[directory]="$sandbox run --rootfs $root" [erofs]="$sandbox run --rootfs $work/plain.erofs"
		[erofs_lz4]="$sandbox run --rootfs $work/lz4.erofs" [squashfs]="$sandbox run --rootfs $work/zstd.squashfs")
	while read -r row command; do
		job "$row" native "${command//=\/data/=$root/data}"
		for p in bwrap runsc directory erofs erofs_lz4 squashfs; do
			case $row-$p in
			image_read-erofs_lz4 | image_read-squashfs) ;; # what does not compress says nothing of them
			*) job "$row" "$p" "${roots[$p]} $command" ;;
			esac
		done
	done <<-ROWS
		image_true /bin/true
		image_python /usr/bin/python3 -c pass
		image_read /bin/dd if=/data of=/dev/null bs=1M status=none
	ROWS
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
	local group name cpus program row count few many
	while read -r group name cpus program row count; do
		has "$group" || continue
		if ! few=$(stats_of "$cpus" "$b/$program" "$row" 16) || ! many=$(stats_of "$cpus" "$b/$program" "$row" $((count + 16))); then
			jq -nc --arg row "$name" '{$row, failed: true}'
			continue
		fi
		jq -nc --arg row "$name" --argjson n "$count" --argjson a "$few" --argjson b "$many" '
			def per(f): if ($b | f) == null then null else (($b | f) - ($a | f)) / $n | . * 100 | round / 100 end;
			{$row, exits: per([.exits[]] | add), faults: per(.page_faults), syscalls: per(.syscalls),
			 switches: per(.context_switches), emulated: per(.emulated), shadow: per(.shadow)}'
	done <<-ROWS
		ops getpid 1 micro getpid 20000
		ops clock_gettime 1 micro clock_gettime 20000
		ops pipe 1 micro pipe 5000
		ops futex_1cpu 1 micro futex_1cpu 5000
		ops futex_2cpu 2 micro futex_2cpu 1000
		ops fork 1 micro fork 200
		ops exec 1 micro exec 200
		ops exec_dynamic 1 micro-dynamic exec 100
		ops touch 1 micro touch 16384
		ops mmap 1 micro mmap 2000
		ops mprotect 1 micro mprotect 2000
		ops signal 1 micro signal 5000
		ops epoll 1 micro epoll 5000
		ops thread 1 micro thread 1000
		files read_1 1 micro read_1 5000
		files read_4k 1 micro read_4k 5000
		files read_1m 1 micro read_1m 100
		files write_1 1 micro write_1 5000
		files write_4k 1 micro write_4k 5000
		files write_1m 1 micro write_1m 100
		files open 1 micro open 5000
		files stat 1 micro stat 5000
		files getdents 1 micro getdents 10
		files rename 1 micro rename 2000
		sockets unix 1 micro unix 2000
		sockets unix_64k 1 micro unix_64k 500
		sockets tcp 1 micro tcp 2000
		sockets tcp_64k 1 micro tcp_64k 500
		sockets accept 1 micro accept 500
		sockets pty 1 micro pty 1000
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

has() {
	[[ " $groups " == *" $1 "* ]]
}

# timed GROUP FILE RUNS FUNCTION [cold]: the jobs that FUNCTION prints, as an array of results; none when the group is not
# asked for.
timed() {
	echo '[]' >"$work/$2"
	has "$1" || return 0
	say "$3 rounds of $4 ($1)"
	"$4" | "$b/bench" "$3" ${5:+"$5"} >"$work/$2" || exit 1
}

# rounds GROUP RUNS COMMAND...: lines of micro.
rounds() {
	local group=$1 n=$2 i
	shift 2
	has "$group" || return 0
	say "$n rounds of micro ($group)"
	for ((i = 0; i < n; i++)); do "$@"; done
}

machine >"$work/machine"
timed runs process "$runs" processes
timed long long "$long" long_processes
{
	rounds ops "$micro_runs" ops_round
	# shellcheck disable=SC2086
	rounds files "$long" rows_round $files
	# shellcheck disable=SC2086
	rounds sockets "$long" rows_round $sockets
} >"$work/micro"
{ has jobs || has shares; } && prepare_jobs
timed shares shares "$share_runs" shares
timed shares large_shares "$job_runs" large_shares
has images && prepare_images
timed images images "$long" images
timed jobs jobs "$job_runs" jobs
timed jobs large_jobs 1 large_jobs cold
say "costs, phases, memory"
costs >"$work/costs"
echo null | tee "$work/phases" >"$work/memory"
has runs && phases >"$work/phases" && memory >"$work/memory"
jq -n --arg groups "$groups" --argjson minutes $(((SECONDS + 59) / 60)) --argjson runs "$runs" --slurpfile machine "$work/machine" --slurpfile process "$work/process" \
	--slurpfile long "$work/long" --slurpfile images "$work/images" --slurpfile shares "$work/shares" --slurpfile large_shares "$work/large_shares" \
	--slurpfile jobs "$work/jobs" --slurpfile large_jobs "$work/large_jobs" --slurpfile micro "$work/micro" \
	--slurpfile costs "$work/costs" --slurpfile phases "$work/phases" --slurpfile memory "$work/memory" '
	def median: sort | (.[(length - 1) / 2 | floor] + .[length / 2 | floor]) / 2;
	{groups: ($groups / " "), minutes: $minutes, machine: $machine[0], process: $process[0], long: $long[0],
	 images: $images[0], jobs: ($jobs[0] + $large_jobs[0]), shares: ($shares[0] + $large_shares[0]),
	 micro: ($micro | map(select(.row)) | group_by([.row, .peer]) | map({row: .[0].row, peer: .[0].peer, unit: .[0].unit, runs: length,
		value: (map(.value) | median)})),
	 failures: ($micro | map(select(.failed)) | group_by([.peer, .command]) | map(.[0] + {times: length})),
	 costs: $costs, phases: $phases[0], memory: $memory[0]}' >"$out/bench.json" || exit 1
jq -rf tests/bench/report.jq "$out/bench.json" >"$out/bench.md" || exit 1
cat tests/bench/notes.md >>"$out/bench.md"
if has runs; then tests/bench/plot.sh "$out/bench.json" "$out/bench.svg" || exit 1; fi
say "wrote $out/bench.md, bench.json$(has runs && echo ", bench.svg")"
