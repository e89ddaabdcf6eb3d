# SPDX-License-Identifier: Apache-2.0
# Themes about terminals: a person at a terminal of tmux, who sees a screen and types. Sourced by them, with lib.sh.
# shellcheck shell=bash disable=SC2016,SC2034

export TMUX_TMPDIR=$TMP TERM=screen
mux() { env -u TMUX timeout -k 1 10 tmux -L sandbox-test -f /dev/null "$@" 2>>"$TMP/mux.err"; }
trap 'mux kill-server' EXIT

screen() { mux capture-pane -p "$@"; }
# keys KEY...: as of tmux send-keys: text, or Enter, C-c ...
keys() { mux send-keys "$@"; }
type_line() { keys -l "$1" && keys Enter; }

# Until a line of the screen matches the pattern.
shows() {
	local end=$((SECONDS + LIMIT))
	until screen | grep -qE -- "$1"; do
		[ $SECONDS -lt $end ] || { echo "wanted '$1' on:" && screen && return 1; }
		sleep 0.05
	done
}

# Starts the caller's shell anew, on an empty screen of 80 x 24.
fresh() {
	mux kill-session -t person
	# A server that is about to end refuses.
	for _ in {1..10}; do
		mux new-session -d -s person -x 80 -y 24 "env PS1='host> ' TERM=screen bash --norc --noprofile" && break
		sleep 0.2
	done
	shows '^host>$'
}

# play STEP...: a key; `?PATTERN`: until that is shown; `@80x24`: the terminal gets this size; `=TEXT`: typed as it is; `wait`: a
# moment, for what takes the terminal without showing that it has.
play() {
	local step
	for step; do
		case $step in
		\?*) shows "${step#?}" || return ;;
		@*) step=${step#@} && mux resize-window -t person -x "${step%x*}" -y "${step#*x}" ;;
		wait) sleep 0.7 ;;
		=*) keys -l "${step#=}" ;;
		*) keys "$step" ;;
		esac
		sleep 0.05
	done
}

# What is compared: text, colours and the cursor's place. Process numbers differ, and so what is as long as one is hidden.
picture() { screen -e && mux display-message -p 'cursor at #{cursor_x},#{cursor_y}'; }
shell_picture() { screen | sed -E 's/^(\[[0-9]+\]) [0-9]+$/\1 N/'; }

# Until nothing on the screen has changed for a while.
settled() {
	local before now=
	for _ in {1..50}; do
		before=$now now=$("$1")
		[ "$now" != "$before" ] || return 0
		sleep 0.3
	done
}

# same_screen [--as PICTURE] TEXT COMMAND STEP...: what is on the screen after the steps is what the host's own run shows. Before
# them, the screen is cleared and the command is started: outside in the directory $TMP/work, inside with SCREEN_OPTIONS.
same_screen() {
	local as=picture text command end=$((SECONDS + 3 * LIMIT))
	[ "$1" != --as ] || { as=$2 && shift 2; }
	text=$1 command=$2
	shift 2
	: >"$TMP/steps"
	fresh
	type_line "clear; cd $TMP/work; $command"
	play "$@" >>"$TMP/steps" && settled "$as"
	"$as" >"$TMP/native.screen"
	[ -s "$TMP/steps" ] && { echo "outside:" && cat "$TMP/steps"; } | fail "$text" && return
	fresh
	type_line "clear; $SANDBOX run $E2E_OPTIONS $SCREEN_OPTIONS $command"
	play "$@" >"$TMP/steps"
	until "$as" >"$TMP/guest.screen" && cmp -s "$TMP/native.screen" "$TMP/guest.screen"; do
		if [ $SECONDS -ge $end ] || [ -s "$TMP/steps" ]; then break; fi
		sleep 0.2
	done
	if [ ! -s "$TMP/steps" ] && cmp -s "$TMP/native.screen" "$TMP/guest.screen"; then
		ok "$text"
	else
		diff -a "$TMP/native.screen" "$TMP/guest.screen" | cat -v - "$TMP/steps" | fail "$text"
	fi
}
