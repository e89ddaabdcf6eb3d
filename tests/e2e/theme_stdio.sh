# SPDX-License-Identifier: Apache-2.0
# The standard streams are the caller's: pipes, files, /dev/null, closed; ends and errors as in an ordinary pipeline.
# shellcheck shell=bash

seq 100000 >numbers
STDIN=numbers check_native "a file on stdin" cat
check "a pipe on stdin" equal "$(sandbox_run cat <numbers | md5sum)" "$(md5sum <numbers)"
check "pipe to pipe" equal "$(cat numbers | sandbox_run cat | md5sum)" "$(md5sum <numbers)"
STDIN=/dev/null check_output 0 "/dev/null on stdin ends at once" "$PROG/stdio" eof
check "an empty pipe ends at once" equal "$(true | sandbox_run "$PROG/stdio" eof)" 0
check "bytes one at a time" equal "$(head -n 500 numbers | sandbox_run "$PROG/stdio" lines | md5sum)" "$(head -n 500 numbers | md5sum)"
printf 'no newline\0\xff' >binary
check "binary data without a newline" equal "$(sandbox_run cat <binary | md5sum)" "$(md5sum <binary)"
sandbox_run cat <numbers >file
check "a file on stdout" cmp numbers file
echo first >file && sandbox_run echo second </dev/null >>file
check "a file opened for appending" equal "$(cat file)" $'first\nsecond'
{ echo one && sandbox_run echo two </dev/null && echo three; } >file
check "the file offset is shared with the caller" equal "$(cat file)" $'one\ntwo\nthree'
status=0
sandbox_run cat <numbers >/dev/full 2>err || status=$?
check "a full device on stdout is an error, and said" test "$status" != 0 -a -s err

# Descriptors that the caller has closed are closed in the program.
got=$(sandbox_run "$PROG/stdio" open <&- 2>&1) && check "stdin closed" equal "$got" -12
sandbox_run "$PROG/stdio" open </dev/null >&- 2>err
check "stdout closed" equal "$(cat err)" 0-2
got=$("$SANDBOX" run "$PROG/stdio" open </dev/null 2>&-) && check "stderr closed" equal "$got" 01-
sandbox_run true <&- >&- 2>&- && check "all three closed" true
status=0
sandbox_run echo x </dev/null >&- 2>err || status=$?
check "echo to a closed stdout fails as outside" equal "$status" 1

# Order.
sandbox_run "$PROG/stdio" order 2000 </dev/null >both 2>&1
check "stdout and stderr in one pipe or file keep their order" equal "$(md5sum <both)" "$(seq 0 1999 | md5sum)"
check "the same through a pipe" equal "$(sandbox_run "$PROG/stdio" order 2000 </dev/null 2>&1 | cat | md5sum)" "$(seq 0 1999 | md5sum)"
sandbox_run "$PROG/stdio" order 2000 </dev/null >out 2>err
check "apart: stdout has its own" equal "$(md5sum <out)" "$(seq 0 2 1999 | md5sum)"
check "apart: stderr has its own" equal "$(md5sum <err)" "$(seq 1 2 1999 | md5sum)"
# Without timeout(1): it would itself hold stdout open.
got=$({ "$SANDBOX" run "$PROG/stdio" late </dev/null | { cat && echo eof; }; } 2>&1)
check "the end of stdout arrives while stderr is still open" equal "$got" $'out\neof\nerr'

# Ends of pipelines. The status of a writer that lost its reader is that of SIGPIPE, as outside.
check "yes | run head -n 1" equal "$(yes | sandbox_run head -n 1)" y
got=$(sandbox_run yes </dev/null | head -n 1; echo "${PIPESTATUS[0]}")
check "run yes | head -n 1 ends by SIGPIPE" equal "$got" $'y\n141'
got=$(yes | sandbox_run head -c 3000000 | wc -c)
check "3 MB of an endless pipe" equal "$got" 3000000
mkfifo silent
exec 8<>silent
check "a program that does not read does not wait for stdin" equal "$(sandbox_run echo end <silent)" end
exec 8>&-
check "three in a row" equal "$(sandbox_run seq 1000 </dev/null | sandbox_run tac | sandbox_run head -n 3 | tr '\n' ' ')" "1000 999 998 "
mkfifo fifo
sandbox_run cat <fifo >out &
exec 9>fifo
echo one >&9
for _ in {1..200}; do grep -q one out && break; sleep 0.05; done
check "what was read is passed on before the end" equal "$(cat out)" one
exec 9>&-
wait

# A slow reader holds the program up; nothing is lost.
got=$(sandbox_run seq 300000 </dev/null | { sleep 1; md5sum; })
check "a reader that sleeps first gets everything" equal "$got" "$(seq 300000 | md5sum)"

head -c 100000000 /dev/zero | openssl enc -aes-128-ctr -K 00112233445566778899aabbccddeeff -iv 0 2>/dev/null >big
want=$(sha256sum <big)
check "100 MB, file to pipe through cat" equal "$(LIMIT=$((LIMIT * 4)) sandbox_run cat <big | sha256sum)" "$want"
check "100 MB, pipe to pipe through cat" equal "$(cat big | LIMIT=$((LIMIT * 4)) sandbox_run cat | sha256sum)" "$want"
check "100 MB into sha256sum" equal "$(LIMIT=$((LIMIT * 4)) sandbox_run sha256sum <big)" "$want"
rm -f big
