# SPDX-License-Identifier: Apache-2.0
# A program that destroys its guest ends the run as a guest crash, or itself by a signal, and never the runner (a guest that
# noise has made a spinning one is ended by --timeout). Where the layout lets it reach the kernel, the crash is told with a register dump under -v.
# shellcheck shell=bash

for what in data text jump page-tables descriptor-tables shared-page rings noise; do
	got=0
	sandbox_run -v --stats=stats --timeout 8s "$PROG/destroy" "$what" </dev/null >out 2>err || got=$?
	how=$(jq -r .outcome stats)
	case $got-$how-$what in
	124-timeout-noise | 139-signal-* | 125-guest-crash-*) ok "destroying its $what ends: $how" ;;
	*) { echo "status $got, outcome $how" && tail -n 5 err; } | fail "destroying its $what ends as a crash or a signal" ;;
	esac
	[ "$how" != guest-crash ] || check "$what: the crash says where" grep -qE 'guest crash: .*rip 0x' err
done
check_output hello "the next run knows nothing of it" "$PROG/hello-static"

# ---- memory that is gone: the program's file is mapped into the guest, and truncated on the host meanwhile ----
# loses HOW: runs `lost HOW`, truncates its file when it is ready, and sets STATUS; messages are in $TMP/live.err.
loses() {
	rm -f go stuck "$TMP/live.err" && touch "$TMP/live.err" && cp "$PROG/lost" lost && mkfifo go stuck && exec 5<>go 6<>stuck
	local out=$TMP/live.out
	[ "$1" != keep ] || out=stuck
	# shellcheck disable=SC2086
	"$SANDBOX" run $E2E_OPTIONS ./lost "$1" <go >"$out" 2>"$TMP/live.err" &
	PID=$!
	until grep -q ready "$TMP/live.err" || ! kill -0 "$PID" 2>/dev/null; do sleep 0.02; done
	truncate -s $(($(stat -c %s lost) / 2)) lost
	echo >&5
	finish
	exec 5<&- 6<&-
}
for how in write keep; do
	loses $how
	check "pages that are gone, as output ($how): status 125" equal "$STATUS" 125
	check "the message says why ($how)" grep -qE '^sandbox: .*a file of the program was truncated' "$TMP/live.err"
done
loses descriptor
case $STATUS in
125) check "a descriptor that points to a page that is gone: the message says why" grep -q '^sandbox: the host could not give memory' "$TMP/live.err" ;;
139) ok "a descriptor that points to a page that is gone: the program cannot make one" ;;
*) { echo "status $STATUS" && cat "$TMP/live.err"; } | fail "a descriptor that points to a page that is gone" ;;
esac
