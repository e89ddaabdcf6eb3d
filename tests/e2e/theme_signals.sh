# SPDX-License-Identifier: Apache-2.0
# Signals to the runner reach the program; a runner that is killed takes everything along.
# shellcheck shell=bash

for name in HUP INT QUIT USR1 USR2; do
	number=$(kill -l "$name")
	start "$PROG/signals"
	if await ready && kill -s "$name" "$PID" && await "signal $number"; then
		kill -TERM "$PID"
		finish
		check "SIG$name, then SIGTERM, are handled by the program" equal "$STATUS $(tail -n 1 live.out)" "7 signal 15"
	else
		kill -9 "$PID"
		finish
		cat live.out live.err | fail "SIG$name reaches the program"
	fi
	start "$PROG/signals" default
	await ready && kill -s "$name" "$PID"
	finish
	check "SIG$name ends a program that does not handle it" equal "$STATUS" $((128 + number))
done
start "$PROG/signals" default
await ready && kill -TERM "$PID"
finish
check "SIGTERM ends a program that does not handle it" equal "$STATUS" 143
start "$PROG/signals" ignore
await ready && kill -INT "$PID" && kill -TERM "$PID"
finish
check "a program that ignores SIGINT and SIGTERM goes on" equal "$STATUS $(tail -n 1 live.out)" "0 slept"
start "$PROG/signals"
await ready && for _ in 1 2 3 4 5; do kill -USR1 "$PID"; await "signal 10"; done
kill -TERM "$PID"
finish
check "repeated signals do no harm" equal "$STATUS" 7

# SIGKILL. A copy of the executable makes its processes recognisable.
cp "$SANDBOX" sandbox-copy
export TMPDIR=$TMP/tmpdir
mkdir "$TMPDIR"
processes() { find /proc/[0-9]*/exe -lname "*$TMP/sandbox-copy*" 2>/dev/null; }
traces() { find "$TMPDIR" /dev/shm /run -xdev -iname '*sandbox*' ! -iname 'sandbox-e2e*' ! -iname 'sandbox-svm*' 2>/dev/null; find "$TMPDIR" -mindepth 1; find /sys/fs/cgroup -iname '*sandbox*' 2>/dev/null; grep -a sandbox-copy /proc/self/mountinfo; }
before=$(traces)
EXE=$TMP/sandbox-copy start "$PROG/memory" wait
await ready
check "one process a sandbox" equal "$(processes | wc -l)" 1
kill -9 "$PID"
finish
check "SIGKILL: status" equal "$STATUS" 137
for _ in {1..100}; do [ -z "$(processes)" ] && break; sleep 0.02; done
check "SIGKILL leaves no process" equal "$(processes)" ""
check "SIGKILL leaves no file, cgroup, mount" equal "$(traces)" "$before"
EXE=$TMP/sandbox-copy start "$PROG/hello-static"
finish
check "an ordinary end leaves nothing" equal "$(processes)$(traces)" "$before"
# The reader of its output sees the end at once: nobody else holds the pipe.
mkfifo pipe
EXE=$TMP/sandbox-copy
env "$EXE" run "$PROG/memory" wait </dev/null >pipe 2>/dev/null &
PID=$!
{ read -r first && kill -9 "$PID" && ! read -r -t 5 rest; } <pipe
check "SIGKILL closes the pipes" equal "$first ${rest-}" "ready "
finish
