# SPDX-License-Identifier: Apache-2.0
# what: perl's core tests (Debian source): t/ and what of lib/, dist/, cpan/ and ext/ meets the system, with the installed perl
# sources: perl
# packages: perl
# limit: 400
# shellcheck shell=bash
units() { echo base cmd comp io op re uni mro lib dist cpan ext; }
modules() {
	case $1 in
	dist) echo dist/{IO,threads,threads-shared,Thread-Queue,Thread-Semaphore,Storable,Time-HiRes,PathTools} ;;
	cpan) echo cpan/{Socket,File-Temp,File-Path,IPC-Cmd,IPC-SysV,Time-Local,IO-Zlib,Digest-SHA} ;;
	ext) echo ext/{POSIX,Fcntl,File-Find,File-Glob,IPC-Open3,Errno,Sys-Hostname,FileCache,SDBM_File} ;;
	esac
}
# Tests want the library as `../lib`: the installed one, with the tests of the source.
prepare() {
	local version
	version=$(perl -e 'printf "%vd", $^V') && rm -rf tree && mkdir -p tree/lib && cp -r "$SOURCE/perl/t" "$SOURCE/perl/dist" "$SOURCE/perl/cpan" "$SOURCE/perl/ext" tree &&
		cp -rL /usr/lib/x86_64-linux-gnu/perl-base/. tree/lib && cp -rL "/usr/share/perl/$version/." tree/lib && cp -rL "/usr/lib/x86_64-linux-gnu/perl/$version/." tree/lib &&
		(cd "$SOURCE/perl/lib" && find . -name '*.t' -exec cp --parents {} "$DIR/tree/lib" \; && cp *.pl "$DIR/tree/lib") && cp "$SOURCE/perl/MANIFEST" tree && ln -s /usr/bin/perl tree/perl && ln -s /usr/bin/perl tree/t/perl
}
# The result of a test file is the digest of its lines "ok N" and "not ok N": which passed, not what they are called.
perl_tests() {
	local test status passed sum
	for test; do
		status=0
		timeout 60 perl ${PERL_CORE:+-I../lib} "$test" </dev/null >"$WORK/tap" || status=$?
		passed=$(grep -c '^ok ' "$WORK/tap") sum=$(sed -nE 's/^((not )?ok [0-9]+).*/\1/p' "$WORK/tap" | md5sum | cut -c 1-8)
		grep '^not ok' "$WORK/tap"
		result "$status/$passed/$sum" "${module-}$test"
	done
}
run() {
	case $1 in
	dist | cpan | ext)
		# Modules' tests use the installed library and run where their source is.
		for module in $(modules "$1"); do
			cp -r "$DIR/tree/$module" . && module=$module/ && (cd "${module#*/}" && perl_tests t/*.t)
		done
		;;
	*)
		export PERL_CORE=1
		cp -r "$DIR/tree" . && cd tree/t || return
		if [ "$1" = lib ]; then
			perl_tests $(ls ../lib/*.t ../lib/*/*.t | grep -vE 'perl5db|perlbug|h2xs|h2ph')
		else
			perl_tests "$1"/*.t
		fi
		;;
	esac
}
