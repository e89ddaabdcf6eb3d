#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Many vCPUs and parts of the program suites on ordinary KVM, so in the split layout: on the SVM rig, with the host's Debian
# programs on a disk. svm-programs.sh [--table] [SUITE[/CPUS][:UNIT...]]...; without arguments what is listed below, the whole of which
# takes an hour or two: the machine is emulated. As everywhere, a suite runs natively (there) and inside, and is compared.
# PROGRAMS_DOC=1: the result goes into docs/programs.md; --table: what was run before goes there. Last line: "N runs, N failed"; status 0 when none did.
set -uo pipefail
cd "$(dirname "$0")/.." || exit 1
OUT=${B:-build}
SCALE=4 # of all time limits

# What meets the system, of each suite.
chosen() {
	cat <<-END
		vcpus
		e2e:programs jobs
		busybox:ash-signals ash-psubst ash-heredoc ash-redir ash-misc tar cpio sed
		threads:cxx-static cxx rust-static rust
		jobs:git make rsync tar compress openssl tmux sort find python cmake imagemagick
		stress/1:names data sockets processes memory signals ipc
		stress/4:names data sockets processes memory signals ipc
		servers:postgresql redis nginx rsyncd
		node:files processes sockets threads runtime
		java:tools threads files sockets processes collectors
		go:program build
		ffmpeg:audio containers pipes
		perl:base cmd io op.1.6
		gawk:all
		ruby:ruby%test_process ruby%test_io ruby%test_thread ruby%test_signal socket%test_unix socket%test_tcp
		php:ext%pcntl%tests ext%posix%tests ext%sockets%tests ext%standard%tests%file
		cpython:test_threading test_signal test_subprocess test_socket test_mmap test_os test_select test_epoll test_fork1 test_pty test_ssl test_sqlite3 test_asyncio.test_events test_asyncio.test_subprocess test_concurrent_futures test_multiprocessing_fork
		coreutils:cp mv ls
	END
}

# In the machine, without a suite of tests/programs: a program starts and ends, and threads take locks, exec and are signalled.
vcpus() {
	local runs=0 failed=0 status
	# program NAME ARG...: `sandbox run ARG...` must end with 0 and tell of no check that failed.
	program() {
		local name=$1
		shift
		status=0
		timeout 200 build/sandbox run --timeout 190s "$@" </dev/null >/tmp/log 2>&1 || status=$?
		! grep -aq '^not ok' /tmp/log || status="$status with a failed check"
		runs=$((runs + 1))
		[ "$status" = 0 ] || failed=$((failed + 1))
		[ "$status" = 0 ] || { echo "  vcpus: $name: status $status" && grep -av '^ok' /tmp/log | tail -n 5; }
	}
	program "16 vCPUs: hello" --cpus 16 build/e2e/hello-static
	program "16 vCPUs: threads" --cpus 16 --memory 512M -e LIMIT=180 build/guest/threads
	program "16 vCPUs: pthread torture" --cpus 16 --memory 512M -e LIMIT=180 -e STRESS_SECONDS=2 build/guest/stress_threads
	program "16 vCPUs: signals" --cpus 16 --memory 512M -e LIMIT=180 -e STRESS_SECONDS=2 build/guest/stress_signals
	printf '%-12s %6d tests, %6d as on the host, %4d known differences, %4d DIFFER, %4d s\n' vcpus $runs $((runs - failed)) 0 $failed $SECONDS
	[ $failed = 0 ]
}

# inside CPUS SUITE UNIT...
inside() {
	local cpus=$1 suite=$2 unit status=0
	shift 2
	export PROGRAMS_PREPARE=no PROGRAMS_SCALE=$SCALE PROGRAMS_OPTIONS="--cpus $cpus" TMPDIR=/tmp B=build
	chmod 755 . # the suites run as an ordinary user
	case $suite in
	vcpus) vcpus; exit ;;
	e2e) LENIENT=1 LIMIT=300 THEME_LIMIT=3000 tests/e2e/run.sh "$@"; exit ;;
	esac
	[ $# -gt 0 ] || { scripts/programs.sh "$suite"; exit; }
	for unit; do # a line for each
		scripts/programs.sh "$suite:$unit" | sed "s/\$/ ($unit)/" || status=1
		# What fails on both sides proves little.
		grep -hE '^(FAIL|STATUS)' "build/programs/$suite/results/$unit.native" | head -n 9 | sed 's/^/  natively: /'
	done
	exit $status
}
[ "${1-}" != inside ] || { shift && inside "$@"; exit; }

# keep SUITE-CPUS: from the lines of a run, "tests same known differ" of each unit that ended, a file for each: the last run counts.
keep() {
	local dir=$OUT/programs/svm/$1
	mkdir -p "$dir"
	awk -v "dir=$dir" -v "name=${1%-*}" '
		$1 == name && $3 == "tests," { unit = $0; if (!sub(/.* s \(/, "", unit)) unit = "all)"; sub(/\)$/, "", unit); last[unit] = $2 " " $4 " " $9 " " $12 }
		name == "e2e" && $3 == "passed," && $7 == "skipped" && NF > 7 { last[$1] = $2 + $4 " " $2 " 0 " $4 }
		END { for (unit in last) print last[unit] >(dir "/" unit) }'
}

# The table of docs/programs.md, of each unit's last run.
document() {
	local results=$OUT/programs/svm dir
	{
		sed '/^<!-- make check-svm-programs -->$/q' docs/programs.md
		printf '\n| Suite, vCPUs | What was run | Tests | As on the machine itself | Known differences | Other differences |\n| --- | --- | --- | --- | --- | --- |\n'
		for dir in "$results"/*/; do
			[ -n "$(ls "$dir")" ] || continue # nothing of it ended
			dir=$(basename "$dir")
			(cd "$results/$dir" && awk -v "what=${dir%-*}, ${dir##*-}" '{ unit = FILENAME; gsub("%", "/", unit); units = units " " unit; tests += $1; same += $2; known += $3; differ += $4 }
				END { printf "| %s |%s | %d | %d | %d | %d |\n", what, units, tests, same, known, differ }' ./*) | sed 's,\./,,g'
		done
		printf '\n'
		sed -n '/^<!-- end of check-svm-programs -->$/,$p' docs/programs.md
	} >"$results/programs.md" && mv "$results/programs.md" docs/programs.md
}

# one SUITE[/CPUS][:UNIT...]: its lines, and its row for the table.
one() {
	local what=$1 name units cpus=2 files=() options status=0 results=$OUT/programs/svm
	name=${what%%:*} units=
	[ "$name" = "$what" ] || units=${what#*:}
	[[ $name != */* ]] || { cpus=${name#*/} && name=${name%/*}; }
	options="--timeout ${SVM_TIMEOUT:-3000} --disk $disk"
	if [ "$name" = vcpus ]; then
		cpus=16 options="--timeout 900" files=("$OUT/e2e/hello-static" "$OUT"/guest/{threads,stress_threads,stress_signals})
	elif [ "$name" = e2e ]; then # each case with one vCPU or with one and four
		files=("$OUT/e2e" tests/e2e)
	else
		PROGRAMS_PREPARE=only scripts/programs.sh "$name"
		[ ! -d "$OUT/programs/$name/dir" ] || files=("$OUT/programs/$name/dir")
	fi
	# shellcheck disable=SC2086
	FORCE_SVM=1 SVM_OPTIONS=$options scripts/kvm.sh VERSION build/sandbox scripts/svm-programs.sh scripts/programs.sh tests/programs "${files[@]}" -- \
		scripts/svm-programs.sh inside "$cpus" "$name" $units 2>&1 | tee "$results/$name-$cpus.log" || status=$?
	keep "$name-$cpus" <"$results/$name-$cpus.log"
	runs=$((runs + 1))
	[ $status = 0 ] || failed=$((failed + 1))
}

[ "${1-}" != --table ] || { document; exit; }
scripts/deps.sh svm || exit 1
# shellcheck disable=SC2046
disk=$(scripts/svm/disk.sh $(scripts/deps.sh --list programs check build) lua5.4 iproute2 netbase) || exit 1
mkdir -p "$OUT/programs/svm"
[ $# -gt 0 ] || mapfile -t wanted < <(chosen)
[ $# = 0 ] || wanted=("$@")
runs=0 failed=0
for what in "${wanted[@]}"; do
	one "$what"
done
[ -z "${PROGRAMS_DOC-}" ] || document
echo "$runs runs, $failed failed"
[ $failed = 0 ]
