#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Runs the guest-semantics programs natively and in the sandbox and compares: run.sh [PROGRAM...]. RUNS (default "auto:1")
# lists the ways to run them in the sandbox, each a value of --privilege and of --cpus. With REPORT=FILE it also writes for
# each area, theme and way "area TAB theme TAB way TAB passed TAB checks"; "-" is stdout, where each such line begins with
# "report:". A program's area is what follows "area:" in its first comment.
# LENIENT=1 (for emulated machines and other kernels): a check that fails natively is not judged.
# Status 0 when, apart from known-failures.txt, each check passes in the sandbox and natively.
set -u
here=$(cd "$(dirname "$0")" && pwd)
top=$(cd "$here/../.." && pwd)
SANDBOX=$(realpath "${SANDBOX:-$top/build/sandbox}")
PROG=$(realpath "${PROG:-$top/build/guest}")
export LIMIT=${LIMIT:-90}
RUNS=${RUNS:-auto:1}

scratch=$(mktemp -d "${TMPDIR:-/tmp}/sandbox-guest.XXXXXX")
trap 'rm -rf "$scratch"' EXIT
trap 'exit 130' INT TERM HUP

if [ $# -gt 0 ]; then programs=("$@"); else mapfile -t programs < <(cd "$here" && ls -- *.c 2>/dev/null | sed 's/\.c$//'); fi
[ ${#programs[@]} -gt 0 ] || { echo "guest: no programs in tests/guest" && exit 1; }

# execute WAY PROGRAM CMD...: appends to results a line "WAY PROGRAM ok|not THEME TEXT" (tabs between) for each check; that
# the program runs to its end is a check of its own.
execute() {
	local way=$1 program=$2 status=0 ended=ok
	shift 2
	(cd "$scratch/tmp" && timeout -k 5 "$LIMIT" "$@" </dev/null >"$scratch/out" 2>"$scratch/err") || status=$?
	# Details after "  # " vary from run to run.
	sed -nE 's/^(ok|not) (ok )?[0-9]+ - ([^:]*): (.*)$/\1\t\3\t\4/p' "$scratch/out" | sed 's/  # .*//' |
		sed "s/^/$way\t$program\t/" >>"$scratch/results"
	grep -a '^not ok' "$scratch/out" | sed "s|^|# $way $program: |" >>"$scratch/details"
	if ! grep -aqE '^1\.\.[0-9]+$' "$scratch/out"; then
		ended=not
		{
			echo "# $way $program: broke off with status $status after: $(tail -n 1 "$scratch/out")"
			head -c 600 "$scratch/err" | sed 's/^/#   /'
		} >>"$scratch/details"
	fi
	printf '%s\t%s\t%s\tprogram\t%s runs to its end\n' "$way" "$program" "$ended" "$program" >>"$scratch/results"
}

touch "$scratch/results" "$scratch/details"
mkdir "$scratch/tmp"
automatic=$("$SANDBOX" check 2>/dev/null | sed -nE 's/^ok +layout +(flat|split).*/\1/p')
for program in "${programs[@]}"; do
	execute native "$program" "$PROG/$program"
	for run in $RUNS; do
		layout=${run%:*} cpus=${run#*:}
		[ "$layout" != auto ] || layout=${automatic:-auto}
		execute "$layout-$cpus" "$program" "$SANDBOX" run --privilege "$layout" --cpus "$cpus" -e LIMIT "$PROG/$program"
	done
done
sed -nE 's/^([^:#]+): ([^:]+): (.*)$/\1\t\2\t\3/p' "$here/known-failures.txt" | sed 's/  # .*//' >"$scratch/known"
for program in "${programs[@]}"; do
	area=$(sed -n 's/.*area: *//p' "$here/$program.c" | head -n 1)
	printf '%s\t%s\n' "$program" "${area:-Other}"
done >"$scratch/areas"

cat "$scratch/details"
awk -F '\t' -v lenient="${LENIENT-}" -v report="$scratch/report" -f "$here/summary.awk" "$scratch/known" "$scratch/areas" \
	"$scratch/results"
status=$?
case ${REPORT-} in
'') ;;
-) sed 's/^/report:/' "$scratch/report" ;;
*) cp "$scratch/report" "$REPORT" ;;
esac
exit $status
