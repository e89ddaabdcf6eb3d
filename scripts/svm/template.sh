#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Boots the SVM rig's machine once under QEMU and saves it: template.sh [--shadow]. Prints the template's directory.
# QEMU emulates an AMD CPU with SVM (nested paging, or shadow paging with --shadow), so that Debian's cloud kernel in
# it has an ordinary /dev/kvm. Nothing happens when the template is there already.
set -eu
. "$(dirname "$0")/lib.sh"
# shellcheck disable=SC2034 # read in lib.sh
[ "${1-}" != --shadow ] || SVM_NPT=0

# Unpacks the kernel package into the cache; it is never installed.
fetch_kernel() {
	local package=$1 dir=$SVM_CACHE/kernel
	[ ! -e "$dir/$package.done" ] || return 0
	[ -n "$package" ] || svm_die "no cloud kernel in the package lists: apt-get update"
	rm -rf "$dir"
	mkdir -p "$dir"
	(cd "$dir" && apt-get -qq download "$package" >download.log 2>&1) ||
		svm_die "cannot download $package: $(tail -n 1 "$dir/download.log")"
	dpkg-deb -x "$dir/$package"_*.deb "$dir"
	rm -f "$dir/$package"_*.deb
	depmod -b "$dir" "$(ls "$dir/lib/modules")"
	touch "$dir/$package.done"
}

# Copies modules with what they need, in load order, and lists that order (virtio_blk and squashfs are loaded after the restore).
add_modules() {
	local root=$1 dir=$SVM_CACHE/kernel version module file
	version=$(ls "$dir/lib/modules")
	mkdir -p "$root/modules"
	for module in virtio_pci virtio_console kvm_amd; do
		modprobe -S "$version" -d "$dir" --show-depends "$module" 2>/dev/null | sed -n 's/^insmod \([^ ]*\).*/\1/p'
	done | awk '!seen[$0]++' >"$root/modules/paths"
	while read -r file; do
		cp "$file" "$root/modules/"
		basename "$file"
	done <"$root/modules/paths" >"$root/modules/order"
	rm "$root/modules/paths"
	for module in virtio_blk squashfs; do
		cp "$(modprobe -S "$version" -d "$dir" --show-depends "$module" | sed -n "s/^insmod \([^ ]*${module}[^ ]*\).*/\1/p")" "$root/modules/"
	done
}

# The userland: the host's own programs of the list, their libraries, and the few files they read.
add_userland() {
	local root=$1 name path files=()
	mkdir -p "$root"/{usr/bin,usr/sbin,usr/lib,usr/lib64,etc,tmp,root,var/tmp,proc,sys,dev,run,work,mnt,opt,srv,home,disk}
	ln -s usr/bin "$root/bin"
	ln -s usr/sbin "$root/sbin"
	ln -s usr/lib "$root/lib"
	ln -s usr/lib64 "$root/lib64"
	chmod 1777 "$root/tmp" "$root/var/tmp"
	for name in $(sed '/^#/d' "$SVM_TOP/scripts/svm/programs"); do
		if [ "$name" = coreutils ]; then
			mapfile -t -O ${#files[@]} files < <(dpkg -L coreutils | grep -E '^(/usr)?/s?bin/.')
		else
			path=$(PATH=/usr/sbin:/usr/bin:/sbin:/bin type -P "$name") || svm_die "no $name here: scripts/deps.sh check svm"
			files+=("$path")
		fi
	done
	mapfile -t -O ${#files[@]} files < <(for path in "${files[@]}"; do ldd "$path" 2>/dev/null || :; done |
		sed -n 's/.*\(=>\|^\)[[:space:]]*\(\/[^ ]*\) (.*/\2/p' | sort -u)
	for path in /usr/lib/x86_64-linux-gnu/lib{stdc++.so.6,gcc_s.so.1} /usr/lib/x86_64-linux-gnu/ossl-modules/*.so /usr/lib/x86_64-linux-musl/libc.so /etc/ssl/openssl.cnf \
		/usr/lib/ssl/openssl.cnf /usr/lib/locale/C.utf8 /etc/ld.so.cache /etc/ld.so.conf /etc/passwd /etc/group /etc/nsswitch.conf \
		/usr/share/misc/magic.mgc /usr/lib/file/magic.mgc /etc/magic /lib/ld-musl-x86_64.so.1 /lib/terminfo/s/screen; do
		[ ! -e "$path" ] || files+=("$path")
	done
	# Names of both merged-/usr spellings land in one place; links are copied with what they point to.
	for path in "${files[@]}"; do
		copy_merged "$root" "$path"
	done
	cp /bin/busybox "$root/usr/bin/busybox"
	add_python "$root"
}

# The modules of the standard library, without its tests and what is compiled anew when it is missing.
add_python() {
	local root=$1 library
	library=$(/usr/bin/python3 -c 'import sysconfig; print(sysconfig.get_path("stdlib"))')
	mkdir -p "$root$library"
	tar -C "$library" --exclude=__pycache__ --exclude=test --exclude=tests --exclude=lib2to3 --exclude=idlelib --exclude='config-*' -cf - . |
		tar -C "$root$library" -xf -
}

copy_merged() {
	local root=$1 path=$2 to target
	case $path in /bin/* | /sbin/* | /lib/* | /lib64/*) path=/usr$path ;; esac
	to=$root$path
	[ ! -e "$to" ] && [ ! -L "$to" ] || return 0
	mkdir -p "$(dirname "$to")"
	cp -a "$path" "$to"
	if [ -L "$path" ]; then
		target=$(readlink "$path")
		case $target in /*) ;; *) target=$(dirname "$path")/$target ;; esac
		copy_merged "$root" "$(realpath -s "$target")"
	fi
}

build_initrd() {
	local work=$1 root=$1/root
	mkdir "$root"
	add_userland "$root"
	add_modules "$root"
	install -m 755 "$SVM_TOP/scripts/svm/init" "$root/init"
	gcc -static -O1 -Wall -o "$root/hold" "$SVM_TOP/scripts/svm/hold.c"
	(cd "$root" && find . -print0 | cpio --null --create --quiet --format=newc -R 0:0) >"$work/initrd"
	rm -rf "$root"
}

# Boots, waits for "ready" on the control port, saves the state beside the memory file.
boot_and_save() {
	local work=$1 qemu line=
	mkfifo "$work/monitor" "$work/control.in" "$work/control.out"
	truncate -s "${SVM_MEMORY_MIB}M" "$work/memory"
	truncate -s 512 "$work/payload" "$work/disk"
	svm_qemu_args "$work/memory" on
	exec 7<>"$work/monitor" 8<>"$work/control.in" 9<>"$work/control.out"
	"${QEMU[@]}" -kernel "$SVM_CACHE"/kernel/boot/vmlinuz-* -initrd "$work/initrd" \
		-append "console=ttyS0 quiet panic=-1 rdinit=/init mitigations=off" \
		-chardev file,id=console,path="$work/console" -serial chardev:console \
		-chardev pipe,id=control,path="$work/control" -device virtserialport,chardev=control,nr=1 \
		-chardev null,id=out -device virtserialport,chardev=out,nr=2 \
		-chardev null,id=err -device virtserialport,chardev=err,nr=3 \
		-drive file="$work/payload",format=raw,if=none,id=payload,readonly=on -device virtio-blk-pci,drive=payload,addr=0x10 \
		-drive file="$work/disk",format=raw,if=none,id=disk,readonly=on -device virtio-blk-pci,drive=disk,addr=0x11 \
		-monitor stdio <&7 >"$work/monitor.log" 2>&1 7>&- 8>&- 9>&- &
	qemu=$!
	trap 'kill -9 $qemu 2>/dev/null || :; rm -rf "$work"' EXIT
	read -r -t "${SVM_BOOT_TIMEOUT:-180}" line <&9 || :
	if [ "$line" != ready ]; then
		{ tail -n 20 "$work/console" && svm_monitor_tail "$work/monitor.log"; } >&2
		svm_die "the machine did not come up"
	fi
	# The monitor takes the next line when the migration is complete.
	printf '%s\n' 'migrate_set_capability x-ignore-shared on' "migrate \"exec:cat >$work/state\"" 'info migrate' quit >&7
	wait "$qemu" || svm_die "saving failed: $(svm_monitor_tail "$work/monitor.log")"
	grep -q 'Migration status: completed' "$work/monitor.log" || svm_die "saving failed: $(svm_monitor_tail "$work/monitor.log")"
	exec 7>&- 8>&- 9>&-
	trap - EXIT
	rm -f "$work"/{monitor,control.in,control.out,monitor.log,initrd,payload,disk}
}

# Templates of other inputs go, except the variant of the same inputs. A clone that runs from one keeps its open files.
prune() {
	local dir keep
	keep=" $(SVM_NPT=1 svm_key) $(SVM_NPT=0 svm_key) "
	for dir in "$SVM_CACHE"/*/; do
		dir=$(basename "$dir")
		[[ " kernel disk " == *" $dir "* ]] || [[ $keep == *" $dir "* ]] || rm -rf "${SVM_CACHE:?}/$dir"
	done
}

main() {
	local key dir work
	command -v qemu-system-x86_64 >/dev/null || svm_die "no QEMU: scripts/deps.sh svm"
	mkdir -p "$SVM_CACHE"
	# Two builders at once: the second waits, then finds the template.
	exec 6>"$SVM_CACHE/lock"
	flock 6
	fetch_kernel "$(svm_kernel_package)"
	key=$(svm_key)
	dir=$SVM_CACHE/$key
	if [ ! -e "$dir/state" ]; then
		echo "svm: making the machine template (once, about half a minute)" >&2
		prune
		work=$(mktemp -d "$SVM_CACHE/new.XXXXXX")
		build_initrd "$work" 6>&-
		boot_and_save "$work" 6>&-
		mv "$work" "$dir"
	fi
	echo "$dir"
}
main
