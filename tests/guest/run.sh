#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Runs the guest-semantics programs natively and in the sandbox and compares: run.sh [PROGRAM...]. With REPORT=FILE it also
# writes docs/conformance.md's table. LAYOUTS (default "auto") lists the values of --privilege to run with.
# LENIENT=1 (for emulated machines and other kernels): a check that fails natively is not judged.
# Status 0 when, apart from known-failures.txt, each check passes in the sandbox and natively.
set -u
here=$(cd "$(dirname "$0")" && pwd)
top=$(cd "$here/../.." && pwd)
SANDBOX=$(realpath "${SANDBOX:-$top/build/sandbox}")
PROG=$(realpath "${PROG:-$top/build/guest}")
LIMIT=${LIMIT:-60}
LAYOUTS=${LAYOUTS:-auto}

scratch=$(mktemp -d "${TMPDIR:-/tmp}/sandbox-guest.XXXXXX")
trap 'rm -rf "$scratch"' EXIT
trap 'exit 130' INT TERM HUP

if [ $# -gt 0 ]; then programs=("$@"); else mapfile -t programs < <(cd "$here" && ls -- *.c 2>/dev/null | sed 's/\.c$//'); fi
[ ${#programs[@]} -gt 0 ] || { echo "guest: no programs in tests/guest" && exit 1; }

# once WHERE PROGRAM CMD...: writes to one.results a line "WHERE PROGRAM ok|not THEME TEXT" (tabs between) for each check; that the
# program runs to its end is a check of its own.
once() {
	local where=$1 program=$2 status=0 ended=ok
	shift 2
	: >"$scratch/one.results"
	: >"$scratch/one.details"
	(cd "$scratch/tmp" && timeout -k 5 "$LIMIT" "$@" </dev/null >"$scratch/out" 2>"$scratch/err") || status=$?
	# Details after "  # " vary from run to run.
	sed -nE 's/^(ok|not) (ok )?[0-9]+ - ([^:]*): (.*)$/\1\t\3\t\4/p' "$scratch/out" | sed 's/  # .*//' |
		sed "s/^/$where\t$program\t/" >>"$scratch/one.results"
	grep -a '^not ok' "$scratch/out" | sed "s|^|# $where $program: |" >>"$scratch/one.details"
	if ! grep -aqE '^1\.\.[0-9]+$' "$scratch/out"; then
		ended=not
		{
			echo "# $where $program: broke off with status $status after: $(tail -n 1 "$scratch/out")"
			head -c 600 "$scratch/err" | sed 's/^/#   /'
		} >>"$scratch/one.details"
	fi
	printf '%s\t%s\t%s\tprogram\t%s runs to its end\n' "$where" "$program" "$ended" "$program" >>"$scratch/one.results"
}

# The same, appended to results and details. A program with a failure runs a second time, which counts: several checks
# measure milliseconds, and a busy machine may fail them. That it did is said.
execute() {
	once "$@"
	if grep -q "$(printf '\tnot\t')" "$scratch/one.results"; then
		sed 's/^# /# (first try) /' "$scratch/one.details" >>"$scratch/details"
		once "$@"
	fi
	cat "$scratch/one.results" >>"$scratch/results"
	cat "$scratch/one.details" >>"$scratch/details"
}

touch "$scratch/results" "$scratch/details"
mkdir "$scratch/tmp"
for program in "${programs[@]}"; do
	execute native "$program" "$PROG/$program"
	for layout in $LAYOUTS; do
		execute "sandbox-$layout" "$program" "$SANDBOX" run --privilege "$layout" "$PROG/$program"
	done
done
sed -nE 's/^([^:#]+): ([^:]+): (.*)$/\1\t\2\t\3/p' "$here/known-failures.txt" | sed 's/  # .*//' >"$scratch/known"

cat "$scratch/details"
awk -F '\t' -v lenient="${LENIENT-}" -v report="${REPORT-}" -f "$here/summary.awk" "$scratch/known" "$scratch/results"
