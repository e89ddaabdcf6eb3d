# SPDX-License-Identifier: Apache-2.0
# what: perl's core tests (Debian source): t/, lib/ and the modules of dist/, cpan/ and ext/, with the installed perl
# sources: perl
# packages: perl
# limit: 600
# shellcheck shell=bash
# PART.N.OF has each OFth test of PART.
units() { echo base cmd comp io japh opbasic run op.{1,2,3,4,5,6}.6 re.{1,2,3}.3 uni mro lib.{1,2}.2 dist cpan.{1,2,3,4}.4 ext.{1,2}.2; }
# What is left out needs Perl's build tree, the network or another system, or is no module of the installed perl.
modules() {
	(cd "$DIR/tree" && ls -d "$1"/*) | grep -vE 'Win32|VMS|Amiga|/ExtUtils|/Devel-PPPort|/CPAN|/(Module-CoreList|XS-|Pod-Html|Net-Ping|DB_File|GDBM|NDBM|ODBM|perlfaq|Config-Perl-V|File-Fetch|Unicode-Collate|libnet|Sys-Syslog|PL2Bat)'
}
nth() { awk -v "n=${number:-0}" -v "of=${of:-1}" 'NR % of == n % of'; }
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
		timeout $((120 * SCALE)) perl ${PERL_CORE:+-I../lib} ${module:+-I../../t} "$test" </dev/null >"$WORK/tap" || status=$?
		passed=$(grep -c '^ok ' "$WORK/tap") sum=$(sed -nE 's/^((not )?ok [0-9]+).*/\1/p' "$WORK/tap" | md5sum | cut -c 1-8)
		grep '^not ok' "$WORK/tap"
		[ $status != 124 ] || passed=late sum= # how far it came tells of the machine
		result "$status/$passed/$sum" "${module-}$test"
	done
}
run() {
	local part number of module
	IFS=. read -r part number of <<<"$1"
	case $part in
	dist | cpan | ext)
		# Modules' tests use the installed library and run where their source is, below a tree with what tests share.
		ln -s "$DIR/tree/t" "$DIR/tree/lib" . && mkdir "$part" && cd "$part" || return
		for module in $(modules "$part" | nth); do
			[ -d "$DIR/tree/$module/t" ] || continue
			cp -r "$DIR/tree/$module" . && module=$module/ && (cd "${module#*/}" && perl_tests $(find t -name '*.t' | sort))
		done
		;;
	*)
		export PERL_CORE=1
		cp -r "$DIR/tree" . && cd tree/t || return
		if [ "$part" = lib ]; then
			perl_tests $(ls ../lib/*.t ../lib/*/*.t | grep -vE 'perl5db|perlbug|h2xs|h2ph' | nth)
		else
			perl_tests $(ls "$part"/*.t | nth)
		fi
		;;
	esac
}
