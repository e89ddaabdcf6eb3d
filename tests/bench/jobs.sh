#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# jobs.sh JOB DATA SCRATCH: whole jobs, the same everywhere. DATA is what `make bench` prepared (text, tree, project), SCRATCH
# a tmpfs, or for the jobs in shared directories a directory of the host. What a job makes in SCRATCH it removes.
set -eu
job=$1 data=$2 scratch=$3
export LC_ALL=C HOME=/nonexistent GIT_CONFIG_GLOBAL=/dev/null GIT_OPTIONAL_LOCKS=0

build() {
	cp -r "$data/project" "$scratch/build"
	(
		cd "$scratch/build"
		# shellcheck disable=SC2046
		make -s -j2 build/agent $(printf 'build/%s.o ' guestkernel/net/*.c)
	)
	rm -r "$scratch/build"
}

redis() {
	/usr/bin/redis-server --port 7777 --save "" --dir "$scratch" --daemonize no >/dev/null &
	i=0
	while ! /usr/bin/redis-cli -p 7777 ping >/dev/null 2>&1; do
		i=$((i + 1))
		[ $i -lt 1000 ] || exit 1
		sleep 0.01
	done
	/usr/bin/redis-benchmark -p 7777 -n 20000 -c 50 -t set,get,incr -q
	kill $!
	wait $!
}

case $job in
forks)
	i=0
	while [ $i -lt 1000 ]; do
		/bin/true
		i=$((i + 1))
	done
	;;
subshells)
	i=0
	while [ $i -lt 1000 ]; do
		(:)
		i=$((i + 1))
	done
	;;
python) /usr/bin/python3 -I -c pass ;;
python_modules) /usr/bin/python3 -I -c 'import asyncio, json, sqlite3, ssl, http.server, unittest' ;;
make) build ;;
sqlite)
	awk 'BEGIN { print "create table t(a integer primary key, b text); begin;"
		for (i = 1; i <= 100000; i++) {
			printf "insert into t values(%d, \"value %d\");\n", i, i * 7
			if (i % 100 == 0)
				print "commit; begin;"
		}
		print "commit; select count(*), sum(a) from t;" }' | /usr/bin/sqlite3 "$scratch/db" >/dev/null
	rm "$scratch/db"
	;;
sort) sort -S 512M --parallel=2 -T "$scratch" -o /dev/null "$data/text" ;;
redis) redis ;;
small_files) find "$data/tree" -type f -exec cat {} + | wc -c ;;
find) find "$data/tree" -size +1 -newer "$data/text" -print | wc -l ;;
git_status) git -C "$data/tree" status --porcelain ;;
seq_read) dd if="$data/text" of=/dev/null bs=1M 2>/dev/null ;;
seq_write)
	dd if=/dev/zero of="$scratch/out" bs=1M count=1024 2>/dev/null
	rm "$scratch/out"
	;;
*) exit 2 ;;
esac
