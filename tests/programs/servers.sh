# SPDX-License-Identifier: Apache-2.0
# what: postgresql (initdb, server, pgbench, crash recovery, dump), redis (with its benchmark and both ways of saving), nginx with curl, rsync's daemon
# packages: postgresql redis-server nginx curl rsync
# limit: 300
# shellcheck shell=bash
units() { echo postgresql redis nginx rsyncd; }
prepare() { :; }
run() { "run_$1"; }
# until_ready CMD...: waits until CMD succeeds, 60 seconds at most.
until_ready() { for _ in $(seq $((300 * SCALE))); do "$@" >/dev/null 2>&1 && return; sleep 0.2; done; return 1; }
run_postgresql() {
	local bin
	bin=$(ls -d /usr/lib/postgresql/*/bin | tail -n 1)
	PATH=$bin:$PATH
	export PGHOST=$WORK PGDATABASE=postgres PGUSER=u
	check initdb initdb -D data -U u -A trust --no-sync -E UTF8 --locale=C
	check start pg_ctl -D data -w -t $((90 * SCALE)) -l log -o "-k $WORK -h 127.0.0.1 -p 34451" start
	export PGPORT=34451
	q() { psql -qAtX -v ON_ERROR_STOP=1 -c "$1"; }
	digest "tables, index" q "create table t as select i, md5(i::text) m from generate_series(1, 20000) i; create index on t(m); analyze t; select count(*), sum(i), max(m) from t where m > 'a'"
	digest "joins, windows" q "select a.i % 7, count(*), sum(count(*)) over (order by a.i % 7) from t a join t b on a.i = b.i * 2 group by 1 order by 1"
	digest "parallel plan" q "set max_parallel_workers_per_gather = 2; set parallel_setup_cost = 0; set parallel_tuple_cost = 0; set min_parallel_table_scan_size = 0; select count(*), sum(length(m)) from t"
	digest "a function and an error" psql -qAtX -c "do \$\$ begin raise exception 'no'; exception when others then perform 1; end \$\$" -c "select 1/0" -c "select 2"
	check "TCP" psql -h 127.0.0.1 -qAtX -c "select 1"
	check "pgbench -i" pgbench -i -q -s 1
	check "pgbench, Unix socket" pgbench -c 4 -j 2 -t 50 -n
	check "pgbench, TCP, prepared" pgbench -h 127.0.0.1 -M prepared -c 2 -t 50 -n
	check "pgbench, a connection each" pgbench -C -c 2 -t 20 -n
	digest "the sum" q "select count(*), sum(abalance) = (select sum(bbalance) from pgbench_branches) from pgbench_accounts"
	digest "listen and notify" sh -c "psql -qAtX -c 'listen x' -c \"notify x, 'y'\" -c 'select 1' | sed 's/PID [0-9]*//'"
	digest "locks: a waiting transaction" sh -c "exec 2>&1; psql -qAtX -c 'begin; update t set m = 1 where i = 1; select pg_sleep(1); commit' & sleep 0.4; psql -qAtX -c \"update t set m = 'b' where i = 1 returning m\" >m; wait; cat m"
	digest "statement_timeout" psql -qAtX -c "set statement_timeout = 200" -c "select pg_sleep(20)"
	digest "cancel" sh -c "psql -qAtX -c 'select pg_sleep(30)' & sleep 1; psql -qAtX -c \"select pg_cancel_backend(pid) from pg_stat_activity where query like 'select pg_sleep%'\"; wait"
	check "vacuum" q "vacuum full"
	digest "pg_dump" sh -c "pg_dump -t t | grep -v '^--\|^SET\|restrict' | md5sum"
	check "immediate stop" pg_ctl -D data -w -m immediate stop
	check "recovers" pg_ctl -D data -w -t $((90 * SCALE)) -l log -o "-k $WORK -h 127.0.0.1 -p 34451" start
	digest "after recovery" q "select count(*) from pgbench_accounts; select count(*), min(i) from t"
	check "fast stop" pg_ctl -D data -w -m fast stop
}
run_redis() {
	redis-server --port 34452 --bind 127.0.0.1 --unixsocket "$WORK/s" --dir "$WORK" --save "" --appendonly yes --io-threads 2 >log 2>&1 &
	r() { redis-cli -s "$WORK/s" "$@"; }
	check "starts" until_ready r ping
	check "benchmark" redis-benchmark -s "$WORK/s" -q -n 2000 -c 20 -t set,get,incr,lpush,sadd,hset,zadd,lrange_100,mset
	check "benchmark, TCP, pipelined, threads" redis-benchmark -p 34452 -q -n 4000 -c 10 -P 16 --threads 2 -t set,get
	digest "eval" r eval 'for i = 1, 1000 do redis.call("set", "k" .. i, i * i) end return redis.call("get", "k999")' 0
	digest "expiry" sh -c "redis-cli -s $WORK/s set e 1 px 200; sleep 0.5; redis-cli -s $WORK/s exists e"
	digest "transaction" sh -c "printf 'multi\nincr n\nincr n\nexec\n' | redis-cli -s $WORK/s"
	digest "publish" sh -c "timeout 3 redis-cli -s $WORK/s subscribe c >got & sleep 1; redis-cli -s $WORK/s publish c hello; wait; cat got"
	digest "blocking pop" sh -c "(sleep 0.5; redis-cli -s $WORK/s rpush b 7 >/dev/null) & redis-cli -s $WORK/s blpop b 10"
	check "bgsave" r bgsave
	check "saved" until_ready sh -c "redis-cli -s $WORK/s info persistence | grep -q 'rdb_bgsave_in_progress:0' && test -s dump.rdb"
	check "bgrewriteaof" r bgrewriteaof
	check "rewritten" until_ready sh -c "redis-cli -s $WORK/s info persistence | grep -q 'aof_rewrite_in_progress:0'"
	check "redis-check-rdb" redis-check-rdb dump.rdb
	r debug sleep 0 >/dev/null
	local before
	before=$(r dbsize)
	r shutdown nosave
	wait
	redis-server --port 0 --unixsocket "$WORK/s" --dir "$WORK" --appendonly yes >log 2>&1 &
	check "starts again" until_ready sh -c "redis-cli -s $WORK/s ping | grep -q PONG"
	check "has all its keys" test "$(r dbsize)" = "$before"
	r shutdown nosave
	wait
}
run_nginx() {
	mkdir html logs && seq 1 100000 >html/f && echo index >html/index.html && mkdir html/d
	openssl req -x509 -newkey rsa:2048 -nodes -keyout k -out c -subj /CN=localhost -days 2 -addext subjectAltName=IP:127.0.0.1
	cat >conf <<-END
		worker_processes 2;
		pid $WORK/pid;
		error_log $WORK/logs/error;
		events { worker_connections 64; }
		http {
			access_log $WORK/logs/access;
			client_body_temp_path $WORK/b; proxy_temp_path $WORK/p; fastcgi_temp_path $WORK/fa; uwsgi_temp_path $WORK/u; scgi_temp_path $WORK/sc;
			sendfile on; tcp_nopush on; gzip on; gzip_types *;
			server { listen 127.0.0.1:34453 reuseport; listen [::1]:34453; listen unix:$WORK/s; root $WORK/html;
				location /list/ { alias $WORK/html/; autoindex on; }
				location /proxy/ { proxy_pass http://unix:$WORK/s:/; } }
			server { listen 127.0.0.1:34454 ssl http2; ssl_certificate $WORK/c; ssl_certificate_key $WORK/k; root $WORK/html; }
		}
	END
	check "configuration" nginx -e logs/error -c "$WORK/conf" -t
	nginx -e logs/error -c "$WORK/conf" -g 'daemon off;' &
	check "starts" until_ready curl -sf http://127.0.0.1:34453/
	digest "a file" curl -sf http://127.0.0.1:34453/f
	digest "Unix socket" curl -sf --unix-socket s http://h/f
	digest "IPv6" curl -sf "http://[::1]:34453/f"
	digest "ranges" curl -sf -r 5-50,1000-1100 --http1.0 -o - http://127.0.0.1:34453/index.html -w '%{http_code}'
	digest "compressed" curl -sf --compressed http://127.0.0.1:34453/f
	digest "proxied" curl -sf http://127.0.0.1:34453/proxy/f
	digest "TLS, HTTP 2" curl -sf --http2 --cacert c https://127.0.0.1:34454/f -w '%{http_version} %{ssl_verify_result}'
	digest "no such file" curl -s http://127.0.0.1:34453/none -w '%{http_code}'
	digest "many at once" sh -c 'curl -sf --parallel --parallel-max 20 "http://127.0.0.1:34453/f?[1-60]" -o "o#1" && cat o* | md5sum'
	digest "kept alive" curl -sf "http://127.0.0.1:34453/index.html?[1-30]" -w '%{num_connects}'
	check "reload" kill -HUP "$(cat pid)"
	sleep 1
	digest "after reload" curl -sf http://127.0.0.1:34453/index.html
	check "reopen logs" sh -c 'mv logs/access logs/old && kill -USR1 $(cat pid) && for i in 1 2 3 4 5 6 7 8 9 10; do sleep 0.3; [ -e logs/access ] && exit; done; exit 1'
	check "quit" kill -QUIT "$(cat pid)"
	wait
	digest "no worker died" grep -c 'exited on signal' logs/error
}
run_rsyncd() {
	mkdir -p m/d && seq 1 50000 >m/f && ln -s f m/l && seq 1 1000 >m/d/g && chmod 640 m/d/g
	printf 'use chroot = no\npid file = %s/pid\nport = 34455\naddress = 127.0.0.1\n[m]\npath = %s/m\nread only = no\n' "$WORK" "$WORK" >conf
	check "daemon" rsync --daemon --config=conf
	check "lists" until_ready rsync rsync://127.0.0.1:34455/
	check "pull" rsync -a rsync://127.0.0.1:34455/m/ copy/
	digest "pulled" sh -c 'cd copy && find . -printf "%y %m %s %l %p\n" | sed "s/^d \([0-9]*\) [0-9]*/d \1/" | sort && md5sum f d/g'
	echo more >>copy/f
	digest "push of what changed" rsync -ai --no-times --checksum copy/ rsync://127.0.0.1:34455/m/
	check "same" cmp copy/f m/f
	check "compressed, limited" rsync -az --bwlimit=5000 rsync://127.0.0.1:34455/m/f again
	check "ends" kill "$(cat pid)"
}
