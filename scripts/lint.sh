#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The rules that a compiler does not check. lint.sh rules: who may do and include what; lint.sh format; lint.sh shell;
# lint.sh tidy [FILE...]. Without an argument: all of them. Prints FILE:LINE: message; status 1 when a rule is broken.
set -u
cd "$(dirname "$0")/.." || exit 1
broken=0
complain() {
	echo "$*"
	broken=1
}

sources() { git ls-files --cached --others --exclude-standard "$@"; }

# forbid MESSAGE PATTERN ALLOWED-REGEX FILE...: PATTERN (extended) in no file but those whose path matches ALLOWED-REGEX.
# Comments do not count.
forbid() {
	local message=$1 pattern=$2 allowed=$3 file line text
	shift 3
	while IFS=: read -r file line text; do
		text=$(sed -E 's|//.*||; s|/\*[^*]*\*/||g; s|^ \*.*||; s|/\*.*||' <<<"$text")
		[[ -z $text ]] || ! grep -qE -- "$pattern" <<<"$text" || complain "$file:$line: $message"
	done < <(sources "$@" | grep -vE -- "$allowed" | xargs -r grep -nHE -- "$pattern")
}

rules() {
	local file
	forbid "an ioctl of KVM outside the vm and vcpu files" '\bioctl\(.*\bKVM_' '^runner/(vm[a-z_]*|vcpu[a-z_]*|check)\.c$' 'runner/*.c' 'policy/*.c'
	# The files server and the unpacker are processes of their own.
	forbid "exit() outside main.c" '\b_?exit\(' '^runner/(main|files_server|rootfs_unpack)\.c$|^policy/gen/' 'runner/*.c' 'policy/*.c'
	forbid "inline assembly outside guestkernel/arch" '\b(__)?asm(__)?( volatile| __volatile__)? *\(' '^guestkernel/(arch|vdso)/' '*.c' '*.h' ':!tests' ':!initramfs'

	# Includes: a lower layer knows nothing of a higher one.
	forbid "the contracts include nothing of either side" '#include "(runner|guestkernel|policy|initramfs)/' '^$' 'abi/*.h'
	# The table of system calls gives them their names.
	forbid "the host side includes guest kernel headers" '#include "(guestkernel|initramfs|mm|proc|fs|syscall|arch)/' '^runner/syscalls\.c$' 'runner/*' 'policy/*'
	forbid "the guest includes host headers" '#include "(\.\./)?(runner|policy)/' '^$' 'guestkernel/*' 'initramfs/*'
	forbid "only main and the command line know the command line" '#include ".*\bcli\.h"' '^runner/(main|cli[a-z_]*)\.[ch]$' 'runner/*' 'policy/*'
	forbid "the YAML library outside the reading of profiles" '#include <yaml\.h>' '^runner/profile\.c$' 'runner/*' 'policy/*' 'initramfs/*' 'guestkernel/*'
	forbid "a device knows neither the VM nor the run" '#include "(runner/)?(cli|spec|run|job|vm|vcpu|kvm|closure)\.h"' '^$' \
		'runner/bus*' 'runner/virt*' 'runner/vsock*' 'runner/stream*'
	forbid "the VM knows neither spec nor run" '#include "(runner/)?(cli|spec|run|job|closure)\.h"' '^$' 'runner/vm*' 'runner/vcpu*'
	# An object that system calls alone reach stands in one file with its handlers.
	forbid "a subsystem includes the system call layer" '#include "(guestkernel/)?syscall/' \
		'^guestkernel/proc/(itimer|posix_timers|timerfd|signalfd|pidfd)\.c$' \
		'guestkernel/mm/*' 'guestkernel/proc/*' 'guestkernel/fs/*' 'guestkernel/ipc/*' 'guestkernel/net/*' 'guestkernel/drv/*' 'guestkernel/lib/*'

	while read -r file; do
		complain "$file:1: no SPDX-License-Identifier in the first lines"
	done < <(sources '*.c' '*.h' '*.S' '*.cc' '*.sh' '*.awk' '*.lds' Makefile |
		xargs awk 'FNR == 1 { if (file && !found) print file; file = FILENAME; found = 0 }
			FNR <= 3 && /SPDX-License-Identifier: Apache-2.0/ { found = 1 } END { if (!found) print file }')
	sources '*.c' '*.h' '*.S' | xargs wc -l |
		awk '$1 > 700 && $2 != "total" { print $2 ": warning: " $1 " lines: what is the second idea in it?" }'
}

format() {
	command -v clang-format >/dev/null || { complain "no clang-format: scripts/deps.sh lint" && return; }
	sources '*.c' '*.h' | xargs -r clang-format --dry-run -Werror || broken=1
}

shell() {
	command -v shellcheck >/dev/null || { complain "no shellcheck: scripts/deps.sh lint" && return; }
	sources '*.sh' .ci/run | xargs -r shellcheck -x -S warning -e SC1010,SC1090,SC2010,SC2046,SC2054 -f gcc || broken=1
}

# One file with the flags of its side. What it includes is part of it: a file that passed is not looked at again until what the
# compiler sees of it (comments too, for NOLINT) or the list of checks is another.
tidy_one() {
	local flags=(-std=gnu17 -I. -iquote guestkernel -Ibuild/gen -D_GNU_SOURCE -DSANDBOX_VERSION='"x"') stamp=build/tidy/$1.passed key
	[[ $1 != guestkernel/* ]] ||
		flags=(-std=gnu17 -I. -Iguestkernel -ffreestanding -mcmodel=kernel -mno-red-zone -mgeneral-regs-only -D__GUEST__)
	key=$({ clang-tidy --version && cat .clang-tidy && echo "${flags[@]}" && gcc -E -C "${flags[@]}" "$1"; } 2>/dev/null | sha256sum)
	[ ! -e "$stamp" ] || [ "$(cat "$stamp")" != "$key" ] || return 0
	clang-tidy --quiet "$1" -- "${flags[@]}" 2>/dev/null || return
	mkdir -p "$(dirname "$stamp")" && echo "$key" >"$stamp"
}

tidy() {
	command -v clang-tidy >/dev/null || { complain "no clang-tidy: scripts/deps.sh lint" && return; }
	if [ $# = 0 ]; then mapfile -t files < <(sources 'runner/*.c' 'policy/*.c' 'initramfs/*.c' 'guestkernel/*.c'); else files=("$@"); fi
	printf '%s\n' "${files[@]}" | xargs -r -P "$(nproc)" -n 1 "$0" tidy-one || broken=1
}

case ${1-all} in
all) rules && format && shell && tidy ;;
rules) rules ;;
format) format ;;
shell) shell ;;
tidy) shift && tidy "$@" ;;
tidy-one) tidy_one "$2" && exit
	exit 1 ;;
*) echo "lint.sh: rules, format, shell or tidy" >&2 && exit 2 ;;
esac
exit $broken
