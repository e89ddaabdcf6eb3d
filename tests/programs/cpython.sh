# SPDX-License-Identifier: Apache-2.0
# what: CPython 3.11's own tests (package libpython3.11-testsuite): what meets the system each by itself, all other modules in 24 parts
# limit: 600
# shellcheck shell=bash
# Modules that are units of their own.
alone() {
	echo test_os test_posix test_posixpath test_subprocess test_signal test_threading test_threadsignals test_thread test_threading_local \
		test_socket test_ssl test_select test_selectors test_poll test_epoll test_socketserver test_mmap test_fcntl test_tempfile test_shutil \
		test_pathlib test_io test_fileio test_file test_pty test_tty test_openpty test_ioctl test_termios test_sqlite3 test_time \
		test_resource test_zipfile test_tarfile test_gzip test_bz2 test_lzma test_mailbox test_wait3 test_wait4 test_fork1 test_pipes test_popen \
		test_pwd test_grp test_queue test_sched test_stat test_glob test_fnmatch test_filecmp test_fileinput test_dbm test_dbm_dumb test_shelve \
		test_faulthandler test_ftplib test_smtplib test_poplib test_imaplib test_httplib test_httpservers test_xmlrpc test_telnetlib \
		test_urllib2_localnet test_asyncore test_asynchat test_ipaddress test_platform test_uuid test_posixpath test_genericpath test_eintr \
		test_sys test_sysconfig test_cmd_line test_site test_venv test_compileall test_py_compile test_import test_runpy test_logging test_contextlib \
		test_concurrent_futures test_multiprocessing_fork test_multiprocessing_main_handling test_interpreters test__xxsubinterpreters test_context test_repl test_regrtest test_support test_curses test_readline \
		test_random test_secrets test_hashlib test_hmac test_locale test_getpass test_syslog test_nis test_crypt test_spwd test_sendfile test_kqueue \
		test_gc test_weakref test_memoryio test_bufio test_builtin test_math test_float test_struct test_array test_ctypes test_datetime test_codecs test_tracemalloc test_dtrace test_profile test_gdb test_perf_profiler \
		test_multiprocessing_spawn test_multiprocessing_forkserver test_unittest test_tools test_lib2to3 test_importlib test_email test_zipimport test_timeout test_file_eintr
	ls /usr/lib/python3.11/test/test_asyncio | sed -n 's/^\(test_.*\)\.py$/test_asyncio.\1/p'
}
# The other modules: rest.N has each 24th, in the order of names.
others() { ls /usr/lib/python3.11/test | sed -nE 's/^(test_[a-z0-9_A-Z]*)(\.py)?$/\1/p' | sort -u | grep -vxF -f <(alone | tr ' ' '\n'; echo test_asyncio); }
units() { alone && seq -f 'rest.%02.0f' 24; }
prepare() { test -e /usr/lib/python3.11/test/test_os.py && cp "$HERE/cpython.py" .; }
run() {
	local module number=${1#rest.}
	case $1 in
	rest.*)
		for module in $(others | awk -v "n=${number#0}" 'NR % 24 == n % 24'); do
			timeout $((130 * SCALE)) /usr/bin/python3 "$DIR/cpython.py" 3 $((120 * SCALE)) "$module" || result "STATUS($?)" "$module"
		done
		;;
	*) /usr/bin/python3 "$DIR/cpython.py" 3 $((390 * SCALE)) "$1" ;;
	esac
}
