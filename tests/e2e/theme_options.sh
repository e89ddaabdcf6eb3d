# SPDX-License-Identifier: Apache-2.0
# Command line: each option's effect where it shows at once, and errors that name what is wrong.
# shellcheck shell=bash

hello=$PROG/hello-static
check_error 125 --nonsense "an unknown option is named" run --nonsense "$hello"
check_error 125 -Z "an unknown short option is named" run -Z "$hello"
check_error 125 PROGRAM "run without a program" run
check_error 125 nonsense "an unknown command is named" nonsense
for option in memory timeout env workdir user hostname privilege; do
	check_error 125 "--$option" "--$option without a value" run "--$option"
done
for value in "" x 12Q -1 0 1K 99999999999999999999 1.2.3M " 5M" 5MM nan 1e9; do
	check_error 125 --memory "--memory '$value' is refused" run --memory "$value" "$hello"
done
for value in "" x 10q -1s 99999999999999999999s 1.2.3s nan inf; do
	check_error 125 --timeout "--timeout '$value' is refused" run --timeout "$value" "$hello"
done
for value in "" nobody-of-that-name -1 4294967296 1:x 1:2:3 :5; do
	check_error 125 --user "--user '$value' is refused" run --user "$value" "$hello"
done
for value in "" "$(printf 'x%.0s' {1..65})" a/b; do
	check_error 125 --hostname "--hostname '${value:0:8}' is refused" run --hostname "$value" "$hello"
done
for value in "" =x; do
	check_error 125 --env "--env '$value' is refused" run --env "$value" "$hello"
done
check_error 125 --privilege "--privilege wrong is refused" run --privilege wrong "$hello"
check_error 125 --workdir "--workdir relative is refused" run --workdir relative "$hello"
check_error 125 /nowhere/stats "--stats into a directory that does not exist" run --stats=/nowhere/stats "$hello"

for value in 64M 512M 1G 1.5G 131072K 134217728; do
	check_output hello "--memory $value" --memory "$value" "$hello"
done
for value in 10s 9000ms 1m 0.5h 20; do
	check_output hello "--timeout $value" --timeout "$value" "$hello"
done
check_output hello "--memory=SIZE" --memory=128M "$hello"
check_output hello "--privilege auto" --privilege auto "$hello"
check_output hello "options may repeat, the last counts" --memory 64M --memory 128M "$hello"

for command in "--help" "run --help" "version" "--version"; do
	# shellcheck disable=SC2086
	check "sandbox $command prints to stdout and succeeds" \
		bash -c '[ -n "$("$SANDBOX" '"$command"' 2>err)" ] && [ ! -s err ]'
done
for option in --memory --timeout --env --workdir --user --hostname --stats --privilege -v; do
	check "run --help tells of $option" bash -c '"$SANDBOX" run --help | grep -qe "$1"' _ "$option"
done
check "version is that of the source" bash -c '"$SANDBOX" version | grep -qwF "$1"' _ "$(cat "$(dirname "${BASH_SOURCE[0]}")/../../VERSION")"
check "sandbox check: this host can run it" "$SANDBOX" check
check "sandbox check tells of the layout" bash -c '"$SANDBOX" check 2>&1 | grep -qwE "split|flat"'
sandbox_run -v "$hello" </dev/null >out 2>err
check "-v: the program's stdout is unchanged" equal "$(cat out)" hello
check "-v: says something, as the runner" bash -c '[ -s err ] && ! grep -qv "^sandbox: " err'
