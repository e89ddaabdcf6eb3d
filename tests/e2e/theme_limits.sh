# SPDX-License-Identifier: Apache-2.0
# Time-out and memory limits, and what --stats says of each way to end.
# shellcheck shell=bash

# outcome TEXT STATUS OUTCOME ARG...: exit status and the stats' word for it.
outcome() {
	local text=$1 want=$2 word=$3 got=0
	shift 3
	rm -f stats
	sandbox_run --stats=stats "$@" </dev/null >out 2>err || got=$?
	check "$text: status" equal "$got" "$want"
	check "$text: outcome" equal "$(jq -r .outcome stats)" "$word"
}
outcome "exit 0" 0 exit "$PROG/end" exit 0
outcome "exit 3" 3 exit "$PROG/end" exit 3
outcome "SIGSEGV" 139 signal "$PROG/end" segv
outcome "out of memory" 137 oom --memory 64M "$PROG/memory" grow
outcome "time-out" 124 timeout --timeout 300ms "$PROG/memory" spin
check "time-out: said" grep -q '^sandbox: .*300' err
outcome "time-out of a sleeping program" 124 timeout --timeout 300ms "$PROG/memory" wait
check "output before the time-out is kept" equal "$(cat out)" ready
began=$EPOCHREALTIME
check_status 124 "--timeout 1s" --timeout 1s "$PROG/memory" spin
check "--timeout 1s takes 1 to 3 seconds" awk -v a="$began" -v b="$EPOCHREALTIME" 'BEGIN { exit !(b - a >= 1 && b - a < 3) }'
check_status 0 "--timeout longer than the run" --timeout 60s "$PROG/hello-static"

# A reader that has stopped: the time-out, and a signal after the program's end, give its output 2 more seconds.
stopped_reader() { # SECONDS ARG...: status of `run ARG...` into a pipe that nobody reads, and whether it took 2 to 5 s
	local began=$EPOCHREALTIME fifo=$TMP/stopped
	mkfifo "$fifo"
	exec 8<>"$fifo"
	env --default-signal=TERM "$SANDBOX" run "${@:2}" </dev/null 8<&- >"$fifo" 2>err &
	sleep "$1"
	kill -TERM $! 2>/dev/null
	wait $!
	local status=$?
	exec 8<&-
	rm "$fifo"
	awk -v a="$began" -v b="$EPOCHREALTIME" 'BEGIN { exit !(b - a >= 2 && b - a < 6) }' || status="$status after the wrong time"
	echo "$status"
}
check "time-out with a reader that has stopped" equal "$(stopped_reader 4 --timeout 300ms yes)" 124
check "time-out with a reader that has stopped: lost output is said" grep -q '^sandbox: output was lost' err
check "SIGTERM after the end, with a reader that has stopped" equal "$(stopped_reader 1 head -c 200000 /dev/zero)" 125
check "SIGTERM after the end: lost output is said" grep -q '^sandbox: output was lost' err

check_output "touched 400 MiB" "the default memory holds 400 MiB" "$PROG/memory" touch 400
check_output "touched 700 MiB" "--memory 1G holds 700 MiB" --memory 1G "$PROG/memory" touch 700
check_output "touched 30 MiB" "--memory 64M holds 30 MiB" --memory 64M "$PROG/memory" touch 30
check_output hello "memory is backed lazily: --memory 4G costs nothing" --memory 4G "$PROG/hello-static"

# Peak memory on the host (KiB), as the kernel counts it.
EXE=$SANDBOX start --memory 64M "$PROG/memory" touch 40
most=0
while kill -0 "$PID" 2>/dev/null; do
	now=$(sed -n 's/^VmHWM:[^0-9]*\([0-9]*\).*/\1/p' "/proc/$PID/status" 2>/dev/null)
	[ "${now:-0}" -le "$most" ] || most=$now
	sleep 0.01
done
finish
check "--memory 64M: the host spends at most 64 MiB and 16 more" test "$most" -le $((80 * 1024))

rm -f stats
sandbox_run --stats=stats "$PROG/hello-static" </dev/null >out 2>err
check "--stats=FILE: one JSON object" equal "$(jq -s -r 'length, (.[0] | type)' stats | tr '\n' ' ')" "1 object "
check "--stats=FILE: stdout and stderr are untouched" equal "$(cat out err)" hello
check "--stats without FILE: JSON on stderr" bash -c '"$SANDBOX" run --stats "$PROG/hello-static" 2>&1 >/dev/null </dev/null | jq -e .outcome'
check_status 127 "a program that is not there, with --stats" --stats=stats /nowhere/program
check "a program that is not there: outcome" equal "$(jq -r .outcome stats)" cannot-execute
got=0
timeout -k 5 "$LIMIT" prlimit --sigpending=0 "$SANDBOX" run --stats=stats "$PROG/hello-static" </dev/null >out 2>err || got=$?
check "a machine that cannot start: status" equal "$got" 125
check "a machine that cannot start: one message, of the runner" bash -c '[ "$(wc -l <err)" = 1 ] && grep -q "^sandbox: .*ulimit -i" err && [ ! -s out ]'
check "a machine that cannot start: outcome" equal "$(jq -r .outcome stats)" runner-failure
check "--stats: all numbers are finite and not negative" jq -e '[.. | numbers] | length > 5 and all(. >= 0 and . < 1e18)' stats

# faults TEXT MOST ARG...: page faults of the guest that these arguments cost; each is tens of microseconds where ring 0 is emulated.
faults() {
	local text=$1 most=$2
	shift 2
	sandbox_run --stats=stats "$@" </dev/null >out 2>err
	check "$text: at most $most page faults" jq -e --argjson most "$most" '.page_faults <= $most' stats
}
faults "dynamic program" 10 "$PROG/hello-dynamic"
# shellcheck disable=SC2016
faults "100 subshells" 60 /bin/sh -c 'i=0; while [ $i -lt 100 ]; do (:); i=$((i + 1)); done'
