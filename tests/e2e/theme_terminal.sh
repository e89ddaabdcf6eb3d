# SPDX-License-Identifier: Apache-2.0
# Terminals: what a person at a terminal sees and types, played through tmux; and what remains of the caller's terminal afterwards.
# Only the program and its libraries are in the guest, no terminfo: programs that need it get it inline in TERMINFO.
# shellcheck shell=bash disable=SC2016,SC2034

for need in tmux busybox; do
	command -v "$need" >/dev/null || { skip "all of it" "$need is not installed" && return; }
done

# shellcheck source=/dev/null
. "${BASH_SOURCE[0]%/*}/screen.sh"

# The caller's terminal settings, as stty -g says.
settings() {
	keys -l "clear; stty -g >$TMP/$1; echo sa''id"
	keys Enter
	shows '^said$'
}

guest_shell="$SANDBOX run $E2E_OPTIONS -e PS1='guest> '"

fresh
settings before
type_line "clear; $guest_shell busybox sh"
check "a shell in the guest shows its prompt" shows '^.*guest>$'
type_line 'tty; stty size'
check "it has a terminal" shows '^/dev/pts/[0-9]+$'
check "of the caller's size" shows '^24 80$'
mux resize-window -t person -x 100 -y 30
check "a new size arrives" eval 'for _ in {1..50}; do type_line "clear; stty size"; sleep 0.1; screen | grep -q "^30 100$" && break; done; shows "^30 100$"'
mux resize-window -t person -x 80 -y 24
type_line 'clear; sleep 1000'
sleep 0.3
keys C-z
check "Ctrl-Z stops the foreground job" shows 'Stopped'
type_line 'clear; jobs'
check "the shell knows it" shows '^\[1\]\+ +Stopped +sleep 1000'
type_line 'clear; fg'
check "fg continues it" shows '^sleep 1000$'
sleep 0.3
keys C-c
check "Ctrl-C ends it" shows '^\^C'
type_line 'echo status $?'
check "by SIGINT" shows '^status 130$'
type_line 'clear; sleep 1000'
sleep 0.3
keys C-z
shows 'Stopped' >/dev/null
type_line 'clear; bg; kill %1; wait; jobs; echo rea''dy'
check "bg and kill" shows '^ready$'
type_line 'clear; cat'
sleep 0.3
type_line 'some text'
check "what is typed is echoed and read" eval 'shows "^some text$" && [ "$(screen | grep -c "^some text$")" = 2 ]'
keys C-d
type_line 'echo aft''er'
check "Ctrl-D is the end of input" shows '^.*after$'
type_line 'clear; stty -echo; read x; stty echo; echo "got $x"'
sleep 0.3
type_line secret
check "without echo nothing is shown" eval 'shows "^got secret$" && ! screen | grep -q "^secret"'
type_line 'clear; cat & sleep 0.2; jobs'
check "a background job that reads stops" shows 'Stopped \(tty input\)|Stopped'
type_line 'kill -9 %1; clear; sleep 1000'
sleep 0.3
keys 'C-\'
type_line 'echo status $?'
check 'Ctrl-\ is SIGQUIT' shows '^status 131$'
type_line 'exit 7'
shows '^host>$' >/dev/null
type_line 'echo status $?'
check "the status is the shell's" shows '^status 7$'
settings after
check "the terminal is as it was" cmp "$TMP/before" "$TMP/after"

# However it ends.
for signal in TERM HUP KILL-GUEST SEGV; do
	fresh
	type_line "$SANDBOX run $E2E_OPTIONS busybox sh -c 'echo up; exec sleep 1000'"
	shows '^up$' >/dev/null
	pid=$(pgrep -n -f "^$SANDBOX run .*sleep 1000")
	case $signal in
	KILL-GUEST) keys 'C-\' ;;
	*) kill "-$signal" "$pid" ;;
	esac
	shows '^host>$' >/dev/null
	settings after
	check "as it was after $signal" cmp "$TMP/before" "$TMP/after"
done
fresh
type_line "$SANDBOX run $E2E_OPTIONS --timeout 500ms busybox sh"
shows '^host>$' >/dev/null
type_line 'echo status $?'
check "a time-out ends it" shows '^status 124$'
settings after
check "and leaves the terminal as it was" cmp "$TMP/before" "$TMP/after"
fresh
type_line "$SANDBOX run $E2E_OPTIONS $TMP/missing"
check "an error before the start is readable" shows '^sandbox: .*missing'
settings after
check "and leaves the terminal alone" cmp "$TMP/before" "$TMP/after"

# Stopped and continued from outside.
fresh
type_line "$guest_shell busybox sh"
shows 'guest>$' >/dev/null
pid=$(pgrep -n -f "^$SANDBOX run .*busybox sh")
kill -TSTP "$pid"
check "SIGTSTP to the runner stops it" shows 'Stopped'
settings after
check "with the terminal as it was" cmp "$TMP/before" "$TMP/after"
type_line 'clear; fg'
sleep 0.5
type_line 'echo he''re'
check "and it goes on in the foreground" shows '^here$'

# bash, with job control of its own.
fresh
type_line "clear; $SANDBOX run $E2E_OPTIONS bash --norc --noprofile"
shows 'bash-.*[#$]$' >/dev/null
type_line 'clear; (while :; do read -r -t 1; done)'
sleep 0.5
keys C-z
check "bash: Ctrl-Z" shows '^\[1\]\+ +Stopped'
type_line 'clear; fg'
sleep 0.5
keys C-c
type_line 'echo status $?'
check "bash: fg, Ctrl-C" shows '^status 130$'
type_line 'clear; for i in {1..20000}; do echo line $i; done'
check "bash: much output ends right" shows '^line 20000$'
keys -l 'wrong ünicode'
keys C-u
type_line 'clear; echo ri''ght'
check "bash: line editing" shows '^right$'
keys C-d
check "bash: Ctrl-D leaves it" shows '^host>$'

# Streams that are no terminals.
check_output "not a tty" "without a terminal there is none" busybox sh -c 'tty; exit 0'
check "--tty gives one all the same" equal "$(sandbox_run -t busybox sh -c 'tty; tty 0>&2; stty size' </dev/null 2>&1 | tr -d '\r' | tr '\n' ' ')" "/dev/pts/0 /dev/pts/0 24 80 "
got=$(printf 'echo hi\nexit 3\n' | sandbox_run --tty busybox sh -c 'stty -echo; sh'; echo "${PIPESTATUS[1]}")
check "--tty with pipes" eval 'grep -q 3 <<<"$got" && grep -q hi <<<"$got"'
fresh
type_line "$SANDBOX run $E2E_OPTIONS busybox sh -c 'test -t 2 || echo apart; echo error >&2; test -t 1 && echo to''gether' 2>$TMP/err"
check "standard error in a file stays one" eval 'shows "^together" && shows "^apart" && [ "$(cat "$TMP/err")" = error ]'
fresh
type_line "$SANDBOX run $E2E_OPTIONS busybox sh -c 'sleep 1; echo from the back' & wait"
check "in the background a program writes without a terminal of its own" shows '^from the back$'
fresh
type_line "$SANDBOX run $E2E_OPTIONS busybox sh -c 'read line; echo \"got \$line\"' &"
sleep 1
type_line "clear; fg"
type_line typed
check "one that reads waits for the foreground" shows '^got typed$'

# Full-screen programs, without the host's files.
mkdir "$TMP/work"
terminfo=$(infocmp -0 -Q2 -q screen)
SCREEN_OPTIONS="-e TERMINFO='$terminfo' -e TERM=screen"
same_screen "busybox vi" 'busybox vi' '?^~' i '=first line' Enter '=tab	here' Enter '=last line' Escape k '?^last line'
vim=$(command -v vim.tiny || command -v vim)
if [ -n "$vim" ]; then
	vim="$vim -u NONE -i NONE -n --cmd 'set enc=utf-8 nocp ruler showmode'"
	same_screen "vim inserts" "$vim" '?^~' i '=first line' Enter '=second' Enter '=third' '?-- INSERT --'
	same_screen "vim moves, splits, deletes" "$vim" '?^~' i '=first' Enter '=second' Enter '=third' Enter '=fourth' Escape '=:split' Enter '=gg' '=dd' C-w j \
		'=:set number' Enter '?^fourth'
	type_line ':qa!'
	check "vim gives the screen back" shows '^host>$'
else
	skip "vim" "vim is not installed"
fi
if command -v less >/dev/null; then
	fresh
	type_line "clear; $SANDBOX run $E2E_OPTIONS -e TERMINFO='$terminfo' -e TERM=screen less -f /proc/cpuinfo"
	check "less shows a page" shows '^/proc/cpuinfo|^processor'
	keys G
	check "less goes to the end" shows '\(END\)'
	keys q
	check "less gives the screen back" shows '^host>$'
else
	skip "less" "less is not installed"
fi
if command -v htop >/dev/null; then
	fresh
	type_line "clear; $SANDBOX run $E2E_OPTIONS -e TERMINFO='$terminfo' -e TERM=screen htop"
	check "htop draws its meters and the list of processes" eval 'shows "Load average: " && shows "PID.*USER.*Command" && shows "F10Quit" && shows "/init"'
	mux resize-window -t person -x 100 -y 30
	check "htop follows a new size" eval 'for _ in {1..60}; do screen | tail -n 1 | grep -q F10Quit && break; sleep 0.1; done; screen | tail -n 1 | grep F10Quit'
	keys q
	check "htop gives the screen back" shows '^host>$'
else
	skip "htop" "htop is not installed"
fi
# A tmux of the guest within the caller's: panes, their sizes, windows, a new size, the end.
fresh
type_line "clear; $SANDBOX run $E2E_OPTIONS -e TERM=screen -e SHELL=/bin/sh -e PS1='pane> ' --ro / --tmpfs /tmp tmux -u -f /dev/null new-session 'sh'"
check "tmux in the guest shows a pane" shows '^pane>$'
keys C-b %
type_line "stty size"
check "its second pane has half the width" shows '23 39$'
type_line 'i=0; while read x; do echo "<$x>"; done'
type_line "typed"
check "a pane reads what is typed" shows '<typed>$'
keys C-c
type_line 'echo after $((6 * 7))'
check "the pane is interrupted" shows '│after 42$'
keys C-b '"'
type_line "stty size"
check "a third pane has half the height" shows '11 39$'
mux resize-window -t person -x 100 -y 30
check "the panes follow a new size" eval 'for _ in {1..60}; do type_line "clear; stty size"; sleep 0.2; screen | grep -qE "1[34] 49$" && break; done; shows "1[34] 49$"'
mux resize-window -t person -x 80 -y 24
keys C-b c
type_line 'echo second $((6 * 7))'
check "a second window" shows 'second 42$'
keys C-b d
check "detached, the session ends with the guest" shows '^host>$'
