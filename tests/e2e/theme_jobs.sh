# SPDX-License-Identifier: Apache-2.0
# Whole jobs from Debian packages: many processes, threads, servers with their clients. The host's files are shared
# read-only and /tmp is the VM's own, so that whatever is installed can be run.
# shellcheck shell=bash

# shellcheck disable=SC2016 # the jobs are expanded by their own shells
E2E_OPTIONS="${E2E_OPTIONS-} --memory 1G --ro / --tmpfs /tmp"
directory='cd "$(mktemp -d)" || exit 99; trap "cd /; rm -rf $PWD" EXIT; '

# job NEEDS TEXT SCRIPT: bash runs SCRIPT in an empty directory with one and with four vCPUs, as outside. NEEDS: programs.
job() {
	local program with_one=$E2E_OPTIONS
	for program in $1; do
		[ -x "$program" ] || PATH=/usr/sbin:/usr/bin:/bin type -P "$program" >/dev/null || { skip "$2" "optional: $program is not installed here" && return; }
	done
	check_native "$2" bash -c "$directory$3"
	E2E_OPTIONS="$with_one --cpus 4"
	check_native "$2, 4 vCPUs" bash -c "$directory$3"
	E2E_OPTIONS=$with_one
}

job bash "bash: background jobs, wait, traps" '
	for i in 1 2 3 4; do (sleep 0.0$i; echo $i >f$i; exit $i) & pids="$pids $!"; done
	for p in $pids; do wait $p; echo "status $?"; done; cat f?
	trap "echo usr1" USR1; kill -USR1 $$; (trap "echo child term; exit 7" TERM; sleep 5 & wait) & sleep 0.2; kill $!; wait $!; echo $?
	sleep 9 & kill -9 $!; wait $! 2>/dev/null; echo $?; trap "echo leaving" EXIT'
job dash "dash: pipelines and subshells" 'dash -c "
	i=0; while [ \$i -lt 60 ]; do i=\$((i + 1)); echo \$i | cat | tr 0-9 a-j | (read x; echo \$x); done
	(exit 3); echo \$?; yes | head -n 1000 | wc -l; set -e; false || echo caught; \$(exit 4) || echo \$?"'
job bash "bash: process substitution, here documents, coprocesses" '
	diff <(seq 5) <(seq 2 6); cat <<-END
		text $((6 * 7))
	END
	coproc C { while read -r l; do echo "<$l>"; done; }; echo one >&"${C[1]}"; read -r r <&"${C[0]}"; echo "$r"; shopt -s lastpipe; seq 10 | mapfile -t a; echo ${#a[@]}'
job perl "perl: fork, pipe, alarm, sort" 'perl -e '\''
	for (1..5) { my $p = fork; exit $_ unless $p; waitpid $p, 0; print $? >> 8, "\n" }
	pipe R, W; unless (fork) { print W "child\n"; exit } close W; print <R>;
	$SIG{ALRM} = sub { print "alarm\n" }; alarm 1; sleep 5; print join(",", sort { $b <=> $a } grep { $_ % 7 == 0 } 1..50), "\n"'\'
job lua5.4 "lua: coroutines and tables" 'lua5.4 -e '\''local c = coroutine.wrap(function() for i = 1, 3 do coroutine.yield(i) end end)
	print(c(), c(), c()) local t = {} for i = 1, 1e5 do t[i] = i * i end print(#t, t[1e5], io.open("/none"))'\'
job "sort xz zstd" "sort, xz and zstd with threads" 'seq -w 100000 | shuf --random-source=<(yes) >f; sort --parallel=4 f | cksum
	xz -T4 -1 -k f; xz -dc f.xz | cksum; zstd -q -T4 f; zstd -dc f.zst | cksum; rm -f f*'
job sqlite3 "sqlite3: 100,000 inserts" 'sqlite3 t.db "create table t(a, b); begin; with recursive n(i) as (select 1 union all select i + 1 from n where i < 100000)
	insert into t select i, \"row\" || i from n; commit; select count(*), sum(a) from t; pragma integrity_check"'
job /usr/bin/python3 "python3: threads, processes, asyncio, sockets" '/usr/bin/python3 - <<\END
import asyncio, multiprocessing, os, socket, sqlite3, subprocess, threading
seen, lock = [], threading.Lock()
def work(i):
    for _ in range(200):
        with lock: seen.append(i)
threads = [threading.Thread(target=work, args=(i,)) for i in range(8)]
for t in threads: t.start()
for t in threads: t.join()
print(len(seen), subprocess.run("cat; exit 3", shell=True, input=b"in", stdout=subprocess.PIPE))
async def main():
    async def answer(r, w):
        w.write((await r.readline()).upper()); await w.drain(); w.close()
    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    async def ask(i):
        r, w = await asyncio.open_connection(*server.sockets[0].getsockname())
        w.write(b"line %d\n" % i); line = await r.readline(); w.close(); return line
    print(await asyncio.gather(*[ask(i) for i in range(5)]))
asyncio.run(main())
with multiprocessing.get_context("fork").Pool(3) as pool: print(pool.map(abs, range(-5, 5)))
a, b = socket.socketpair(); socket.send_fds(a, [b"x"], [1]); print(len(socket.recv_fds(b, 9, 2)[1]))
END'
job /usr/bin/node "node: worker threads, child processes, http" '/usr/bin/node -e '\''
	const { Worker } = require("worker_threads"), cp = require("child_process"), http = require("http");
	const run = n => new Promise(r => new Worker("let s = 0; for (let i = 0; i < " + n + "; i++) s += i; require(\"worker_threads\").parentPort.postMessage(s)", { eval: true }).on("message", r));
	(async () => { console.log(await Promise.all([1e3, 1e5].map(run)), cp.execSync("seq 3 | tac").toString());
	const s = http.createServer((q, r) => r.end(q.url)).listen(0, "127.0.0.1", () => http.get({ port: s.address().port, host: "127.0.0.1", path: "/x" },
		r => r.on("data", d => console.log(d.toString())).on("end", () => s.close()))) })()'\'
job git "git: commit, merge, clone, gc, fsck" 'export HOME=$PWD GIT_CONFIG_NOSYSTEM=1 GIT_AUTHOR_DATE=2020-01-01T00:00:00Z GIT_COMMITTER_DATE=2020-01-01T00:00:00Z
	git config --global user.email a@b; git config --global user.name n; git config --global init.defaultBranch main; git init -q r; cd r
	for i in 1 2 3 4 5; do seq $i $((i * 40)) >f$((i % 3)); git add .; git commit -qm "commit $i"; done
	git checkout -qb side HEAD~2; echo side >s; git add s; git commit -qm side; git merge -q main -m merge; git log --graph --oneline; git gc -q; git fsck --full
	cd ..; git clone -q r c; cd c; git diff HEAD~1 --stat; git status --short'
job "gcc make" "gcc and make: a small C project" 'for i in 1 2 3; do printf "#include <stdio.h>\nint f$i(int x) { printf(\"f$i %%d\\\\n\", x); return x + $i; }\n" >f$i.c; done
	echo "int f1(int), f2(int), f3(int); int main(void) { return f3(f2(f1(1))); }" >main.c
	printf "p: main.o f1.o f2.o f3.o\n\tgcc -o \$@ \$^\n%%.o: %%.c\n\tgcc -O2 -g -c \$< -o \$@\n" >Makefile; make -s -j3; ./p; echo $?; make -q p; echo $?; echo "int main( {" >bad.c; gcc bad.c; echo $?'
job openssl "openssl: server and client" 'openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout k -out c -subj /CN=localhost -days 1 2>/dev/null
	openssl s_server -accept 127.0.0.1:34433 -key k -cert c -www -naccept 1 >log 2>&1 &
	until grep -q ACCEPT log; do sleep 0.05; done; echo | openssl s_client -connect 127.0.0.1:34433 -CAfile c -tls1_2 2>/dev/null | grep -E "Verif|Protocol"; wait; echo $?'
job "redis-server redis-cli redis-benchmark" "redis: server, client, background save, benchmark" 'redis-server --port 0 --unixsocket $PWD/s --save "" >log 2>&1 &
	until redis-cli -s s ping 2>/dev/null | grep -q PONG; do sleep 0.05; done; redis-cli -s s incr a; redis-cli -s s lpush l x y z; redis-cli -s s lrange l 0 -1
	redis-cli -s s bgsave; until grep -q "saved on disk" log; do sleep 0.05; done; redis-benchmark -s s -q -n 1000 -c 10 -t set,get,incr | tr "\r" "\n" | grep -c "requests per second"
	redis-cli -s s shutdown nosave; wait; echo $?'
job "/usr/sbin/nginx curl" "nginx: two workers, curl, reload" 'mkdir w; echo index >w/index.html; head -c 300000 /dev/zero | tr "\0" x >w/big
	printf "user root; daemon off; worker_processes 2; pid $PWD/pid; error_log $PWD/err; events { worker_connections 64; } http { access_log off; sendfile on;
	client_body_temp_path $PWD/1; proxy_temp_path $PWD/2; fastcgi_temp_path $PWD/3; uwsgi_temp_path $PWD/4; scgi_temp_path $PWD/5; server { listen unix:$PWD/s; root $PWD/w; } }" >conf; chmod 755 .
	/usr/sbin/nginx -e $PWD/err -c $PWD/conf & until curl -s --unix-socket s http://x/; do sleep 0.05; done; for i in 1 2 3 4; do curl -s --unix-socket s http://x/big | cksum; done
	curl -s -o /dev/null -w "%{http_code}\n" --unix-socket s http://x/none; kill -HUP %1; sleep 0.2; curl -s --unix-socket s http://x/; kill -QUIT %1; wait; echo $?'

# postgresql refuses to run as root. Its shared memory has a key of System V's; the socket is in the directory.
LIMIT=120 job "/usr/lib/postgresql/15/bin/postgres psql pgbench setpriv ipcs" "postgresql: initdb, server, pgbench, fast stop" 'PATH=/usr/lib/postgresql/15/bin:$PATH; export LC_ALL=C PGHOST=$PWD
	[ $(id -u) != 0 ] || { chown 65534 . && u="setpriv --reuid 65534 --regid 65534 --clear-groups"; }
	$u initdb -D db -U me -A trust -N >log 2>&1; echo $?; $u pg_ctl -D db -w -l $PWD/server -o "-k $PWD -h \"\"" start >log 2>&1; echo $?
	psql -U me -Atc "create table t as select n, n * n as sq from generate_series(1, 1000) n; select sum(sq) from t" postgres
	pgbench -U me -i -q postgres >log 2>&1; echo $?; pgbench -U me -c 4 -j 2 -t 25 postgres 2>&1 | grep -E "actually|failed"
	psql -U me -Atc "select count(*) from pgbench_history" postgres; ipcs -m | grep -c " 600 "
	$u pg_ctl -D db -m fast -w stop >log 2>&1; echo $?; ipcs -m | grep -c " 600 "; grep -E "FATAL|PANIC|ERROR" server'

# stress-ng checks its own results.
for stressor in cpu fork vm futex signal timer timerfd pipe switch sigq pthread mmap epoll sockpair sock udp fsize pty lockf dir rename sem-sysv shm-sysv msg mq; do
	type -P stress-ng >/dev/null || { skip "stress-ng" "optional: not installed here" && break; }
	check_status 0 "stress-ng --$stressor" --cpus 2 stress-ng --quiet --temp-path /tmp --verify --"$stressor" 2 -t 1
done

# Programs of tests/programs, built here: each prints a line for what works. They stand beside the other helpers: /tmp is the guest's own.
programs=$(dirname "${BASH_SOURCE[0]}")/../programs
if ! type -P g++ >/dev/null; then
	skip "C++: std::thread" "optional: not installed here"
elif g++ -O1 -pthread -o "$PROG/threads" "$programs/threads/threads.cc" 2>"$TMP/err"; then
	check_native "C++: std::thread, futures, condition variables" "$PROG/threads"
else
	fail "C++: std::thread" <"$TMP/err"
fi
if type -P go >/dev/null; then
	if (cd "$programs/go" && GOFLAGS=-mod=mod GO111MODULE=off GOCACHE="$PROG/.go-cache" CGO_ENABLED=0 go build -o "$PROG/go" main.go) 2>"$TMP/err"; then
		check_native "Go: goroutines, timers, os/exec, sockets, signals" "$PROG/go"
	else
		fail "Go" <"$TMP/err"
	fi
else
	skip "Go" "optional: not installed here"
fi
