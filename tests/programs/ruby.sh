# SPDX-License-Identifier: Apache-2.0
# what: Ruby's own tests (Debian source), with the installed ruby: what meets the system each file by itself, the language and the library in 16 parts
# sources: ruby3.1
# packages: ruby
# limit: 500
# shellcheck shell=bash
# Files that are units of their own.
alone() {
	echo ruby/test_{process,io,io_m17n,io_buffer,io_timeout,dir,thread,thread_queue,thread_cv,thread_local,signal,pipe,fiber,fork,autoload,gc,gc_compact,sleep,beginendblock,system,env,rand,time,argf,require,marshal,ractor,exception,backtrace,sprintf,string,regexp,hash,array} \
		socket/test_{addrinfo,ancdata,basicsocket,nonblock,socket,sockopt,tcp,udp,unix} fiber/test_{io,mutex,process,queue,sleep,thread,timeout} io/{wait/test_io_wait,nonblock/test_flush,console/test_io_console} \
		test_{find,open3,pstore,pty,syslog,tempfile,timeout,tmpdir,weakref} fileutils/test_fileutils net/http/test_http etc/test_etc pathname/test_pathname logger/test_logger openssl/test_ssl monitor/test_monitor drb/test_drb rinda/test_rinda |
		tr ' ' '\n'
}
# The other files: rest.N has each 16th, in the order of names. Left out is what tests Ruby's build, its package and documentation tools.
others() {
	(cd "$DIR/test" && find . -name 'test_*.rb' | sed -nE 's,^\./(.*)\.rb$,\1,p' | sort |
		grep -vE '^(-ext-|bigdecimal|excludes|fiddle|irb|lib|mkmf|nkf|rdoc|readline|reline|rubygems|win32ole|dtrace|did_you_mean|ruby/test_(jit|yjit|rubyvm_jit|jit_debug))' | grep -vxF -f <(alone))
}
units() { alone | tr / % && seq -f 'rest.%02.0f' 16; }
prepare() { cp -r "$SOURCE/ruby3.1/test" "$SOURCE/ruby3.1/tool" "$SOURCE/ruby3.1/lib" .; }
# A unit of its own has the time of the suite, each file of the others two minutes. Each test that ended has a line; those that did not
# pass are named again at the end, below their kind.
ruby_tests() {
	timeout $(($1 * SCALE)) ruby -Itool/lib -Itest/lib -Itest test/runner.rb --ruby=/usr/bin/ruby -v --timeout-scale=$((3 * SCALE)) "test/$2.rb" 2>&1 </dev/null | tee "$WORK/log"
	awk 'match($0, /[A-Z][A-Za-z_0-9:]*#test[A-Za-z_0-9?!=]* = [0-9.]+ s/) { name = substr($0, RSTART); sub(/ .*/, "", name); outcome[name] = "ok" }
		/^ +[0-9]+\) (Failure|Error|Skipped|Timeout):$/ { kind = tolower($2); getline name; sub(/[ :]*(\[.*)?$/, "", name); outcome[name] = kind }
		END { for (name in outcome) print outcome[name], name }' "$WORK/log" | tr -d : >&3
}
run() {
	local file=${1//%//} number=${1#rest.}
	cp -r "$DIR/test" "$DIR/tool" . || return
	case $1 in
	rest.*)
		for file in $(others | awk -v "n=${number#0}" 'NR % 16 == n % 16'); do
			ruby_tests 120 "$file"
		done
		;;
	*)
		test -e "$DIR/test/$file.rb" || { result none "$1"; return; }
		ruby_tests 580 "$file"
		;;
	esac
}
