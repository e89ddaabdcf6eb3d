# SPDX-License-Identifier: Apache-2.0
# Full-screen programs and a shell with jobs, with the host's files: each screen is the one of the host's own run.
# shellcheck shell=bash disable=SC2016,SC2034

for need in tmux less htop; do
	command -v "$need" >/dev/null || { skip "all of it" "$need is not installed" && return; }
done
vim=$(command -v vim.tiny || command -v vim) || { skip "all of it" "vim is not installed" && return; }
# shellcheck source=/dev/null
. "${BASH_SOURCE[0]%/*}/screen.sh"

mkdir "$TMP/work"
seq -f 'int value_%03.0f = 42; /* a line of text */' 200 >"$TMP/work/file.c"
printf 'tab\there, wide \345\255\227, accent \303\251, \001\033[1m, and a line that is longer than the screen is wide%080d\n' 0 >"$TMP/work/odd"
SCREEN_OPTIONS="--ro / --rw $TMP/work -w $TMP/work -e TERM=screen -e LANG=C.UTF-8 -e HOME=$TMP/work"
export LANG=C.UTF-8 HOME=$TMP/work

vim="$vim -n -i NONE --cmd 'set nocompatible ruler showmode showcmd'"
same_screen "vim: windows, line numbers" "$vim file.c odd" '?value_001' '=:vsplit' Enter '=:set number' Enter C-w w '=:next' Enter '=:split' Enter '?accent' ma
# A shell with jobs: the screen of the whole talk.
shell="env -i PATH=$PATH TERM=screen PS1='shell> ' HOME=$TMP/work bash --norc --noprofile"
same_screen --as shell_picture "bash: jobs, stopped and continued" "$shell" '?shell>$' '=sleep 100 &' Enter '?\[1\]' '=sleep 200' Enter wait C-z '?\[2\]\+ +Stopped' \
	'=jobs' Enter '?Running' '=fg %1' Enter '?^sleep 100$' wait C-c '?\^C' '=kill -9 %2; sleep 1' Enter '?Killed' '=jobs; echo status $?' Enter '?^status'
# An emulated machine takes more than a minute for each.
[ -z "${LENIENT-}" ] || return

same_screen "vim: a file, movement, search" "$vim file.c" '?value_001' G '?value_200' gg '=/value_150' Enter '?value_150' zz 3dd 5j
same_screen "vim: insert, completion, undo" "$vim file.c" '?value_001' O '=some text ' C-n '?-- Keyword' Enter '=more' '?more' Escape u C-r '=:set number?' Enter '?nonumber'
same_screen "vim: a new size" "$vim file.c" '?value_001' '=:split' Enter @100x30 '?value_012' @60x20 G '?value_200'
same_screen "vim: a file with control bytes" "$vim odd" '?accent' '$' '=:set list' Enter '?\^I' '=ga'
same_screen --as shell_picture "vim: a command of the shell, and back" "$vim file.c" '?value_001' '=:!echo an''swer $((6*7))' Enter '?answer 42' Enter '?value_001' '=:q!' Enter '?host>'

same_screen "less: pages, search" "less file.c" '?value_001' Space Space '?value_060' b '=/150' Enter '?value_150' n
same_screen "less: numbers of lines, filter, end" "less -N file.c" '?value_001' '=&_1.5' Enter '?value_105' G '?END'
same_screen "less: a new size, marks" "less -S -M odd file.c" '?accent' @100x30 '=:n' '?value_028' ma G "?200" "'" a '?value_001' @80x24
same_screen "less: what a pipe brings" "bash -c 'seq 100 | less -~'" '?^1$' d d G '?END' u

# What htop shows of processes and the machine differs; its frame, its menus and its help do not.
frame() { screen | grep -aE '^ *PID|^F[0-9]|^Esc' | sed -E 's/ +$//'; }
help() { screen | grep -avE '^htop'; }
# It must not find what it noted when it last ended.
htop="env HTOPRC=/nowhere/htoprc htop --delay=50"
same_screen --as frame "htop: columns and keys" "$htop" '?^ *PID' '?F10' @100x30 '?F10Quit'
same_screen --as frame "htop: a tree, and back" "$htop" '?F10' F5 '?F5List' @120x30
same_screen --as help "htop: help" "$htop" '?F10' @100x40 F1 '?Press any key'
same_screen --as shell_picture "htop: the screen comes back" "$htop" '?F10' q '?host>'

same_screen --as shell_picture "bash: vim stopped, a job, and vim again" "$shell" '?shell>$' "=${vim%% *} -u NONE -n odd" Enter '?accent' wait C-z '?Stopped' \
	'=jobs | wc -l' Enter '?^1$' '=fg >/dev/null' Enter '?accent' '=:q' Enter '?shell>$'
same_screen --as shell_picture "bash: line editing, history, completion" "$shell" '?shell>$' '=echo one two' C-w '=three' C-a M-f M-f '= and' Enter '?^echo|^one and' Up C-e '= again' Enter '?again$' \
	'=cat fi' Tab '?file.c' '=| head -n 1' Enter '?value_001' C-r '=one' '?reverse' C-g '=exit 7' Enter '?host>' '=echo $?' Enter '?^7$'
same_screen --as shell_picture "bash: a pipeline is stopped and interrupted as one" "$shell" '?shell>$' '=yes | cat >/dev/null' Enter wait C-z '?Stopped' \
	'=clear; fg' Enter '?^yes' wait C-c '=echo status $?' Enter '?^status 130' '=trap "echo caught" INT; sleep 50' Enter wait C-c '?caught' \
	'=stty -a | grep -o "icanon\|isig"' Enter '?^isig'
