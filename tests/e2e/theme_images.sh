# SPDX-License-Identifier: Apache-2.0
# --rootfs with file system images: EROFS and squashfs as the real tools make them, then cut off and damaged ones.
# shellcheck shell=bash

busybox=$(command -v busybox) || { skip "images" "no busybox here" && return 0; }
command -v mkfs.erofs >/dev/null || { skip "images" "no mkfs.erofs here" && return 0; }
command -v mksquashfs >/dev/null || { skip "images" "no mksquashfs here" && return 0; }

# ---- a tree with something of each kind ----
mkdir -p root/bin root/data root/many root/deep/a/b/c root/tmp root/lib64
cp "$busybox" root/bin/busybox
for applet in sh ls cat echo find sort stat md5sum rm mkdir wc head dd tail xargs cmp; do ln -s busybox root/bin/$applet; done
cp "$PROG/hello-dynamic" root/bin/hello
ldd "$PROG/hello-dynamic" | grep -o '/[^ ]*' | while read -r l; do mkdir -p "root$(dirname "$l")" && cp -L "$l" "root$l"; done
head -c 1500000 /dev/urandom >root/data/random
seq 1 300000 >root/data/numbers
{ head -c 3000000 /dev/zero && echo end; } >root/data/zeros
head -c 4096 root/data/numbers >root/data/page
head -c 131072 root/data/numbers >root/data/block
head -c 5000 root/data/random >root/data/tail
truncate -s 9M root/data/sparse && echo end >>root/data/sparse
: >root/data/empty
echo small >root/data/small && ln root/data/small root/data/small2
ln -s ../data/small root/data/link && mkfifo root/data/fifo
printf 'odd\n' >"root/data/$(printf 'n\377\001me')"
for n in $(seq 900); do echo "$n" >"root/many/a-name-that-is-not-short-$n"; done
chmod 640 root/data/page && chmod 4755 root/data/block && chmod 1777 root/deep
python3 -c 'import os; os.setxattr("root/data/small", "user.note", b"kept")' 2>"$TMP/err" && has_xattrs=1
touch -d '2001-02-03 04:05:06 UTC' root/data/page
cat >root/bin/probe <<-'P'
	#!/bin/sh
	# Names, kinds, modes, links, sizes of files, then contents; directories count their own sizes.
	cd "${1:-/}" || exit 1
	find bin data many deep ! -type d -print0 | sort -z | xargs -0 stat -c '%F %a %h %u:%g %s %n'
	find bin data many deep -type d -print0 | sort -z | xargs -0 stat -c '%F %a %u:%g %n'
	stat -c %Y data/page
	find bin data many deep -type f -print0 | sort -z | xargs -0 md5sum
P
chmod 755 root/bin/probe
PATH=$PWD/root/bin:$PATH LC_ALL=C busybox sh root/bin/probe root >wanted

erofs() { # NAME OPTION...
	mkfs.erofs --quiet "${@:2}" "$1" root >"$TMP/mkfs" 2>&1
}
squashfs() {
	mksquashfs root "$1" -no-progress -quiet "${@:2}" >"$TMP/mkfs" 2>&1
}
erofs plain.erofs
erofs extended.erofs -Eforce-inode-extended,noinline_data
erofs chunks.erofs --chunksize=8192
erofs lz4.erofs -zlz4
erofs full.erofs -zlz4 -Elegacy-compress
erofs big.erofs -zlz4hc -C65536
erofs tails.erofs -zlz4 -Eztailpacking
for how in gzip xz lz4 zstd lzma; do squashfs $how.squashfs -comp $how; done
squashfs stored.squashfs -noI -noD -noF -noX
squashfs small.squashfs -b 4096 -no-fragments
squashfs large.squashfs -b 1M -always-use-fragments

for image in plain.erofs extended.erofs chunks.erofs lz4.erofs full.erofs big.erofs tails.erofs \
	{gzip,xz,lz4,zstd,lzma,stored,small,large}.squashfs; do
	check_status 0 "$image: can be read" --rootfs $image --user 0 probe
	check "$image: all that is in it, as it was" cmp "$TMP/out" wanted
	check_output "hello" "$image: a dynamic program, which is mapped" --rootfs $image hello
done

# ---- changes stay in memory ----
for image in plain.erofs lz4.erofs gzip.squashfs; do
	sum=$(md5sum <$image)
	check_output "new end
1
900" "$image: is written over" --rootfs $image --user 0 sh -c \
		'echo new >/data/small; echo 1 | dd of=/data/numbers bs=1 seek=100000 conv=notrunc 2>/dev/null; rm /data/random; mkdir /data/d
		echo $(cat /data/small2) $(tail -n 1 /data/sparse); dd if=/data/numbers bs=1 skip=100000 count=1 2>/dev/null; echo; ls /many | wc -l'
	check "$image: has not changed" [ "$(md5sum <$image)" = "$sum" ]
done
check_output "Permission denied" "modes of the image hold" --rootfs plain.erofs --user 4321 sh -c 'cat /data/page 2>&1 | head -n 1 | { IFS=: read -r a b c; echo ${c# }; }'
for image in ${has_xattrs:+plain.erofs tails.erofs xz.squashfs}; do
	check_output "b'kept' b'new'
['user.note']" "$image: extended attributes, which can be changed" --rootfs $image --ro /usr --ro /lib --user 0 /usr/bin/python3 -c \
		'import os; p = "/data/small"; a = os.getxattr(p, "user.note"); os.setxattr(p, "user.note", b"new"); print(a, os.getxattr(p, "user.note")); print(os.listxattr(p))'
done
check_output "$(wc -c <wanted) /w" "shares beside it" --rootfs gzip.squashfs --ro wanted:/w wc -c /w
check_output "300000" "little memory" --memory 64M --rootfs lz4.erofs sh -c 'cat /data/[b-ens]* /data/zeros >/dev/null & cat /data/z* /data/r* >/dev/null; wait; wc -l </data/numbers'

# ---- what is not there ----
erofs devices.erofs --chunksize=4096 --blobdev="$TMP/blob"
check_status 125 "EROFS on two devices" --rootfs devices.erofs sh
check "the message names the feature" grep -q 'needs more than one device' "$TMP/err"
squashfs lzo.squashfs -comp lzo
check_status 125 "squashfs with LZO" --rootfs lzo.squashfs sh
check "the message says what to use" grep -q 'LZO.*make it with gzip' "$TMP/err"

# ---- cut off on the host while it is in use ----
mkdir -p lost/bin lost/data
cp "$PROG/mapping" "$busybox" lost/bin && for applet in sh cat sleep; do ln -s busybox lost/bin/$applet; done
for i in $(seq 0 79); do printf '%-4096s' "page $i of what is lost"; done >lost/data/lost
printf '#!/bin/sh\necho ready\nuntil [ -e /flag/go ]; do sleep 0.05; done\nexec cat /data/lost\n' >lost/bin/later && chmod 755 lost/bin/later
mkdir flag
mkfs.erofs --quiet lost.plain lost && mkfs.erofs --quiet -zlz4 lost.lz4 lost && mksquashfs lost lost.stored -noD -noF -no-progress -quiet >"$TMP/mkfs" 2>&1
page=$(LC_ALL=C grep -obUaF "page 40 of what is lost" lost.plain | head -n 1 | cut -d: -f1)
cp lost.plain cut.image
start --rootfs cut.image mapping watch /data/lost
if await ready; then
	truncate -s "$page" cut.image
	finish
	check "a mapped file of an image that is cut off: SIGBUS behind the cut" equal "$STATUS $(tail -n 1 "$TMP/live.out")" "3 SIGBUS 2 page 40"
else
	finish
	cat "$TMP/live.out" "$TMP/live.err" | fail "a mapped file of an image that is cut off"
fi
for image in plain lz4 stored; do
	rm -f flag/go && cp lost.$image cut.image
	start --rootfs cut.image --rw "$PWD/flag:/flag" --ro "$busybox:/bin/busybox" later
	if await ready; then
		truncate -s 5000 cut.image && touch flag/go
		finish
		check "$image: what is read after the cut: an error" equal "$STATUS $(grep -aoE "(Input/output error|Structure needs cleaning)$" "$TMP/live.err")" "1 Input/output error"
	else
		finish
		cat "$TMP/live.out" "$TMP/live.err" | fail "$image: what is read after the cut"
	fi
done
cp lost.plain cut.image
start --rootfs cut.image later
if await ready; then
	truncate -s 5000 cut.image
	finish
	check "a program whose code is gone ends by SIGBUS" equal "$STATUS" 135
	check "the message says why" grep -q '^sandbox: .*the image of the root.* was truncated on the host' "$TMP/live.err"
else
	finish
	cat "$TMP/live.out" "$TMP/live.err" | fail "a program whose code is gone"
fi

# ---- damaged ones: a message or an error, and always an end ----
# What damage does to contents is not told, so the program comes from the host: nothing hangs, and no kernel fails.
check_ends() { # TEXT ARG...
	local text=$1 got=0
	shift
	sandbox_run "$@" </dev/null >"$TMP/out" 2>"$TMP/err" || got=$?
	if [ "$got" = 124 ] || [ "$got" = 137 ] || grep -q 'guest crash' "$TMP/err"; then
		{ echo "status $got" && head -c 500 "$TMP/err"; } | fail "$text"
	else
		ok "$text: ends"
	fi
}
for image in plain.erofs lz4.erofs gzip.squashfs; do
	size=$(stat -c %s $image)
	for part in 100 2000 $((size / 3)) $((size - 70000)); do
		head -c "$part" $image >short.image
		check_ends "$image: the first $part bytes" --rootfs short.image --ro "$busybox:/bin/busybox" --user 0 probe
	done
done
{ head -c 1024 /dev/zero && printf '\342\341\365\340' && head -c 4096 /dev/zero; } >image.erofs
check_status 125 "a superblock of zeros: EROFS" --rootfs image.erofs sh
check "the message says that it is damaged" grep -q 'image of /: it is damaged' "$TMP/err"
printf 'hsqs%4096s' x >image.squashfs
check_status 125 "no superblock: squashfs" --rootfs image.squashfs sh
for image in plain.erofs lz4.erofs zstd.squashfs; do
	for seed in $(seq 5); do
		cp $image bad.image
		size=$(stat -c %s bad.image)
		# Metadata is at the beginning of one and at the end of the other; random bytes over some of both.
		for place in $((1024 + seed * 977 % 60000)) $((size - 1 - seed * 7919 % 60000)) $((seed * size / 6)); do
			head -c $((seed * 3)) /dev/urandom | dd of=bad.image bs=1 seek=$place conv=notrunc status=none
		done
		check_ends "$image, damaged ($seed)" --rootfs bad.image --ro "$busybox:/bin/busybox" --user 0 probe
	done
done

# ---- and some that change all the time while they are in use, metadata above all ----
cat >changes.py <<'P'
import os, random, sys
random.seed(int(sys.argv[2]))
size = os.path.getsize(sys.argv[1])
with open(sys.argv[1], "r+b", buffering=0) as f:
    while os.getppid() > 1:
        at = random.choice([random.randrange(2048, 70000), size - 1 - random.randrange(70000), random.randrange(2048, size)])
        f.seek(at)
        old = f.read(1)
        f.seek(at)
        f.write(random.choice([bytes([random.randrange(256)]), bytes([old[0] ^ 1 << random.randrange(8)])]))
        if random.randrange(2): # a check sees the one, its use the other
            f.seek(at)
            f.write(old)
P
for image in plain.erofs lz4.erofs zstd.squashfs; do
	for seed in 1 2; do
		cp $image bad.image
		python3 changes.py bad.image $seed &
		changes=$!
		check_ends "$image, which changes ($seed)" --rootfs bad.image --ro "$busybox:/bin/busybox" --user 0 sh -c 'probe; probe; ls -lR /; probe'
		kill $changes
		wait $changes 2>/dev/null
	done
done
