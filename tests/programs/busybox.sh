# SPDX-License-Identifier: Apache-2.0
# what: busybox's own test suites (Debian source): applets and ash, with the installed static busybox
# sources: busybox
# limit: 200
# shellcheck shell=bash
# Not bc: some of its tests make millions of writes of a few bytes, which takes minutes inside. The other two have nothing to run here.
units() {
	(cd "$DIR/testsuite" && for name in *.tests; do echo "${name%.tests}"; done; find . -mindepth 1 -maxdepth 1 -type d -printf '%f\n') | sort -u | grep -vxE 'bc|ash|all_sourcecode'
	find "$DIR/shell/ash_test" -mindepth 1 -maxdepth 1 -type d -printf '%f\n' | sort
}
prepare() {
	cp -r "$SOURCE/busybox/testsuite" "$SOURCE/busybox/shell" "$SOURCE/busybox/scripts" . &&
		cp "$SOURCE/busybox/debian/config/pkg/static" .config &&
		cp "$(type -P busybox)" . && cd shell/ash_test || return
	for name in printenv recho zecho; do gcc -O2 -w -o $name $name.c || return; done
}
run() {
	cp "$DIR/busybox" "$DIR/.config" . && mkdir scripts && cp "$DIR/scripts/echo.c" scripts || return
	case $1 in
	ash-*)
		mkdir shell && cp -r "$DIR/shell/ash_test" shell && cd shell/ash_test || return
		./run-all "$1" 2>&1 | tee "$WORK/log"
		sed -n 's/^\(.*\): ok$/ok \1/p; s/^\(.*\): skip.*/skip \1/p; s/^\(.*\): fail$/fail \1/p' "$WORK/log" >&3
		;;
	*)
		# Old-style tests say PASS and FAIL alone, new-style ones name what they test.
		cp -r "$DIR/testsuite" . && cd testsuite || return
		bindir=$WORK ./runtest "$1" 2>&1 | tee "$WORK/log"
		grep -aE '^(PASS|FAIL|SKIPPED|UNTESTED): ' "$WORK/log" | sort -u | sed "s/: /: $1: /" >&3
		;;
	esac
}
