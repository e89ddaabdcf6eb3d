# SPDX-License-Identifier: Apache-2.0
# Every way in which a program can be linked, found and given arguments.
# shellcheck shell=bash

for how in static dynamic static-pie no-pie musl-static; do
	check_output hello "hello, $how" "$PROG/hello-$how"
done
if [ -e /lib/ld-musl-x86_64.so.1 ]; then
	check_output hello "hello, musl-dynamic" "$PROG/hello-musl-dynamic"
else
	skip "hello, musl-dynamic" "no musl loader on this host"
fi
check_output "hello from c++ caught" "C++, static: exceptions, streams" "$PROG/hellocpp-static"
check_output "hello from c++ caught" "C++, dynamic" "$PROG/hellocpp"

check_output $'hello\n[]\n[a b]\n[*]\n[-x]\n[--]\n[\\n]' "arguments arrive as given" "$PROG/hello-static" "" "a b" "*" -x -- '\n'
check_output hello "-- ends the options" -- "$PROG/hello-static"
check_output $'hello\n[--timeout]\n[1s]' "options after PROGRAM are the program's" "$PROG/hello-static" --timeout 1s
check_output $'hello\n'"[$(printf 'x%.0s' {1..100000})]" "an argument of 100,000 bytes" "$PROG/hello-static" "$(printf 'x%.0s' {1..100000})"
mapfile -t many < <(seq 5000)
check_output "$(echo hello && printf '[%s]\n' "${many[@]}")" "5,000 arguments" "$PROG/hello-dynamic" "${many[@]}"

PATH="$PROG:$PATH" check_output hello "found in PATH" hello-static
(cd "$PROG" && check_output hello "relative path" ./hello-static)
mkdir sub && cp "$PROG/hello-static" "sub/name with space" && ln -s "name with space" sub/link
check_output hello "a path with spaces" "$TMP/sub/name with space"
check_output hello "a symbolic link" sub/link
cp "$PROG/hello-static" only-execute && chmod 511 only-execute
check_output hello "mode 0511" ./only-execute

# The interpreter gets the path that was executed; inside, that is the absolute one.
printf '#!%s\n' "$PROG/hello-static" >script && chmod 755 script
check_output $'hello\n['"$PWD"$'/script]\n[a]' "a #! script" ./script a
printf '#! %s  one argument \nrest\n' "$PROG/hello-dynamic" >script2 && chmod 755 script2
check_output $'hello\n[one argument]\n['"$PWD"$'/script2]\n[a]' "a #! line with an argument, dynamic interpreter" ./script2 a
printf '#!/bin/sh\necho "$0 $# $2"\nexit 5\n' >script3 && chmod 755 script3
check_native "a shell script gives the same as outside" "$PWD/script3" x "y z"

for _ in 1 2 3 4 5 6 7 8 9 10; do sandbox_run "$PROG/hello-static" </dev/null; done >out 2>&1
check "ten runs in a row" equal "$(sort out | uniq -c | tr -s ' ')" " 10 hello"
for _ in 1 2 3 4 5 6 7 8; do sandbox_run "$PROG/hello-dynamic" </dev/null >>par 2>&1 & done
wait
check "eight at the same time" equal "$(sort par | uniq -c | tr -s ' ')" " 8 hello"

# What cannot be run says why.
check_error 126 "sandbox: /: is a directory" "the root directory" run /
check_error 126 "sub: is a directory, not a program" "a directory" run ./sub
printf '\177ELF\2\1\1' >cutoff && chmod 755 cutoff
check_error 126 "cutoff: is an ELF file that was cut off" "the beginning of an ELF file" run ./cutoff
printf '#!/bin/sh\r\necho x\r\n' >windows && chmod 755 windows
check_error 126 "windows: its lines end in carriage returns" "a script from Windows" run ./windows
printf '#!/nowhere/sh\n' >nosh && chmod 755 nosh
check_error 126 "/nowhere/sh (the interpreter that $PWD/nosh names): no such file" "a script whose interpreter is missing" run ./nosh
echo 'echo hi' >plain && chmod 755 plain
check_error 126 'a shell script needs `#!/bin/sh`' "text without a #! line" run ./plain
check_error 125 "cannot be found on this host" "--rootfs that is not there" run --rootfs none x
check_error 125 "without a suffix it counts bytes" "--memory without a unit" run --memory 512 x
check_error 125 "system calls that exist" "--allow-syscall of none" run --allow-syscall nonesuch x
for command in check --help "help run" "run --print-profile"; do
	# shellcheck disable=SC2086
	check "$command that cannot be written" bash -c '! "$@" >/dev/full 2>err && grep -q "^sandbox: cannot write to standard output: No space" err' _ "$SANDBOX" $command
done
check "stdin closed, stdout closed: the program runs" bash -c '"$1" run "$2" <&- >&-' _ "$SANDBOX" "$PROG/hello-static"
mkdir gone
(cd gone && rmdir ../gone && check_output hello "in a directory that was removed, without HOME" "$PROG/hello-static")
