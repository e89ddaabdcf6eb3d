#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Test suites and whole jobs of Debian programs (tests/programs), on the host and in the sandbox, compared test by test:
# programs.sh [--table] [SUITE[:UNIT]...]. Prints each difference and a table. PROGRAMS_DOC=1 also writes the table in docs/programs.md,
# from the last whole run of each suite.
# PROGRAMS_OPTIONS: more options for `sandbox run` (--cpus 4). PROGRAMS_KEEP=1 uses the host's results of the run before.
# PROGRAMS_SCALE=N: N times as long for everything, on a slow machine.
# PROGRAMS_PREPARE=only: makes what the suites need and runs nothing; =no: it was made before (svm-programs.sh).
set -u
cd "$(dirname "$0")/.." || exit 1
SANDBOX=${SANDBOX:-$PWD/build/sandbox}
OUT=$PWD/${B:-build}/programs
KNOWN=$PWD/tests/programs/known-differences.txt
SCALE=${PROGRAMS_SCALE:-1}
mkdir -p "$OUT"

# field NAME FILE: the rest of the line "# NAME: ..." in a suite's first comment.
field() { sed -n "s/^# $1: *//p" "$2" | head -n 1; }

# Debian's sources, through apt with lists of its own: the system's configuration is not changed.
sources() {
	local apt=$OUT/apt options package
	mkdir -p "$apt/lists/partial" "$apt/cache/archives/partial"
	options="-qq -o Dir::Etc::sourcelist=$apt/source.sources -o Dir::Etc::sourceparts=/dev/null -o Dir::State::lists=$apt/lists -o Dir::Cache=$apt/cache -o APT::Sandbox::User=root"
	if [ ! -e "$apt/source.sources" ]; then
		printf 'Types: deb-src\nURIs: http://deb.debian.org/debian\nSuites: bookworm\nComponents: main\nSigned-By: /usr/share/keyrings/debian-archive-keyring.gpg\n' >"$apt/new"
		# shellcheck disable=SC2015,SC2086
		mv "$apt/new" "$apt/source.sources" && apt-get $options update || { rm -f "$apt/source.sources"; return 1; }
	fi
	for package in "$@"; do
		[ -d "$OUT/source/$package" ] && continue
		rm -rf "$OUT/fetch" && mkdir -p "$OUT/fetch" "$OUT/source" || return 1
		# shellcheck disable=SC2015,SC2086
		(cd "$OUT/fetch" && apt-get $options source --download-only "$package" && dpkg-source --no-check -x ./*.dsc tree) >"$OUT/fetch.log" 2>&1 &&
			mv "$OUT/fetch/tree" "$OUT/source/$package" || { tail -n 3 "$OUT/fetch.log" >&2; return 1; }
	done
}

# Tests that root runs on the host must not set its clock or the like; the emulated machine is thrown away.
HARMLESS=()
[ "$(id -u)" != 0 ] || [ "${PROGRAMS_PREPARE-}" = no ] || HARMLESS=(setpriv --bounding-set="-all,+chown,+dac_override,+fowner,+fsetid,+kill,+setgid,+setuid,+setpcap,+net_bind_service,+sys_chroot,+sys_nice,+ipc_lock,+mknod")

# one SIDE SUITE UNIT: its results, sorted, to a file. A unit that ends in another way than with 0 has a line about that.
one() {
	local side=$1 suite=$2 unit=$3 file=tests/programs/$2.sh status=0 to=$OUT/$2/results/$3.$1 limit user as=
	limit=$(($(field limit "$file") * SCALE)) user=$(field user "$file")
	[ "$(id -u)" != 0 ] || user=${user:-65534} # tests of the host's own run must not change its /dev
	# shellcheck disable=SC2086
	if [ "$side" = native ]; then
		[ -n "$user" ] && [ "$(id -u)" = 0 ] && as="setpriv --reuid $user --regid $user --clear-groups"
		timeout -k 5 "$limit" env -i --default-signal SCALE="$SCALE" "${HARMLESS[@]}" $as setsid -w bash "tests/programs/one.sh" "$PWD/$file" "$unit" "$OUT/$suite/dir" </dev/null >"$to.raw" 2>"$to.log" || status=$?
	else
		# shellcheck disable=SC2046
		timeout -k 5 $((limit * 3 + 10)) "$SANDBOX" run --ro / --tmpfs /tmp --memory 2G --cpus 2 --hostname "$(uname -n)" --timeout $((limit * 3)) $(field options "$file") ${user:+--user $user:$user} -e "SCALE=$SCALE" ${PROGRAMS_OPTIONS-} -- \
			/bin/bash "$PWD/tests/programs/one.sh" "$PWD/$file" "$unit" "$OUT/$suite/dir" </dev/null >"$to.raw" 2>"$to.log" || status=$?
	fi
	[ $status = 0 ] || echo "STATUS($status) $unit" >>"$to.raw"
	[ -s "$to.raw" ] || echo "STATUS(nothing) $side: $unit" >>"$to.raw"
	sort -u "$to.raw" >"$to"
}

# tally SUITE UNIT...: prints the differences of these units and sets total, same, known, differ.
tally() {
	local name=$1 unit what results=$OUT/$1/results
	shift
	total=0 same=0 known=0 differ=0
	for unit; do
		# A unit that could not even begin there is no proof of anything.
		if ! grep -qv '^STATUS(' "$results/$unit.native"; then
			total=$((total + 1)) differ=$((differ + 1))
			echo "  $name:$unit: nothing was run natively: $(tail -n 1 "$results/$unit.native.log" 2>/dev/null)"
			continue
		fi
		while read -r what; do
			case $what in
			=*) same=$((same + 1)) ;;
			K*) known=$((known + 1)) ;;
			*) differ=$((differ + 1)) && echo "  $name:$unit: $what" ;;
			esac
			total=$((total + 1))
		done < <(tests/programs/compare.awk -v suite="$name" "$KNOWN" "$results/$unit.native" "$results/$unit.inside")
	done
}

# Uses suite()'s variables. 1: the suite is skipped.
prepare_suite() {
	# shellcheck disable=SC2046
	sources $(field sources "$file") || { echo "skip $name: no Debian sources at hand" && return 1; }
	# shellcheck source=/dev/null
	(export SOURCE=$OUT/source DIR=$dir/dir HERE=$PWD/tests/programs && cd "$dir/dir" && . "$OLDPWD/$file" && prepare) >"$dir/prepare.log" 2>&1 ||
		{ echo "skip $name: cannot be prepared ($dir/prepare.log)" && return 1; }
}

suite() {
	local name=$1 only=$2 file=tests/programs/$1.sh unit units dir=$OUT/$1 start
	[ -e "$file" ] || { echo "programs.sh: no suite $name" >&2; return 1; }
	mkdir -p "$dir/dir" "$dir/results"
	[ "${PROGRAMS_PREPARE-}" = no ] || prepare_suite || return
	[ "${PROGRAMS_PREPARE-}" != only ] || return 0
	# shellcheck source=/dev/null
	units=${only:-$(DIR=$dir/dir HERE=$PWD/tests/programs; . "$file"; units)}
	start=$SECONDS
	for unit in $units; do
		[ -n "${PROGRAMS_KEEP-}" ] && [ -s "$dir/results/$unit.native" ] ||
			one native "$name" "$unit"
		one inside "$name" "$unit"
	done
	# shellcheck disable=SC2086
	tally "$name" $units
	[ $differ = 0 ] && [ $total != 0 ] || status=1
	printf '%-12s %6d tests, %6d as on the host, %4d known differences, %4d DIFFER, %4d s\n' "$name" $total $same $known $differ $((SECONDS - start))
}

# The table of docs/programs.md, from the last run of each unit.
table() {
	local name units
	printf '\n| Suite | What | Tests | As on the host | Known differences | Other differences |\n| --- | --- | --- | --- | --- | --- |\n'
	for name in "$OUT"/*; do
		name=${name##*/}
		[ -d "$OUT/$name/results" ] || continue
		units=$(cd "$OUT/$name/results" && find . -name '*.inside' | sed 's,^\./,,; s/\.inside$//' | sort)
		# shellcheck disable=SC2086
		tally "$name" $units >"$OUT/$name/differences"
		echo "| $name | $(field what "tests/programs/$name.sh") | $total | $same | $known | $differ |"
	done
	printf '\n'
}

status=0
[ "${1-}" != --table ] || { table && exit; }
# shellcheck disable=SC2046
[ $# -gt 0 ] || set -- $(find tests/programs -name '*.sh' ! -name one.sh -printf '%f\n' | sed 's/\.sh$//' | sort)
for wanted in "$@"; do
	case $wanted in
	*:*) suite "${wanted%%:*}" "${wanted#*:}" ;;
	*) suite "$wanted" "" ;;
	esac
done
if [ -n "${PROGRAMS_DOC-}" ]; then
	{
		sed '/^<!-- make programs -->$/q' docs/programs.md
		table
		sed -n '/^<!-- end -->$/,$p' docs/programs.md
	} >"$OUT/programs.md" && mv "$OUT/programs.md" docs/programs.md
fi
exit $status
