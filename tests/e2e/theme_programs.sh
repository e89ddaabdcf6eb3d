# SPDX-License-Identifier: Apache-2.0
# Real programs from Debian: the same output, status and messages as outside.
# shellcheck shell=bash disable=SC2034

# has NAME: whether the host has the program; deps.sh installs them all.
has() { type -P "$1" >/dev/null || { skip "$1" "not installed here: scripts/deps.sh check" && return 1; }; }

seq -w 20000 | shuf --random-source=<(yes) >lines
{ echo 'id,name,amount'; awk 'BEGIN { for (i = 1; i <= 2000; i++) printf "%d,name%d,%.2f\n", i, i % 37, i * 1.25 }'; } >table.csv
jq -n '[range(500) | { id: ., text: "x\(.)", sub: { odd: (. % 2 == 1), list: [range(. % 5)] } }]' >data.json

# coreutils
STDIN=lines
for command in "cat" "cat -n" "tac" "wc" "sort --parallel=1" "sort -r --parallel=1" "uniq" "head -n 7" "tail -n 7" "tail -c 100" "nl" "od -An -tx1" \
	"base64" "base32" "md5sum" "sha1sum" "sha256sum" "sha512sum" "b2sum" "cksum" "sum" "fold -w 3" "cut -c2-3" "tr 0-9 a-j" "expand" "unexpand -a" "paste - - -" \
	"pr -l 66 -t -3" "fmt" "split --number=l/2/4" "numfmt --to=iec" "factor" "tsort" "dd bs=512 count=20 status=none" "tee" "grep 77" "grep -c 1" "sed s/1/one/g" \
	"sed -n 5,9p" "wc -l"; do
	read -ra words <<<"$command"
	# A program that this host does not have cannot be compared.
	has "${words[0]}" || continue
	check_native "$command" "${words[@]}"
done
STDIN=
for command in "echo a b" "printf %s-%d\n text 42" "seq 3 2 11" "seq -s, 100" "expr 6 * 7" "basename /a/b.c .c" "dirname /a/b/c" "factor 1234567890123456789" \
	"date -u -d @1000000000" "date -u -d 2020-02-29+1year +%F" "numfmt --to=iec 123456789" "test 1 -lt 2" "test a = b" "true" "false" "env -i A=1 env" "printenv PATH_NOT" \
	"ls /nowhere" "cat /nowhere" "rm /nowhere" "stat -c %F /" "sleep 0.1" "yes --version" "mktemp -u --suffix=x /tmp/aXXXX/y" "readlink -f /." "realpath /tmp/../tmp" "nice" \
	"tty" "id -u" "uname -sm" "arch" "[ 3 -gt 2 ]" "timeout --version" "uptime --nonsense"; do
	read -ra words <<<"$command"
	has "${words[0]}" || continue
	check_native "$command" "${words[@]}"
done

# Interpreters and shells.
program='BEGIN { for (i = 0; i < 20000; i++) s += sqrt(i) * sin(i); printf "%.6f\n", s; a["x"] = 1; for (k in a) print k, length(a) }'
for awk in mawk gawk; do
	has $awk || continue
	check_native "$awk: arithmetic" $awk "$program"
	STDIN=table.csv check_native "$awk: fields" $awk -F, 'NR > 1 { sum[$2] += $3 } END { print sum["name5"], NR }'
done
for shell in dash bash; do
	check_native "$shell: loops and arithmetic" $shell -c 'i=0; while [ $i -lt 2000 ]; do i=$((i + 1)); done; echo $i; echo "${PWD:+set} $#" a "b c"' x 1 2
	check_native "$shell: exit status of a command not found" $shell -c 'nowhere-at-all; echo $?'
	echo 'echo from stdin' >stdin.sh
	STDIN=stdin.sh check_native "$shell: reads its script from stdin" $shell -s
	check_native "$shell: files in /tmp" $shell -c 'cd /tmp && echo text >f && while read -r l; do echo "[$l]"; done <f && test -s f && echo yes'
	check_native "$shell: trap" $shell -c 'trap "echo got; exit 9" USR1; kill -USR1 $$; sleep 1'
done
STDIN=data.json
check_native "jq: select" jq -c '[.[] | select(.sub.odd) | .id] | add, length'
check_native "jq: everything" jq .
check_native "jq: syntax error" jq '.['
STDIN=
STDIN=bc.in && echo 'scale=60; 4*a(1); 2^300; quit' >bc.in && check_native "bc: pi" bc -l
STDIN=
check_native "sqlite3: a table in memory" sqlite3 :memory: "create table t(a, b); with recursive n(i) as (select 1 union all select i + 1 from n where i < 3000)
	insert into t select i, i * i % 97 from n; create index x on t(b); select b, count(*), sum(a) from t group by b order by b limit 20; select sqlite_version();"
check_native "sqlite3: a table in a file" sqlite3 /tmp/e2e-sandbox.db "drop table if exists t; create table t(a); insert into t values(1),(2); begin; insert into t values(3); commit; select sum(a) from t;"
rm -f /tmp/e2e-sandbox.db
STDIN=lines
check_native "openssl dgst" openssl dgst -sha256
check_native "openssl enc" openssl enc -aes-256-ctr -K 00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff -iv 00
check_status 0 "openssl speed" openssl speed -seconds 1 -bytes 1024 sha256
for tool in gzip xz; do
	has $tool || continue
	check_native "$tool -c" $tool -c
	check "$tool: packed here, unpacked inside" equal "$($tool -c <lines | sandbox_run $tool -dc | md5sum)" "$(md5sum <lines)"
done
tar -cf lines.tar lines table.csv
STDIN=lines.tar check_native "tar -t" tar -tf -
STDIN=
for command in "busybox echo applet" "busybox uname -m" "busybox expr 2 + 3" "busybox cal 2 2024" "busybox nosuchapplet" "busybox seq 5" "busybox sh -c cd\ /tmp;pwd;echo\ \$((7*6))"; do
	has busybox || break
	eval "words=($(sed 's/[;$()*]/\\&/g' <<<"$command"))"
	check_native "$command" "${words[@]}"
done
STDIN=lines check_native "busybox sha256sum" busybox sha256sum
STDIN=lines check_native "busybox sort" busybox sort
