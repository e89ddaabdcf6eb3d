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
