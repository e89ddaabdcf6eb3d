#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Installs what is missing of the named groups of Debian packages: deps.sh GROUP...; deps.sh --list GROUP... names them.
# Says nothing and takes milliseconds when nothing is missing.
set -u

packages_of() {
	case $1 in
	build) echo gcc make binutils libc6-dev linux-libc-dev libseccomp-dev libcap-dev libyaml-dev zlib1g-dev liblzma-dev liblz4-dev libzstd-dev musl-tools ;;
	check) echo libcmocka-dev busybox-static erofs-utils squashfs-tools sqlite3 openssl xz-utils zstd jq gawk bc gcc g++ python3 procps util-linux tmux vim-tiny less htop ;;
	svm) echo qemu-system-x86 cpio kmod busybox-static ;;
	bench) echo bubblewrap runsc gnuplot-nox jq busybox-static erofs-utils squashfs-tools g++ git python3 redis-server redis-tools sqlite3 ;;
	fuzz) echo clang libclang-rt-14-dev ;;
	lint) echo clang-format clang-tidy libcmocka-dev jq shellcheck ;;
	cov) echo gcovr ;;
	programs) echo dpkg-dev golang-go libpython3.11-testsuite ruby php-cli perl gawk rsync cmake git g++ tmux imagemagick openssl xz-utils zstd stress-ng ffmpeg nodejs openjdk-17-jdk-headless postgresql redis-server nginx curl zlib1g-dev ;;
	stress) echo stress-ng ;;
	dev) echo gdb universal-ctags strace ;;
	*) return 1 ;;
	esac
}

die() {
	echo "deps.sh: $*" >&2
	exit 1
}

list=
[ "${1-}" != --list ] || { list=1 && shift; }
[ $# -gt 0 ] || die "name the groups: build check svm bench fuzz lint cov programs stress dev"
wanted=
for group in "$@"; do
	wanted+=" $(packages_of "$group")" || die "no such group: $group"
done
[ -z "$list" ] || { echo "$wanted" && exit; }

# $wanted is a list of words on purpose, here and below.
# shellcheck disable=SC2086
present=$(dpkg-query -W -f '${db:Status-Abbrev}${Package}\n' $wanted 2>/dev/null | sed -n 's/^.i //p')
missing=
for package in $wanted; do
	grep -qxF "$package" <<<"$present" || missing+=" $package"
done
[ -n "$missing" ] || exit 0

command -v apt-get >/dev/null ||
	die "missing:$missing; this script installs with apt only: install them with your system's package manager"
root=
if [ "$(id -u)" != 0 ]; then
	command -v sudo >/dev/null || die "missing:$missing; run as root or install sudo: apt-get install$missing"
	root=sudo
fi
echo "deps.sh: installing$missing" >&2
log=$(mktemp)
trap 'rm -f "$log"' EXIT
install() {
	# shellcheck disable=SC2086
	DEBIAN_FRONTEND=noninteractive $root apt-get -o DPkg::Lock::Timeout=300 install -y -qq --no-install-recommends $missing >"$log" 2>&1
}
# The package lists may be fresh already: refresh them only when the first attempt fails.
if ! install; then
	$root apt-get -qq update >"$log" 2>&1 || { tail -n 5 "$log" >&2; die "apt-get update failed: is there a network?"; }
	install || { tail -n 15 "$log" >&2; die "apt-get could not install:$missing"; }
fi
