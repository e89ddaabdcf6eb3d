#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# One unit of one suite, on the host or in the sandbox alike: one.sh SUITE.sh UNIT DIR. DIR is what the suite's `prepare`
# made (read-only inside). Standard output is a line `RESULT NAME` for each test, everything else goes to standard error.
set -u -o pipefail
export SCALE=${SCALE:-1} # by which time limits are longer
export PATH=/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C.UTF-8 TERM=dumb TMPDIR=/tmp
HERE=$(dirname "$(readlink -f "$1")") UNIT=$2 DIR=$3
WORK=$(mktemp -d) || exit 99
export HOME=$WORK HERE DIR WORK
trap 'cd /; rm -rf "$WORK"' EXIT
cd "$WORK" || exit 99
exec </dev/null 3>&1 1>&2 # tests that print do not disturb the results
result() { echo "$*" >&3; }

# check NAME CMD...: the result is CMD's status.
check() {
	local name=$1 status=0
	shift
	"$@" </dev/null || status=$?
	[ $status = 0 ] && result ok "$name" || result "FAIL($status)" "$name"
}

# digest NAME CMD...: the result is CMD's status and a digest of what it prints.
digest() {
	local name=$1 sum
	shift
	sum=$("$@" </dev/null | md5sum; echo "${PIPESTATUS[0]}")
	result "${sum%%  *}:${sum##*[[:space:]]}" "$name"
}

# shellcheck source=/dev/null
. "$1"
run "$UNIT"
