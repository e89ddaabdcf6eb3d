# SPDX-License-Identifier: Apache-2.0
# What a theme (theme_*.sh) is written with. Each case is one call; it prints "ok", "FAIL" or "skip" and a text.
# Given by run.sh: SANDBOX (absolute path of the executable), PROG (directory of the helper programs), TMP (a directory
# of this theme, removed afterwards), LIMIT (seconds a case may take), E2E_OPTIONS (options of `run` for every case).
# shellcheck shell=bash disable=SC2034

ok() { echo "ok - $THEME: $1"; }

# $1: text; stdin: what was seen.
fail() {
	echo "FAIL - $THEME: $1"
	head -c 2000 | sed 's/^/#   /'
}

# A skip needs a reason, and is right only where the case cannot run.
skip() { echo "skip - $THEME: $1: $2"; }

# Runs the sandbox under the case's time limit. 137 (or 124) with nothing on stderr then means that it hung.
# shellcheck disable=SC2086
sandbox_run() { timeout -k 5 "$LIMIT" "$SANDBOX" run $E2E_OPTIONS "$@"; }

# The same program outside, in the environment that the sandbox gives.
native_run() {
	timeout -k 5 "$LIMIT" env -i PATH=/usr/local/bin:/usr/bin:/bin HOME="$HOME" LC_ALL=C TERM=dumb "$@"
}

# check_status WANT TEXT ARG...: the exit status of `sandbox run ARG...`. Stdin is /dev/null unless redirected to STDIN.
check_status() {
	local want=$1 text=$2 got=0
	shift 2
	sandbox_run "$@" <"${STDIN:-/dev/null}" >"$TMP/out" 2>"$TMP/err" || got=$?
	if [ "$got" = "$want" ]; then
		ok "$text"
	else
		{ echo "status $got, wanted $want" && head -c 500 "$TMP/err" "$TMP/out"; } | fail "$text"
	fi
}

# check_output WANT TEXT ARG...: status 0, this standard output (less its last newlines) and nothing on stderr.
check_output() {
	local want=$1 text=$2 got=0
	shift 2
	sandbox_run "$@" <"${STDIN:-/dev/null}" >"$TMP/out" 2>"$TMP/err" || got=$?
	if [ "$got" = 0 ] && [ "$(cat "$TMP/out")" = "$want" ] && [ ! -s "$TMP/err" ]; then
		ok "$text"
	else
		{ echo "status $got" && diff <(echo "$want") "$TMP/out" | head -n 10; head -c 500 "$TMP/err"; } | fail "$text"
	fi
}

# check_native TEXT CMD...: the same bytes on stdout and stderr and the same status as outside. Inside, stdin is always a
# pipe (a file of the host is not seekable there), so outside it is one too.
check_native() {
	local text=$1 got=0 want=0
	shift
	if [ -n "${STDIN-}" ]; then
		native_run "$@" < <(exec cat "$STDIN") >"$TMP/want" 2>"$TMP/want.err" || want=$?
	else
		native_run "$@" </dev/null >"$TMP/want" 2>"$TMP/want.err" || want=$?
	fi
	sandbox_run -e LC_ALL=C -- "$@" <"${STDIN:-/dev/null}" >"$TMP/out" 2>"$TMP/err" || got=$?
	if [ "$got" = "$want" ] && cmp -s "$TMP/want" "$TMP/out" && cmp -s "$TMP/want.err" "$TMP/err"; then
		ok "$text"
	else
		{
			echo "status $got, natively $want"
			diff -a "$TMP/want" "$TMP/out" | head -n 10
			diff -a "$TMP/want.err" "$TMP/err" | head -n 10
		} | fail "$text"
	fi
}

# check_error STATUS WORD TEXT ARG...: refused with this status, and each line on stderr begins "sandbox: " and one has WORD.
check_error() {
	local want=$1 word=$2 text=$3 got=0
	shift 3
	timeout -k 5 "$LIMIT" "$SANDBOX" "$@" </dev/null >"$TMP/out" 2>"$TMP/err" || got=$?
	if [ "$got" = "$want" ] && grep -qF -- "$word" "$TMP/err" && ! grep -qv '^sandbox: ' "$TMP/err" && [ ! -s "$TMP/out" ]; then
		ok "$text"
	else
		{ echo "status $got, wanted $want; wanted '$word' in:" && head -c 700 "$TMP/err" "$TMP/out"; } | fail "$text"
	fi
}

# check TEXT CMD...: CMD (a shell function or program of the test itself) succeeds.
check() {
	local text=$1
	shift
	if "$@" >"$TMP/check" 2>&1; then ok "$text"; else fail "$text" <"$TMP/check"; fi
}

# equal GOT WANT: for use with check.
equal() { [ "$1" = "$2" ] || { echo "got '$1', wanted '$2'" && return 1; }; }

# start ARG...: `sandbox run ARG...` in the background as a user would have started it (signals not ignored), stdin
# /dev/null, stdout to $TMP/live.out, stderr to $TMP/live.err. Sets PID. EXE names the executable when it is a copy.
start() {
	rm -f "$TMP/live.out" "$TMP/live.err" && touch "$TMP/live.out"
	# shellcheck disable=SC2086
	env --default-signal=INT,QUIT,HUP,TERM,USR1,USR2,PIPE "${EXE:-$SANDBOX}" run $E2E_OPTIONS "$@" </dev/null \
		>"$TMP/live.out" 2>"$TMP/live.err" &
	PID=$!
}

# await TEXT...: until a line of the started program's output is TEXT; 1 when the time is up or the runner has ended.
await() {
	local end=$((SECONDS + LIMIT))
	until grep -qxF -- "$1" "$TMP/live.out"; do
		kill -0 "$PID" 2>/dev/null || { grep -qxF -- "$1" "$TMP/live.out" && return; return 1; }
		[ $SECONDS -lt $end ] || return 1
		sleep 0.02
	done
}

# finish: waits for what start began and sets STATUS; it is killed (STATUS=hung) when the time is up.
finish() {
	local end=$((SECONDS + LIMIT))
	while kill -0 "$PID" 2>/dev/null; do
		if [ $SECONDS -ge $end ]; then
			kill -9 "$PID"
			wait "$PID" 2>/dev/null
			STATUS=hung
			return
		fi
		sleep 0.02
	done
	STATUS=0
	wait "$PID" 2>/dev/null || STATUS=$?
}
