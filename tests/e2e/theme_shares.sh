# SPDX-License-Identifier: Apache-2.0
# Shared directories: --ro, --rw, --tmpfs, the default working directory, against what the host shows of the same files.
# shellcheck shell=bash

sh=$(readlink -f "$(command -v sh)")
mkdir -p tree/dir tree/empty outside work
echo content >tree/file
echo canary >outside/canary
printf 'x%.0s' $(seq 255) >name255
touch "tree/$(cat name255)" "$(printf 'tree/not\377utf8')" "tree/with space"
ln -s file tree/inside
ln -s ../outside/canary tree/leads-out
ln -s /nowhere tree/dangling
ln -s loop tree/loop
ln tree/file tree/hard
chmod 640 tree/file
chmod 4755 tree/dir
truncate -s 5G tree/sparse
printf end | dd of=tree/sparse bs=1 seek=$((5 * 1024 * 1024 * 1024 - 3)) conv=notrunc status=none
mkdir tree/many
(cd tree/many && seq 10000 | xargs touch)
mkfifo tree/fifo

# inside TEXT OPTION... -- SCRIPT: the same output of `sh -c SCRIPT` in the sandbox as here.
inside() {
	local text=$1 options=()
	shift
	while [ "$1" != -- ]; do options+=("$1") && shift; done
	env -i PATH=/usr/local/bin:/usr/bin:/bin HOME="$HOME" LC_ALL=C sh -c "$2" >want 2>&1 </dev/null
	local want=$? got=0
	sandbox_run "${options[@]}" -e LC_ALL=C sh -c "$2" >got 2>&1 </dev/null || got=$?
	if [ "$got" = "$want" ] && cmp -s want got; then
		ok "$text"
	else
		{ echo "status $got, outside $want"; diff -a want got | head -n 10; } | fail "$text"
	fi
}

# ---- read-only root ----
inside "--ro /: the caller's directory is the working directory" --ro / --ro . -- pwd
inside "--ro /: file contents" --ro / --ro . -- 'cat tree/file tree/inside tree/hard'
inside "--ro /: names, types, modes, sizes, times, links" --ro / --ro . -- \
	'find tree -path tree/many -prune -o ! -name dir ! -type p -printf "%p %y %m %s %n %T@ %l\n" | sort'
inside "a directory of 10,000 files" --ro / --ro . -- 'ls tree/many | sort | cksum; ls tree/many | wc -l'
inside "a file of 5 GiB" --ro / --ro . -- 'tail -c 10 tree/sparse | od -c; stat -c %s tree/sparse'
check_output "canary" "a link out of a share leads to what the guest sees there" --ro / --ro . cat tree/leads-out
check_output "755" "set-id bits mean nothing in a share" --ro / --ro . stat -c %a tree/dir
check_status 1 "a link out of the only share leads nowhere" --ro "$PWD/tree:/t" --ro /usr --ro /lib --ro /lib64 --ro /bin cat /t/leads-out
check_status 1 "a FIFO of the host cannot be opened" --ro / --ro . sh -c 'cat tree/fifo 2>/dev/null'
inside "the host's programs run from the share: shell, pipes, loops" --ro / -- 'for i in 1 2 3; do echo $i; done | sort -r | tr 1-3 a-c'
check_status 0 "what is in the share is not sent" --ro / --stats=stats true
if command -v python3 >/dev/null; then
	inside "--ro / python3 with its library" --ro / -- 'python3 -c "import json, os, subprocess, re; print(json.dumps({\"a\": sorted(os.listdir(\"/usr\"))}))"'
else
	skip "--ro / python3" "no python3 here"
fi
inside "find over /usr/share" --ro / -- 'find /usr/share/doc /usr/share/man -printf "%p %y %m %s %l\n" 2>/dev/null | sort | cksum'
check_output "guest" "/dev, /proc, /sys and /tmp are the guest's own" --ro / sh -c '[ -c /dev/null ] && [ "$(ls /tmp)" = "" ] && [ -d /proc/self ] && echo x >/tmp/x && echo guest'

# ---- writes ----
for command in 'echo x >tree/file' 'echo x >tree/new' 'rm tree/file' 'mkdir tree/x' 'mv tree/file tree/x' 'ln tree/file tree/x' 'ln -s a tree/x' \
	'chmod 600 tree/file' 'touch tree/file' 'truncate -s 0 tree/file' 'rmdir tree/empty' 'mkfifo tree/x'; do
	sandbox_run --ro / --ro . -e LC_ALL=C sh -c "$command" >out 2>err </dev/null
	check "read-only share: $command" grep -q 'Read-only file system' err
done
check "read-only share: nothing has changed" bash -c '[ "$(cat tree/file)" = content ] && [ ! -e tree/x ] && [ ! -e tree/new ] && [ -d tree/empty ]'

cd work || exit 1
rw=(--ro / --rw .)
check_status 0 "--rw .: a file" "${rw[@]}" sh -c 'echo hello >file; mkdir dir; echo a >dir/a; ln -s dir/a link; ln file hard; chmod 604 file'
check "--rw .: the host sees it" bash -c '[ "$(cat file hard link)" = "hello
hello
a" ] && [ "$(stat -c %a file)" = 604 ] && [ "$(stat -c %u file)" = "$(id -u)" ]'
check_status 0 "--rw .: append, rename, remove, truncate" "${rw[@]}" sh -c 'echo more >>file; mv dir/a dir/b; rm link; truncate -s 3 hard2 || true; rm -f hard2; mkdir x && rmdir x'
check "--rw .: and that" bash -c '[ "$(tail -n 1 hard)" = more ] && [ -f dir/b ] && [ ! -e dir/a ] && [ ! -L link ] && [ ! -e x ]'
check_output "800" "--rw .: lines that several processes append are all there" "${rw[@]}" sh -c \
	'for i in 1 2 3 4; do (for j in $(seq 200); do echo "line $j of $i"; done >>log) & done; wait; sort -u log | wc -l'
check_status 0 "--rw .: a large file" "${rw[@]}" sh -c 'seq 1000000 >seq; sync'
check "--rw .: whole" bash -c '[ "$(seq 1000000 | cksum)" = "$(cksum <seq)" ]'
check_output "$(seq 1000000 | cksum)" "--rw .: read back" "${rw[@]}" sh -c 'cksum <seq'
check_status 0 "--rw .: a hole of 5 GiB" "${rw[@]}" sh -c 'truncate -s 5G hole; printf end >>hole'
check "--rw .: the hole is one" bash -c '[ "$(stat -c %s hole)" = 5368709123 ] && [ "$(stat -c %b hole)" -lt 1000 ] && [ "$(tail -c 3 hole)" = end ]'
check_status 0 "--rw .: 1,000 files made and removed" "${rw[@]}" sh -c 'mkdir m; for i in $(seq 1000); do : >m/$i; done; [ $(ls m | wc -l) = 1000 ] && rm -r m'
check_status 0 "--rw .: names that are no UTF-8" "${rw[@]}" sh -c 'printf x >"$(printf "odd\377\001name")"'
check "--rw .: that name" test -f "$(printf 'odd\377\001name')"
check_status 0 "--rw .: set-id bits are not made" "${rw[@]}" sh -c 'echo x >suid; chmod 6755 suid || true'
check "--rw .: none" bash -c '[ "$(stat -c %a suid)" = 755 ]'
check_status 0 "--rw .: processes that make the same directories at once" --cpus 2 "${rw[@]}" sh -c \
	'for i in $(seq 40); do for j in 1 2 3; do mkdir -p p$i/a/b & pids="$pids $!"; done; for p in $pids; do wait $p || exit; done; pids=; done; rm -r p*'
sandbox_run "${rw[@]}" -e LC_ALL=C sh -c 'mkdir t && echo x >t/a && echo y >t/b && ln t/a t/hard && mv t/b t/c && : >t/d && ln t/d t/e && rm t/d && touch -d 2020-01-01 t/a && chown "$(id -u)" t/a && chmod 700 t && stat -c "%n %y %z %h" t t/*' >../times </dev/null
check "--rw .: times of what was changed are at once those of the host" bash -c '[ -s ../times ] && LC_ALL=C stat -c "%n %y %z %h" t t/* | diff ../times -'
check_status 1 "--rw .: no FIFO is made on the host" "${rw[@]}" mkfifo fifo
check_status 2 "--rw .: the rest stays read-only" "${rw[@]}" sh -c 'echo x 2>/dev/null >../tree/file'
check_output "uid 0 0" "--user 0: the caller's files belong to the program" --user 0:0 "${rw[@]}" stat -c 'uid %u %g' file
check_output "new" "a file that the host changed is seen at the next run" "${rw[@]}" sh -c 'cat ../work/file | head -n 1 | sed s/hello/new/'
printf '%s\n' '#!/bin/sh' 'echo script "$1"' >script
chmod +x script
check_output "script arg" "a program in the writable share" "${rw[@]}" ./script arg
cp "$PROG/hello-static" hello
check_output "hello" "a program in a share alone: its libraries are sent, it is not" --rw . ./hello

# What the host changes before it tells the program is what the program opens, however short after the last time.
echo 0 >sync && rm -f sync2
coproc guest { sandbox_run "${rw[@]}" sh -c 'echo ready; while read -r n; do cat sync; [ $((n % 2)) = 0 ] || cat sync2 2>/dev/null || echo none; done' 2>/dev/null; }
read -r _ <&"${guest[0]}"
wrong=
for n in $(seq 40); do
	echo "$n" >sync
	case $((n % 4)) in 1) rm -f sync2 && want=none ;; 3) echo "also $n" >sync2 && want="also $n" ;; *) want= ;; esac
	echo "$n" >&"${guest[1]}"
	read -r -t 10 got <&"${guest[0]}" && [ "$got" = "$n" ] || wrong+=" $n:$got"
	[ -z "$want" ] || { read -r -t 10 got <&"${guest[0]}" && [ "$got" = "$want" ]; } || wrong+=" $n:$got"
done
to=${guest[1]}
exec {to}>&-
wait
check "--rw .: changes that the program is told of are seen by open at once" equal "$wrong" ""
cd .. || exit 1

# ---- single files, other places, tmpfs ----
echo one >single
check_output "one" "a file as a share, elsewhere" --ro "$PWD/single:/data/input" --ro /usr --ro /bin --ro /lib --ro /lib64 cat /data/input
check_status 0 "a writable file" --ro / --rw single sh -c "echo two >$PWD/single"
check "a writable file: written" grep -qx two single
mkdir 'a:b'
echo colon >'a:b/file'
check_output "colon" "a name with a colon" --ro / --ro 'a\:b:/tmp/c' cat /tmp/c/file
check_output "tmpfs 1024" "--tmpfs with a size" --tmpfs /scratch:1M "$sh" -c 'cd /scratch && echo tmpfs 1024'
check_status 0 "--tmpfs inside a read-only root" --ro / --tmpfs /mnt sh -c 'echo x >/mnt/x && [ "$(cat /mnt/x)" = x ]'
check "--tmpfs: nothing on the host" test ! -e /mnt/x

# ---- more names than the host gives descriptors ----
mkdir names some
(cd some && seq 1500 | xargs touch)
bash -c "ulimit -n 300; timeout $LIMIT $SANDBOX run $E2E_OPTIONS --ro / --ro $PWD/some --rw $PWD/names sh -c 'cp -r $PWD/some $PWD/names/copy && mkdir $PWD/names/other &&
	for i in \$(seq 500); do echo \$i >$PWD/names/other/\$i || exit 1; done; cat $PWD/names/other/* | wc -l; rm -r $PWD/names/copy'" >got 2>&1 </dev/null
check "1,500 names copied, 500 written and read, 1,500 removed with 300 descriptors" equal "$(cat got) $(ls names)" "500 other"
for d in 1 2 3 4 5 6; do
	mkdir -p filled/$d
	for i in $(seq 150); do head -c 9000 "$SANDBOX" >filled/$d/$i; done
done
bash -c "ulimit -n 300; timeout $LIMIT $SANDBOX run $E2E_OPTIONS --ro / --ro $PWD/filled --tmpfs /mnt sh -c 'cp -r $PWD/filled /mnt/copy && cat /mnt/copy/*/* | cksum'" >got 2>&1 </dev/null
check "900 files with contents copied with 300 descriptors" equal "$(cat got)" "$(cat filled/*/* | cksum)"

# ---- refusals ----
check_error 125 "--ro /nonexistent" "a path that is not there is named" run --ro /nonexistent:/x true
check_error 125 "--rw" "a device is refused" run --rw /dev/null:/x true
check_error 125 "--ro: '/proc'" "/proc is refused" run --ro /proc true
check_error 125 "not absolute" "a relative place is refused" run --ro /usr:usr true
check_error 125 "given before" "a place given twice is refused" run --ro /usr --rw /usr true
check_error 125 "--tmpfs" "a bad size is named" run --tmpfs /x:huge true
check_error 125 "mount point" "a mount point that cannot be made is named" run --ro / --ro "$PWD/tree:/nowhere/at/all" true
check "the canary is as it was" equal "$(cat outside/canary)" canary

# ---- the end ----
start --ro / sleep 60
for _ in $(seq 100); do server=$(pgrep -P "$PID" -f . | head -n 1) && [ -n "$server" ] && break; sleep 0.05; done
check "the files server is one child of the runner" test -n "$server"
kill -9 "$PID"
wait "$PID" 2>/dev/null
for _ in $(seq 100); do [ -d "/proc/$server" ] && ! grep -q 'State:.*Z' "/proc/$server/status" || break; sleep 0.02; done
check "it ends with the runner, also by SIGKILL" bash -c "[ ! -d /proc/$server ] || grep -q 'State:.*Z' /proc/$server/status"
