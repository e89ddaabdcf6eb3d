# SPDX-License-Identifier: Apache-2.0
# A program that destroys its guest ends the run as a guest crash, or itself by a signal; never as a hang, and never the
# runner. Where the layout lets it reach the kernel, the crash is told with a register dump under -v.
# shellcheck shell=bash

for what in data text jump page-tables descriptor-tables shared-page rings noise; do
	got=0
	sandbox_run -v --stats=stats --timeout 8s "$PROG/destroy" "$what" </dev/null >out 2>err || got=$?
	how=$(jq -r .outcome stats)
	case $got-$how in
	139-signal | 125-guest-crash) ok "destroying its $what ends: $how" ;;
	*) { echo "status $got, outcome $how" && tail -n 5 err; } | fail "destroying its $what ends as a crash or a signal" ;;
	esac
	[ "$how" != guest-crash ] || check "$what: the crash says where" grep -qE 'guest crash: .*rip 0x' err
done
check_output hello "the next run knows nothing of it" "$PROG/hello-static"
