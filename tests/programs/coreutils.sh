# SPDX-License-Identifier: Apache-2.0
# what: GNU tests (Debian sources) of coreutils, grep, sed, findutils, with the installed programs
# sources: coreutils grep sed findutils
# packages: perl
# user: 65534
# limit: 300
# shellcheck shell=bash
# The tests believe that they stand in a build tree: a directory `src` of links to the installed programs is one to them.
units() {
	(cd "$DIR/coreutils/tests" && find . -mindepth 1 -maxdepth 1 -type d -printf 'coreutils-%f\n' | sort)
	echo grep sed findutils
}
prepare() {
	for package in coreutils grep sed findutils; do
		cp -r "$SOURCE/$package" . || return
	done
	chmod -R go+rX .
}
# gnu_tests PACKAGE TEST...: each a shell or perl script, relative to the package's source tree.
gnu_tests() {
	local package=$1 top=$DIR/$1 test status
	shift
	mkdir -p build/src build/tests && touch build/config.h
	for test in /usr/bin/*; do ln -s "$test" build/src/; done
	cd build/tests || return
	export srcdir=$top top_srcdir=$top abs_srcdir=$top abs_top_srcdir=$top abs_top_builddir=$WORK/build CONFIG_HEADER=$WORK/build/config.h \
		VERSION=0 PACKAGE_VERSION=0 LOCALE_FR=none LOCALE_FR_UTF8=none LOCALE_JA=none LOCALE_ZH_CN=none LOCALE_TR_UTF8=none CC=gcc AWK=awk EGREP="grep -E" MAKE=make \
		PERL=perl SHELL=/bin/sh built_programs="[ arch b2sum base32 base64 basename basenc cat chcon chgrp chmod chown chroot cksum comm cp csplit cut date dd df dir dircolors dirname du echo env expand expr factor false fmt fold groups head hostid id install join link ln logname ls md5sum mkdir mkfifo mknod mktemp mv nice nl nohup nproc numfmt od paste pathchk pinky pr printenv printf ptx pwd readlink realpath rm rmdir runcon seq sha1sum shred shuf sleep sort split stat stdbuf stty sum sync tac tail tee test timeout touch tr true truncate tsort tty uname unexpand uniq unlink uptime users vdir wc who whoami yes" \
		host_os=linux-gnu host_triplet=x86_64-pc-linux-gnu fail=0
	PATH=$WORK/build/src:$PATH
	for test; do
		status=0
		case $test in
		*.p[lm]) CU_TEST_NAME=${test//\//,} timeout 60 perl -w -I"$top/tests" -MCuSkip -MCoreutils -M"CuTmpdir qw($test)" "$top/$test" </dev/null 9>&2 || status=$? ;;
		*) timeout 60 sh "$top/$test" </dev/null 9>&2 || status=$? ;;
		esac
		case $status in
		0) result ok "$test" ;;
		77) result skip "$test" ;;
		*) result "FAIL($status)" "$test" ;;
		esac
	done
}
run() {
	case $1 in
	coreutils-*)
		# What is left out needs a real terminal's time or gigabytes, or is dangerous where it fails.
		gnu_tests coreutils $(cd "$DIR/coreutils" && find "tests/${1#coreutils-}" -name '*.sh' -o -name '*.pl' | grep -vE '/r-root|/rm-readdir-fail|/c99-pf' | sort)
		;;
	grep)
		gnu_tests grep $(cd "$DIR/grep" && grep -lE 'init\.sh' tests/* | sort)
		;;
	sed)
		gnu_tests sed $(cd "$DIR/sed" && find testsuite -name '*.sh' | sort)
		;;
	findutils)
		gnu_tests findutils $(cd "$DIR/findutils" && find tests -mindepth 2 -name '*.sh' | sort)
		;;
	esac
}
