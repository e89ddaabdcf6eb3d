# SPDX-License-Identifier: Apache-2.0
# `run --trace`: system calls as strace prints them.
# shellcheck shell=bash

# has TEXT PATTERN...: each pattern matches a line of the trace in $TMP/trace.
has() {
	local text=$1 pattern
	shift
	for pattern in "$@"; do
		grep -qE -- "$pattern" "$TMP/trace" || { { echo "no line like $pattern in:" && head -n 20 "$TMP/trace"; } | fail "$text" && return; }
	done
	ok "$text"
}

cp "$PROG/hello-static" .
sandbox_run --trace="$TMP/trace" ./hello-static one </dev/null >out 2>err
check "--trace=FILE: stdout and stderr are untouched" equal "$(cat out err)" $'hello\n[one]'
has "the program's calls from its execve to its end" '^2 +execve\("/.*/hello-static", \["\./hello-static", "one"\], 0x[0-9a-f]+ /\* [0-9]+ vars \*/\) = 0$' \
	'^2 +brk\(NULL\) = 0x[0-9a-f]+$' '^2 +write\(1, "hello\\n\[one\]\\n", 12\) = 12$' '^2 +exit_group\(0\) = \?$' '^2 +\+\+\+ exited with 0 \+\+\+$'
check "the first line is the execve" bash -c 'head -n 1 "$1" | grep -q "execve("' _ "$TMP/trace"
check "nothing of pid 1" bash -c '! grep -q "^1 " "$1"' _ "$TMP/trace"
sandbox_run --trace="$TMP/trace" "$PROG/nosys" </dev/null >out 2>err
has "calls that are not there are listed at the end" '^not there: uselib, called 1 times: '

sandbox_run --trace "$PROG/hello-static" </dev/null 2>trace >out
check "--trace alone: stdout is the program's" equal "$(cat out)" hello
has "--trace alone: the trace is on stderr" 'write\(1, "hello\\n", 6\) = 6'

sandbox_run --trace-only=write,openat --trace=trace sh -c 'echo x; exit 3' </dev/null >out 2>err
check "--trace-only: status and output" equal "$? $(cat out)" "3 x"
has "--trace-only: the calls that were named" 'write\(1, "x\\n", 2\) = 2' 'openat\(AT_FDCWD, "/[^"]*", O_RDONLY\|O_CLOEXEC\) = [0-9]' '\+\+\+ exited with 3 \+\+\+'
check "--trace-only: no others" bash -c '! grep -qE "^[0-9]+ +(brk|mmap|close|read)\(" "$1"' _ "$TMP/trace"
check_error 125 "--trace-only: there is no system call 'opennat'" "--trace-only with an unknown name" run --trace-only read,opennat "$PROG/hello-static"
check_error 125 "--trace=/nowhere/trace" "--trace into a directory that does not exist" run --trace=/nowhere/trace "$PROG/hello-static"
check_error 125 "No space left" "--trace onto a full disk" run --trace=/dev/full "$PROG/end" exit 0

# The input ends only when the child reads it and its parent waits.
rm -f trace
(for _ in {1..400}; do grep -qE '^[3-9] +read\(0' trace 2>/dev/null && grep -q '^2 .*wait4(' trace && break; sleep 0.05; done) |
	sandbox_run --trace=trace sh -c 'trap "" USR1; (read line; exit 7); kill -s TERM $$' >out 2>err
check "a signal ends the program: status" equal "${PIPESTATUS[1]}" 143
has "processes: unfinished and resumed calls, wait status, signals" 'wait4\(-1,  <unfinished \.\.\.>$' \
	'^2 +<\.\.\. wait4 resumed>\[\{WIFEXITED\(s\) && WEXITSTATUS\(s\) == 7\}\], ' '^[3-9] +\+\+\+ exited with 7 \+\+\+$' \
	'^2 +rt_sigaction\(SIGUSR1, \{sa_handler=SIG_IGN, sa_mask=~?\[[^]]*\], sa_flags=SA_RESTORER[^}]*\}, ' \
	'^2 +--- SIGTERM \{si_signo=SIGTERM, si_code=SI_USER, si_pid=2, si_uid=[0-9]+\} ---$' '^2 +\+\+\+ killed by SIGTERM \+\+\+$'

check_native "a program under trace does the same" true
sandbox_run --trace=trace "$PROG/end" segv </dev/null >out 2>err
has "a fault" '--- SIGSEGV \{si_signo=SIGSEGV, si_code=SEGV_[A-Z]+, si_addr=0x[0-9a-f]+\} ---' 'killed by SIGSEGV'
sandbox_run --timeout 500ms --trace=trace "$PROG/memory" wait </dev/null >out 2>err
has "a program that was timed out: its last calls are there" 'writev\(1, \[\{iov_base="ready", iov_len=5\}, .* = 6$' '^2 +pause\($'

# More than the ring holds, nothing lost, in order.
sandbox_run --trace=trace --trace-only=write sh -c 'i=0; while [ $i -lt 5000 ]; do echo $i; i=$((i+1)); done' </dev/null >out 2>err
check "a long trace is complete" equal "$(sed -n 's/^2 *write(1, "\([0-9]*\)\\n", .*/\1/p' trace | md5sum)" "$(seq 0 4999 | md5sum)"
# Both on one pipe: each line of output comes at the latest behind its own call.
sandbox_run --trace --trace-only=write sh -c 'for i in 1 2 3 4 5 6 7 8 9; do echo $i; done' </dev/null >both 2>&1
check "trace and output interleave in order" awk '/^[0-9]$/ { out = $1 } /write\(1/ { n++; if (out != n) bad = 1 } END { exit !(n == 9 && !bad) }' both
printf '#!/bin/sh\nprintf "\\033[31m\\t\\200"\n' >escape && chmod 755 escape
sandbox_run --trace=trace --trace-only=write ./escape </dev/null >out 2>err
has "control characters are escaped" 'write\(1, "\\33\[31m\\t\\200", 7\) = 7'
