#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Runs the end-to-end tests through the real executable: run.sh [THEME...]; all themes without an argument.
# SANDBOX, PROG, LIMIT, E2E_OPTIONS: see lib.sh; THEME_LIMIT: seconds for a whole theme. Prints failures and skips (each case with V=1), then a line for each
# theme and last "N passed, N failed, N skipped". Status 0 when nothing failed; with STRICT=1 a skip that could have run
# (all but those for want of root, or of a program that is not worth installing) fails too.
set -u
here=$(cd "$(dirname "$0")" && pwd)
top=$(cd "$here/../.." && pwd)
SANDBOX=$(realpath "${SANDBOX:-$top/build/sandbox}") PROG=$(realpath "${PROG:-$top/build/e2e}") || exit 1
export SANDBOX PROG LIMIT="${LIMIT:-20}" THEME_LIMIT="${THEME_LIMIT:-600}" E2E_OPTIONS="${E2E_OPTIONS:-}" HOME="${HOME:-/root}"
[ -x "$SANDBOX" ] || { echo "e2e: no executable $SANDBOX" >&2 && exit 1; }
[ -x "$PROG/hello-static" ] || { echo "e2e: no helper programs in $PROG (make e2e builds them)" >&2 && exit 1; }

scratch=$(mktemp -d "${TMPDIR:-/tmp}/sandbox-e2e.XXXXXX")
trap 'rm -rf "$scratch"' EXIT
trap 'exit 130' INT TERM HUP

themes=("$@")
[ $# -gt 0 ] || mapfile -t themes < <(cd "$here" && ls theme_*.sh | sed 's/^theme_//; s/\.sh$//')

passed=0 failed=0 skipped=0 avoidable=0
for THEME in "${themes[@]}"; do
	[ -f "$here/theme_$THEME.sh" ] || { echo "e2e: no theme $THEME" >&2 && exit 1; }
	export THEME TMP=$scratch/$THEME
	mkdir "$TMP"
	began=$SECONDS
	timeout -k 5 "$THEME_LIMIT" bash -c 'set -u; . "$1/lib.sh"; cd "$TMP" || exit 1; . "$1/theme_$THEME.sh"; echo "end of theme"' \
		theme "$here" </dev/null >"$scratch/log" 2>&1
	if ! grep -aqx 'end of theme' "$scratch/log"; then
		tail -n 5 "$scratch/log" | sed 's/^/#   /'
		echo "FAIL - $THEME: the theme's script broke off or took more than $THEME_LIMIT s" >>"$scratch/log"
	fi
	p=$(grep -ac '^ok - ' "$scratch/log") f=$(grep -ac '^FAIL - ' "$scratch/log") s=$(grep -ac '^skip - ' "$scratch/log")
	if [ -n "${V-}" ]; then cat "$scratch/log"; else grep -aE '^(FAIL|skip) - |^#' "$scratch/log"; fi
	printf '%-12s %3d passed, %d failed, %d skipped  (%d s)\n' "$THEME" "$p" "$f" "$s" $((SECONDS - began))
	avoidable=$((avoidable + $(grep -a '^skip - ' "$scratch/log" | grep -vcE ': (not root|optional: )')))
	passed=$((passed + p)) failed=$((failed + f)) skipped=$((skipped + s))
	rm -rf "$TMP"
done
echo "$passed passed, $failed failed, $skipped skipped"
[ -z "${STRICT-}" ] || [ "$avoidable" = 0 ] || { echo "e2e: $avoidable skipped that could have run" >&2 && exit 1; }
[ "$failed" = 0 ]
