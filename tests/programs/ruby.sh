# SPDX-License-Identifier: Apache-2.0
# what: Ruby's own tests (Debian source) of what meets the system, with the installed ruby
# sources: ruby3.1
# packages: ruby
# limit: 200
# shellcheck shell=bash
units() {
	echo ruby/test_{process,io,io_m17n,io_buffer,io_timeout,dir,thread,thread_queue,thread_cv,thread_local,signal,pipe,fiber,fork,autoload,gc,gc_compact,sleep,beginendblock,system,env,rand,time,argf,require,marshal,ractor,exception,backtrace,sprintf,string,regexp,hash,array} \
		socket/test_{addrinfo,ancdata,basicsocket,nonblock,socket,sockopt,tcp,udp,unix} fiber/test_{io,mutex,process,queue,sleep,thread,timeout} io/{wait/test_io_wait,nonblock/test_flush,console/test_io_console} \
		test_{find,open3,pstore,pty,syslog,tempfile,timeout,tmpdir,weakref} fileutils/test_fileutils net/http/test_http etc/test_etc pathname/test_pathname logger/test_logger openssl/test_ssl monitor/test_monitor drb/test_drb rinda/test_rinda |
		tr ' /' '\n%'
}
prepare() { cp -r "$SOURCE/ruby3.1/test" "$SOURCE/ruby3.1/tool" "$SOURCE/ruby3.1/lib" .; }
run() {
	local file=test/${1//%//}.rb
	test -e "$DIR/$file" || { result none "$1"; return; }
	cp -r "$DIR/test" "$DIR/tool" . || return
	# Each test that ended has a line; those that did not pass are named again at the end, below their kind.
	timeout 580 ruby -Itool/lib -Itest/lib -Itest test/runner.rb --ruby=/usr/bin/ruby -v --timeout-scale=3 "$file" 2>&1 </dev/null | tee "$WORK/log"
	awk 'match($0, /[A-Z][A-Za-z_0-9:]*#test[A-Za-z_0-9?!=]* = [0-9.]+ s/) { name = substr($0, RSTART); sub(/ .*/, "", name); outcome[name] = "ok" }
		/^ +[0-9]+\) (Failure|Error|Skipped|Timeout):$/ { kind = tolower($2); getline name; sub(/[ :]*(\[.*)?$/, "", name); outcome[name] = kind }
		END { for (name in outcome) print outcome[name], name }' "$WORK/log" | tr -d : >&3
}
