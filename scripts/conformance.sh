#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Runs the guest-semantics programs and writes docs/conformance.md from what was seen.
set -eu
cd "$(dirname "$0")/.." || exit 1
table=$(mktemp)
trap 'rm -f "$table"' EXIT
status=0
REPORT=$table tests/guest/run.sh "$@" || status=$?
[ -s "$table" ] || exit 1
# Only a complete run is worth writing down.
[ $# = 0 ] || exit "$status"
{
	cat <<'TEXT'
# Conformance

How far the guest kernel behaves like Linux, as `make conformance` measures it: the programs in `tests/guest/` are ordinary
Linux programs that check one behaviour a line. They run natively on the host and in the sandbox. This file is generated.

TEXT
	cat "$table"
	printf '\n## Known failures\n\n'
	sed -n '/^[^#]/s/^/- /p' tests/guest/known-failures.txt | grep . || echo None.
} >docs/conformance.md
exit "$status"
