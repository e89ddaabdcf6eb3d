#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# `make demo`: real programs in microVMs of their own, with output, exit status and timing.
set -u
cd "$(dirname "$0")/.." || exit 1
show() {
	printf '\n$ %s\n' "$*"
	"$@"
	echo "(exit status $?)"
}
show build/sandbox check
show build/sandbox run /bin/uname -srm
printf '\n$ seq 1000 | sandbox run sha256sum\n'
seq 1000 | build/sandbox run sha256sum
show build/sandbox run awk 'BEGIN { for (i = 1; i <= 10; i++) s += i * i; print "sum of squares:", s; exit 3 }'
printf '\n$ sandbox run --stats true\n'
stats=$(mktemp)
trap 'rm -f "$stats"' EXIT
TIMEFORMAT='(%3R s as the shell sees it)'
time build/sandbox run --stats="$stats" true
cat "$stats"
