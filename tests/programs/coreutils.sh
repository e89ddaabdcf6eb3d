# SPDX-License-Identifier: Apache-2.0
# what: GNU tests (Debian sources) of coreutils, grep, sed, findutils, with the installed programs
# sources: coreutils grep sed findutils
# packages: perl
# user: 65534
# limit: 300
# shellcheck shell=bash
# The tests believe that they stand in a build tree: a directory `src` of links to the installed programs is one to them.
units() {
	(cd "$DIR/coreutils/tests" && find . -mindepth 1 -maxdepth 1 -type d ! -name misc -printf 'coreutils-%f\n' | sort)
	seq -f 'coreutils-misc.%.0f' 6 # each sixth of the most
	echo grep sed findutils
}
prepare() {
	for package in coreutils grep sed findutils; do
		cp -r "$SOURCE/$package" . || return
	done
	# Stands for the program of coreutils' tests that prints the limits of C's types.
	perl -Mbigint -e 'print "#!/bin/sh\ncat <<END\n";
		for (qw(CHAR:-7 SCHAR:-7 UCHAR:8 SHRT:-15 INT:-31 UINT:32 LONG:-63 ULONG:64 SIZE:64 SSIZE:-63 TIME_T:-63 UID_T:32 GID_T:32 PID_T:-31 OFF_T:-63 INTMAX:-63 UINTMAX:64)) {
			my ($n, $s, $b) = /(.*):(-?)(.*)/; my $m = 2**$b;
			printf "%s_MAX=%s\n%s_OFLOW=%s\n", $n, $m - 1, $n, $m;
			printf "%s_MIN=-%s\n%s_UFLOW=-%s\n", $n, $m, $n, $m + 1 if $s;
		}
		print "FLT_MIN=1.17549435e-38\nFLT_MAX=3.40282347e+38\nDBL_MIN=2.2250738585072014e-308\nDBL_MAX=1.7976931348623157e+308\nLDBL_MIN=3.3621031431120935063e-4932\nLDBL_MAX=1.189731495357231765e+4932\nSIGRTMIN=34\nSIGRTMAX=64\nIO_BUFSIZE=131072\nEND\n"' >getlimits &&
		chmod +x getlimits && chmod -R go+rX .
}
# gnu_tests PACKAGE TEST...: each a shell or perl script, relative to the package's source tree.
gnu_tests() {
	local package=$1 top=$DIR/$1 test status srcdir
	shift
	mkdir -p build/src build/sed build/tests && echo '#define HAVE_UTIMENSAT 1' >build/config.h
	ln -s /usr/bin/* build/src/ && ln -s /usr/bin/sed build/sed/ && ln -s "$DIR/getlimits" build/src/
	cd build/tests || return
	mkdir -p $(printf '%s\n' "${@%/*}" | sort -u)
	srcdir=$top && [ "$package" != grep ] || srcdir=$top/tests
	export srcdir top_srcdir=$top abs_srcdir=$top abs_top_srcdir=$top abs_top_builddir=$WORK/build CONFIG_HEADER=$WORK/build/config.h \
		VERSION=0 PACKAGE_VERSION=0 LOCALE_FR=none LOCALE_FR_UTF8=none LOCALE_JA=none LOCALE_ZH_CN=none LOCALE_TR_UTF8=none CC=gcc AWK=awk EGREP="grep -E" MAKE=make \
		PERL=perl SHELL=/bin/sh PCRE_WORKS=1 RUN_EXPENSIVE_TESTS=yes built_programs="find xargs locate grep egrep fgrep [ arch b2sum base32 base64 basename basenc cat chcon chgrp chmod chown chroot cksum comm cp csplit cut date dd df dir dircolors dirname du echo env expand expr factor false fmt fold groups head hostid id install join link ln logname ls md5sum mkdir mkfifo mknod mktemp mv nice nl nohup nproc numfmt od paste pathchk pinky pr printenv printf ptx pwd readlink realpath rm rmdir runcon seq sha1sum sha224sum sha256sum sha384sum sha512sum shred shuf sleep sort split stat stdbuf stty sum sync tac tail tee test timeout touch tr true truncate tsort tty uname unexpand uniq unlink uptime users vdir wc who whoami yes" \
		host_os=linux-gnu host_triplet=x86_64-pc-linux-gnu fail=0
	unset TERM
	PATH=$WORK/build/src:$PATH
	for test; do
		status=0
		case $test in
		*.p[lm]) CU_TEST_NAME=${test//\//,} timeout $((60 * SCALE)) perl -w -I"$top/tests" -MCuSkip -MCoreutils -M"CuTmpdir qw($test)" "$top/$test" </dev/null 9>&2 || status=$? ;;
		*) timeout $((60 * SCALE)) sh "$top/$test" </dev/null 9>&2 || status=$? ;;
		esac
		case $status in
		0) result ok "$test" ;;
		77) result skip "$test" ;;
		*) result "FAIL($status)" "$test" ;;
		esac
	done
}
run() {
	local part=${1#coreutils-}
	case $1 in
	coreutils-*)
		# What is left out needs a real terminal's time or gigabytes, or is dangerous where it fails.
		gnu_tests coreutils $(cd "$DIR/coreutils" && find "tests/${part%.*}" -name '*.sh' -o -name '*.pl' | grep -vE '/r-root|/rm-readdir-fail|/c99-pf' | sort |
			awk -v "n=${part#*.}" 'n !~ /^[0-9]+$/ || NR % 6 == n % 6')
		;;
	grep)
		gnu_tests grep $(cd "$DIR/grep" && grep -lE 'init\.sh' tests/* | grep -vE '\.|Makefile' | sort)
		;;
	sed)
		gnu_tests sed $(cd "$DIR/sed" && find testsuite -name '*.sh' | sort)
		;;
	findutils)
		gnu_tests findutils $(cd "$DIR/findutils" && find tests -mindepth 2 -name '*.sh' | sort)
		;;
	esac
}
