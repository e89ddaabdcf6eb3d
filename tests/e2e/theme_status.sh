# SPDX-License-Identifier: Apache-2.0
# The exit status: the program's own, 128+N, 124 to 127.
# shellcheck shell=bash

for n in 0 1 2 3 42 77 99 123 124 125 126 127 128 129 137 143 200 254 255; do
	check_status "$n" "exit $n" "$PROG/end" exit "$n"
done
check_status 0 "exit 256 is 0" "$PROG/end" exit 256
for n in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 24 25 26 27 29 30 31 34 64; do
	check_status $((128 + n)) "killed by signal $n" "$PROG/end" signal "$n"
done
for n in 17 18 23 28; do
	check_status 99 "signal $n is ignored by default" "$PROG/end" signal "$n"
done
check_status 139 "bad pointer: SIGSEGV" "$PROG/end" segv
check_status 136 "division by zero: SIGFPE" "$PROG/end" fpe
check_status 132 "undefined instruction: SIGILL" "$PROG/end" ill
check_status 133 "breakpoint: SIGTRAP" "$PROG/end" trap
check_status 134 "abort: SIGABRT" "$PROG/end" abort
check_status 139 "stack overflow: SIGSEGV" "$PROG/end" stack
check_status 139 "write to read-only memory: SIGSEGV" "$PROG/end" write-ro
check_status 139 "jump to data: SIGSEGV" "$PROG/end" exec-nx
check_status 141 "write to a pipe without reader: SIGPIPE" "$PROG/end" pipe
check_status 0 "true" true
check_status 1 "false" false

check_error 127 nowhere "no such program in PATH: 127" run nowhere-at-all
check_error 127 /nowhere/at/all "no such path: 127" run /nowhere/at/all
check_error 126 "$TMP" "a directory: 126" run "$TMP"
echo text >text && chmod 755 text
check_error 126 text "neither ELF nor script: 126" run ./text
cp "$PROG/hello-static" no-execute && chmod 644 no-execute
check_error 126 no-execute "not executable: 126" run ./no-execute
: >empty && chmod 755 empty
check_error 126 empty "an empty file: 126" run ./empty
head -c 200 "$PROG/hello-static" >cut-off && chmod 755 cut-off
check_error 126 cut-off "a truncated ELF file: 126" run ./cut-off
{ head -c 18 "$PROG/hello-static" && printf '\267\0' && tail -c +21 "$PROG/hello-static"; } >arm && chmod 755 arm
check_error 126 arm "an ELF file for another machine: 126" run ./arm
printf '#!/nowhere/interpreter\n' >script && chmod 755 script
check_error 126 /nowhere/interpreter "a script without its interpreter names it: 126" run ./script
sed 's|/lib64/ld-linux-x86-64.so.2|/lib64/ld-nowhere-x86.so.2|' "$PROG/hello-dynamic" >loader && chmod 755 loader
check_error 126 ld-nowhere "an ELF interpreter that is missing is named: 126" run ./loader
sed 's|libc\.so\.6|libq.so.9|' "$PROG/hello-dynamic" >library && chmod 755 library
check_error 126 libq.so.9 "a missing library is named: 126" run ./library
