# SPDX-License-Identifier: Apache-2.0
# what: gawk's own tests (Debian source) of the form PROGRAM, input and expected output, with the installed gawk
# sources: gawk
# packages: gawk
# limit: 200
# shellcheck shell=bash
units() { echo all; }
prepare() { cp -r "$SOURCE/gawk/test" .; }
run() {
	local name sum
	cp -r "$DIR/test" . && cd test || return
	for name in *.awk; do
		name=${name%.awk}
		[ -e "$name.ok" ] || continue
		case $name in pid | profile*) continue ;; esac # print the time or their process number
		if [ -e "$name.in" ]; then
			sum=$(timeout $((20 * SCALE)) gawk -f "$name.awk" <"$name.in" 2>&1; echo "EXIT CODE: $?")
		else
			sum=$(timeout $((20 * SCALE)) gawk -f "$name.awk" </dev/null 2>&1; echo "EXIT CODE: $?")
		fi
		result "$(md5sum <<<"$sum" | cut -c 1-32)" "$name"
	done
}
