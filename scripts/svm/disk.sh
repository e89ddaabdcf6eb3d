#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Makes a squashfs image of installed Debian packages, with all that they depend on, for `run.sh --disk`: disk.sh PACKAGE...
# Prints its path. Nothing happens when the cache has one of the same packages in the same versions. Not compressed: the
# emulated machine would need longer to unpack it than to read it.
set -eu
. "$(dirname "$0")/lib.sh"

command -v sqfstar >/dev/null || svm_die "no sqfstar: scripts/deps.sh check"
scratch=$(mktemp -d "${TMPDIR:-/tmp}/sandbox-disk.XXXXXX")
trap 'rm -rf "$scratch"' EXIT

# Packages that are installed: of these and those that every system has, and all they depend on.
closure() {
	local every
	mapfile -t every < <(dpkg-query -W -f '${Essential}${Priority} ${Package}\n' | sed -nE 's/^(yes.*|norequired|required|noimportant|important) //p')
	apt-cache depends --recurse --installed --no-recommends --no-suggests --no-conflicts --no-breaks --no-replaces --no-enhances "$@" "${every[@]}" |
		sed -nE 's/^([a-z0-9][^: ]*)(:amd64)?$/\1/p' | sort -u >"$scratch/wanted"
	dpkg-query -W -f '${db:Status-Abbrev}${Package}\n' | sed -n 's/^ii //p' | sort -u | comm -12 - "$scratch/wanted"
}

# What of the file system belongs in it: the packages' files but documentation and translations, what their installation made,
# and the few files of the system that programs read.
paths() {
	xargs dpkg -L <"$scratch/packages" 2>/dev/null | grep -vE '^/usr/share/(doc|man|info|locale|icons|lintian|bug|gnome|help)(/|$)|^/(boot|lib/modules|usr/lib/modules|usr/lib/firmware|usr/share/fonts)(/|$)'
	find /usr/lib/python3 /usr/lib/python3.11 -name '*.pyc' 2>/dev/null
	find /etc/alternatives /etc/ssl /usr/lib/ssl /usr/lib/locale /etc/ImageMagick-6 /etc/java-17-openjdk /etc/postgresql-common 2>/dev/null
	find /bin /sbin /lib /lib64 /usr/bin /usr/sbin -maxdepth 1 -type l
	find /usr/lib/jvm -name '*.jsa' 2>/dev/null
	echo /etc/passwd /etc/group /etc/nsswitch.conf /etc/hosts /etc/services /etc/protocols /etc/ld.so.cache /etc/ld.so.conf /etc/mime.types /etc/localtime | tr ' ' '\n'
}

# Every path once, as it is called with /bin and the like being links; with its directories.
list() {
	paths | sed -E 's,^/(bin|sbin|lib|lib64)/,/usr/\1/,' | sort -u | while IFS= read -r path; do
		[ ! -e "$path" ] && [ ! -L "$path" ] || printf '%s\n' "${path#/}"
	done | awk 'BEGIN { FS = "/" } { path = ""; for (i = 1; i < NF; i++) { path = path $i; if (!(path in seen)) { seen[path] = 1; print path } path = path "/" } if (!($0 in seen)) { seen[$0] = 1; print } }'
}

closure "$@" >"$scratch/packages"
key=$(xargs dpkg-query -W -f '${Package} ${Version}\n' <"$scratch/packages" | cat - "$SVM_TOP/scripts/svm/disk.sh" | sha256sum | cut -c1-16)
image=$SVM_CACHE/disk/$key
mkdir -p "$SVM_CACHE/disk"
exec 6>"$SVM_CACHE/disk/lock"
flock 6
if [ ! -e "$image" ]; then
	echo "svm: making the disk of $(wc -l <"$scratch/packages") packages" >&2
	rm -f "$SVM_CACHE"/disk/[0-9a-f]*
	list >"$scratch/list"
	mkdir -p "$scratch/root"/{proc,sys,dev,tmp,run,work,mnt,root,home,srv,opt,var/tmp,var/lib}
	tar --no-recursion -cf - -C "$scratch/root" proc sys dev tmp run work mnt root home srv opt var var/tmp var/lib -C / -T "$scratch/list" 2>"$scratch/tar.log" |
		sqfstar -root-mode 755 -quiet -no-progress -noI -noD -noF -noX "$image.new" >"$scratch/sqfstar.log" 2>&1 || svm_die "no image: $(tail -n 3 "$scratch"/*.log)"
	mv "$image.new" "$image"
fi
echo "$image"
