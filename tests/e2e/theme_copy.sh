# SPDX-License-Identifier: Apache-2.0
# Files in and out by copy: --copy-in, --copy-out, and the limit of what a program keeps in memory, --disk.
# shellcheck shell=bash

mkdir -p in/dir/sub host
echo content >in/file
seq 50000 >in/dir/seq
ln -s ../file in/dir/link
ln -s /nowhere in/dangling
chmod 640 in/file
chmod 750 in/dir
touch -d '2001-02-03 04:05:06 UTC' in/dir/seq
touch "in/$(printf 'not\377utf8')" "in/with space"
echo canary >canary

tree() { (cd "$1" && find . -mindepth 1 -printf '%p %y %m %s %l\n' | sed 's/^\(.* d [0-7]*\) [0-9]* $/\1/' | LC_ALL=C sort); }

# ---- in ----
check_output "content 640 hello" "--copy-in: a file with its mode, writable" --ro / --copy-in "in/file:/tmp/a/b" \
	sh -c 'printf "%s " "$(cat /tmp/a/b)" $(stat -c %a /tmp/a/b); echo hello >/tmp/a/b; cat /tmp/a/b'
check "--copy-in: the host's file is as it was" grep -qx content in/file
touch -d '2002-03-04 UTC' in/dir in
tree in >want
sandbox_run --ro / --copy-in in:/tmp/in sh -c 'cd /tmp/in && find . -mindepth 1 -printf "%p %y %m %s %l\n"' 2>err </dev/null |
	sed 's/^\(.* d [0-7]*\) [0-9]* $/\1/' | LC_ALL=C sort >got
check "--copy-in: a tree, links as links" cmp want got
check_output "$(cksum <in/dir/seq) 981173106" "--copy-in: contents and time" --ro / --copy-in in:/tmp/in \
	sh -c 'echo "$(cksum </tmp/in/dir/seq)" $(stat -c %Y /tmp/in/dir/seq)'
check_output "mine content" "--copy-in: into a directory that is there" --ro / --copy-in in:/etc --overlay /etc sh -c 'echo mine $(cat /etc/file)'
check_output "content" "--copy-in without a share" --copy-in in/file:/data/file cat /data/file
check_status 125 "--copy-in: what is not there" --copy-in none:/x true
check "--copy-in: the message names it" grep -q -- '--copy-in none: No such file' "$TMP/err"
check_status 125 "--copy-in: onto a read-only share" --ro / --copy-in in/file:/etc/new true
check_status 125 "--copy-in: no GUEST" --copy-in in true
check_status 125 "--copy-in: GUEST is relative" --copy-in in:x true

# ---- out ----
check_status 0 "--copy-out: a tree" --ro / --copy-in in:/tmp/in --copy-out "/tmp/in:host/tree" true
tree host/tree >got
sed -i 's/ p .*//' want
check "--copy-out: as it was" cmp want got
check "--copy-in, --copy-out: times of directories" bash -c '[ "$(stat -c %Y host/tree/dir)" = "$(stat -c %Y in/dir)" ] && [ "$(stat -c %Y host/tree)" = "$(stat -c %Y in)" ]'
check "--copy-out: contents and time" bash -c 'cmp in/dir/seq host/tree/dir/seq && [ "$(stat -c %Y host/tree/dir/seq)" = 981173106 ]'
check_status 0 "--copy-out: again, into the directory that is there now" --ro / --copy-out "/tmp/x:host/tree" sh -c 'mkdir /tmp/x; echo more >/tmp/x/more'
check "--copy-out: both are there" bash -c '[ "$(cat host/tree/more)" = more ] && [ -f host/tree/dir/seq ]'
check_status 0 "--copy-out: a file, into a directory" --ro / --copy-out /tmp/result:host/ sh -c 'echo done >/tmp/result'
check "--copy-out: by its own name" grep -qx done host/result
check_status 3 "--copy-out: whatever the program's status" --ro / --copy-out /tmp/r:host/r3 sh -c 'echo three >/tmp/r; exit 3'
check "--copy-out: it is there" grep -qx three host/r3
check_status 137 "--copy-out: a program that a signal ended" --ro / --copy-out /tmp/r:host/r9 sh -c 'echo nine >/tmp/r; kill -9 $$'
check "--copy-out: it is there too" grep -qx nine host/r9
check_status 124 "--copy-out: after a time-out" --ro / --timeout 1s --copy-out /tmp/r:host/rt sh -c 'echo late >/tmp/r; sleep 60'
check "--copy-out: what was there by then" grep -qx late host/rt
check_status 125 "--copy-out: nothing is there to copy" --ro / --copy-out /tmp/none:host/none true
check "--copy-out: the message names it" grep -q -- '--copy-out /tmp/none:host/none: No such file' "$TMP/err"
check "--copy-out: and nothing is made" test ! -e host/none
check_status 4 "--copy-out: the program's own failure comes first" --ro / --copy-out /tmp/none:host/none sh -c 'exit 4'
check "--copy-out: and the message too" grep -q -- '--copy-out /tmp/none' "$TMP/err"
check_status 125 "--copy-out: HOST in no directory" --copy-out /x:none/x true
check_status 125 "--copy-out: HOST is no directory" --copy-out /x:canary/ true
check_status 0 "--copy-out: links as links" --ro / --copy-out /tmp/o:host/links sh -c 'mkdir /tmp/o; ln -s ../../canary /tmp/o/l; ln -s /etc/shadow /tmp/o/s'
check "--copy-out: links are not followed" bash -c '[ "$(readlink host/links/l)" = ../../canary ] && [ "$(readlink host/links/s)" = /etc/shadow ]'
check_status 0 "--copy-out: a file over such a link" --ro / --copy-out /tmp/o:host/links sh -c 'mkdir /tmp/o; echo evil >/tmp/o/l; echo evil >/tmp/o/s'
check "--copy-out: nothing is written through a link" bash -c 'grep -qx canary canary && [ ! -L host/links/l ]'
check_status 0 "--copy-out: set-id bits stay behind" --ro / --copy-out /tmp/s:host/suid sh -c 'touch /tmp/s; chmod 6755 /tmp/s'
check "--copy-out: 755" bash -c '[ "$(stat -c %a host/suid)" = 755 ]'
check_status 0 "--copy-out: a hole" --ro / --copy-out /tmp/h:host/hole sh -c 'truncate -s 3G /tmp/h; printf end >>/tmp/h'
check "--copy-out: it stays one" bash -c '[ "$(stat -c %s host/hole)" = 3221225475 ] && [ "$(stat -c %b host/hole)" -lt 1000 ] && [ "$(tail -c 3 host/hole)" = end ]'
check_status 0 "--copy-out: deep and many" --ro / --copy-out /tmp/d:host/deep \
	sh -c 'mkdir /tmp/d; cd /tmp/d; for i in $(seq 200); do mkdir d; cd d; done; echo bottom >f; cd /tmp/d; seq 3000 | xargs touch'
check "--copy-out: all there" bash -c '[ "$(find host/deep | wc -l)" = 3202 ] && [ "$(find host/deep -name f | xargs cat)" = bottom ]'
check_status 0 "both ways without any share" --copy-in in/file:/data/file --copy-out /data/file:host/round true
check "what came out is what went in" cmp in/file host/round
check_status 0 "--copy-out: devices, FIFOs and sockets are left out" --ro / --overlay /mnt --copy-out /mnt/o:host/special sh -c 'mkdir /mnt/o; mkfifo /mnt/o/fifo; echo x >/mnt/o/x'
check "--copy-out: the others are there" bash -c '[ "$(ls host/special)" = x ]'

# ---- the limit ----
check_output "10240" "--disk: statfs shows it" --ro / --disk 10M sh -c "df -k /tmp | awk 'NR == 2 { print \$2 }'"
check_status 1 "--disk: no more than that" --ro / --disk 4M sh -c 'head -c 5M /dev/zero >/tmp/x 2>/dev/null'
check_output "1048576" "--disk: all file systems in memory together" --ro / --disk 4M --tmpfs /mnt --overlay /opt \
	sh -c 'head -c 2M /dev/zero >/tmp/a; head -c 1M /dev/zero >/opt/b; head -c 5M /dev/zero >/mnt/c 2>/dev/null; stat -c %s /mnt/c'
check_output "freed" "--disk: what is removed counts no more" --ro / --disk 4M \
	sh -c 'for i in 1 2 3; do head -c 3M /dev/zero >/tmp/x || exit; rm /tmp/x; done; echo freed'
check_output "7340032" "--disk: what is copied in does not count" --ro / --disk 4M --copy-in "$(head -c 7M /dev/zero >seven && echo seven)":/tmp/seven stat -c %s /tmp/seven
check_status 125 "--disk: too small" --disk 1 true
check_status 1 "--disk: the program cannot raise it" --ro / --disk 4M sh -c 'echo 100000000 >/proc/sys/fs/tmpfs_limit_bytes' 2>/dev/null
