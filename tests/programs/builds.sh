# SPDX-License-Identifier: Apache-2.0
# what: Debian sources built inside by configure, make and cmake, with their tests by make check and ctest: zlib, libpng, libuv (each of its tests), sqlite3's shell
# sources: zlib libpng1.6 libuv1 sqlite3
# packages: cmake g++ zlib1g-dev
# limit: 600
# shellcheck shell=bash
units() { echo zlib zlib-cmake libpng libpng-cmake libuv.{1,2,3,4} sqlite3; }
# libuv's tests are run by a program that the host builds: the build is the other units' matter.
prepare() {
	cp -r "$SOURCE/zlib" "$SOURCE/libpng1.6" "$SOURCE/libuv1" "$SOURCE/sqlite3" . && mkdir uv && cd uv &&
		cmake ../libuv1 -DCMAKE_BUILD_TYPE=RelWithDebInfo && make -j2 uv_run_tests && ./uv_run_tests --list >list
}
run() {
	local name status
	case $1 in
	zlib | libpng | sqlite3)
		cp -r "$DIR/$1"* source && cd source || return
		[ "$1" != sqlite3 ] || set -- sqlite3 sqlite3
		check "configure" ./configure
		check "make" make -j2 ${2-}
		[ "$1" = sqlite3 ] || check "make check" make check
		[ "$1" != libpng ] || sed -n 's/^\(PASS\|FAIL\|SKIP\|XFAIL\): /\1 /p' test-suite.log tests/*.trs >&3
		check "make install" make install DESTDIR="$WORK/to"
		digest "installed" sh -c "cd '$WORK/to' && find . | sort"
		[ "$1" != sqlite3 ] || digest "the shell" ./sqlite3 :memory: 'create table t(a); with recursive c(x) as (select 1 union all select x+1 from c where x<10000) insert into t select x from c; select sum(a), count(*) from t; pragma integrity_check;'
		;;
	*-cmake)
		name=${1%-cmake}
		check "cmake" cmake -S "$DIR/$name"* -B b
		check "build" cmake --build b -j2
		check "ctest" ctest --test-dir b -j2 --output-on-failure
		;;
	libuv.*)
		for name in $(awk -v "n=${1#libuv.}" 'NR % 4 == n % 4 { print $1 }' "$DIR/uv/list"); do
			status=0
			timeout $((60 * SCALE)) "$DIR/uv/uv_run_tests" "$name" "$name" </dev/null >out 2>&1 || status=$?
			cat out
			grep -q '^# SKIP\|not ok.*SKIP\|ok.*# SKIP' out && status=skip
			result "$status" "$name"
		done
		;;
	esac
}
