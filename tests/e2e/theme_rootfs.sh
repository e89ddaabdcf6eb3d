# SPDX-License-Identifier: Apache-2.0
# --rootfs: a directory or a tar archive as the root (theme images has the others). The tree is made here, of busybox and a dynamic program.
# shellcheck shell=bash

busybox=$(command -v busybox) || { skip "--rootfs" "no busybox here" && return 0; }
long=$(seq -s x 60 | cut -c 1-120)
mkdir -p root/bin root/etc root/lib root/tmp root/"$long"/"$long"
cp "$busybox" root/bin/busybox
for applet in sh ls cat echo id touch pwd rm mkdir stat sort wc env find head ln df; do ln -s busybox root/bin/$applet; done
printf 'root:x:0:0:root:/root:/bin/sh\nguest:x:%s:%s::/:/bin/sh\n' 4321 4321 >root/etc/passwd
echo long >root/"$long"/"$long"/"$long"
ln root/etc/passwd root/etc/passwd2
ln -s /etc/passwd root/etc/absolute
ln -s "../$long/$long/$long" root/etc/longlink
echo "of the image" >root/tmp/hidden
printf '#!/bin/sh\necho script "$@"\n' >root/bin/script
chmod 755 root/bin/script
chmod 750 root/lib
touch -d '2001-02-03 04:05:06 UTC' root/etc/passwd
if [ -x "$PROG/hello-dynamic" ]; then
	cp "$PROG/hello-dynamic" root/bin/hello
	ldd "$PROG/hello-dynamic" | grep -o '/[^ ]*' | while read -r l; do mkdir -p "root$(dirname "$l")" && cp -L "$l" "root$l"; done
fi

# All that a root must show, in one run.
cat >root/bin/probe <<-'P'
	#!/bin/sh
	echo "$@"
	ls / | sort | grep -x -e bin -e dev -e etc -e lib -e proc -e sys -e tmp
	stat -c "%Y %h" /etc/passwd2
	head -n 1 /etc/absolute
	ls /tmp
	rm /bin/cat && mkdir /new && echo written >/etc/passwd && ln /etc/passwd /new/p && read x </new/p && echo $x
P
chmod 755 root/bin/probe
for archive in plain:ustar pax:pax gnu:gnu v7:v7; do
	options=(--format="${archive#*:}")
	case $archive in plain* | v7*) options+=(--exclude="./$long" --exclude=longlink) ;; esac
	tar -C root "${options[@]}" -cf "${archive%:*}.tar" .
done
gzip <pax.tar >pax.tgz
roots=(root plain.tar pax.tar gnu.tar v7.tar pax.tgz)
if command -v xz >/dev/null; then xz -1 <pax.tar >pax.txz && roots+=(pax.txz); fi
if command -v zstd >/dev/null; then zstd -q <pax.tar >pax.tzst && roots+=(pax.tzst); fi

for root in "${roots[@]}"; do
	check_output "a b
bin
dev
etc
lib
proc
sys
tmp
981173106 2
root:x:0:0:root:/root:/bin/sh
written" "$root: a script found in its PATH, what is there, times, links, writable" --rootfs "$root" --user 0 probe a b
done
for root in root plain.tar; do
	[ -x root/bin/hello ] && check_status 0 "$root: a dynamic program, its interpreter from the root" --rootfs "$root" /bin/hello
done
for root in root pax.tar gnu.tar; do
	check_output "long" "$root: long names and links" --rootfs "$root" cat /etc/longlink
	check_output "750 4321" "$root: modes, and users of it" --rootfs "$root" --user 4321 sh -c 'echo $(stat -c %a /lib) $(id -u)'
done
check "nothing of it has changed" bash -c '[ -L root/bin/cat ] && [ ! -e root/new ] && grep -q ^root root/etc/passwd && [ ! -e root/dev ] && [ ! -e root/proc ]'

# Files with holes: GNU tar's own format and the three in extended headers. The busybox archive carries the programs.
mkdir -p sparse/bin && cp root/bin/busybox sparse/bin/busybox
truncate -s 90000000 sparse/holes sparse/hole
for i in $(seq 60); do printf 'piece %s' "$i" | dd of=sparse/holes bs=1 seek=$((i * 1234567)) conv=notrunc status=none; done
printf end | dd of=sparse/end bs=1 seek=123456 status=none
for kind in gnu:gnu 0.0:pax 0.1:pax 1.0:pax; do
	options=(--format="${kind#*:}")
	[ "$kind" = gnu:gnu ] || options+=(--sparse-version="${kind%:*}")
	tar -C sparse -S "${options[@]}" -cf sparse.tar .
	check_output "$(cd sparse && md5sum end && stat -c '%n %s' holes hole && tr -d '\0' <holes | md5sum)" "sparse files, ${kind%:*}" \
		--rootfs sparse.tar --memory 128M /bin/busybox sh -c 'cd /; busybox md5sum end; busybox stat -c "%n %s" holes hole; busybox tr -d "\0" <holes | busybox md5sum
			[ $(busybox stat -c %b holes) -lt 2000 ]'
done
tar -C sparse -S --format=pax --sparse-version=0.1 -cf - end bin | LC_ALL=C sed 's/GNU.sparse.map=122880,/GNU.sparse.map=922880,/' >sparse.tar
check_status 125 "a sparse file with a piece behind its end" --rootfs sparse.tar /bin/busybox true

# ---- what archives can say: times, numbers, links, types, names ----
mkdir -p says/bin says/dir/sub && cp root/bin/busybox says/bin/busybox
touch -d '2001-02-03 04:05:06 UTC' says/dir/file && ln says/dir/file says/dir/sub/hard && ln -s file says/dir/soft && ln says/dir/soft says/dir/soft2
touch -d '1905-02-03 04:05:06 UTC' says/old && touch -d '2400-02-03 04:05:06 UTC' says/late && touch -d '1969-12-31 23:59:58.25 UTC' says/part
touch -d '1999-01-01 UTC' says/dir/sub && touch -d '1998-01-01 UTC' says/dir
for format in gnu pax; do
	tar -C says --format=$format --owner=:3000000000 --group=:2500000000 -cf says.tar .
	part=$([ $format = pax ] && echo 25 || echo 00)
	check_output "915148800 /dir/sub
883612800 /dir
981173106 3000000000:2500000000 2 /dir/file
-2048356494
13572331506
1969-12-31 23:59:58.$part
same same file" "$format: times of directories, large and negative numbers, hard links" --rootfs says.tar --user 0 /bin/busybox sh -c \
		'b=busybox; $b stat -c "%Y %n" /dir/sub /dir; $b stat -c "%Y %u:%g %h %n" /dir/file; $b stat -c %Y /old; $b stat -c %Y /late
		$b stat -c %y /part | $b cut -c 1-22
		echo $([ /dir/file -ef /dir/sub/hard ] && echo same) $([ $($b stat -c %i /dir/soft) = $($b stat -c %i /dir/soft2) ] && echo same) $($b readlink /dir/soft2)'
done
tar -C says --format=gnu --listed-incremental=/dev/null -cf says.tar .
check_output "883612800" "an incremental archive, with the names in its directories" --rootfs says.tar /bin/busybox stat -c %Y /dir
cat >says.py <<'P'
import io, sys, tarfile
def add(tar, name, type=tarfile.REGTYPE, data=b"", **more):
    info = tarfile.TarInfo(name)
    info.type, info.size, info.mode = type, len(data), 0o644
    for key, value in more.items():
        setattr(info, key, value)
    tar.addfile(info, io.BytesIO(data))
kind, path = sys.argv[1:]
with tarfile.open(path, "w", format=tarfile.PAX_FORMAT, pax_headers={"comment": "of all"}) as tar:
    tar.add("says/bin/busybox", "bin/busybox")
    if kind == "odd":
        add(tar, "unknown", b"Z", b"contents")
        add(tar, "/absolute//name/./here", data=b"a")
        add(tar, "line\nbreak\x01\xff", data=b"b")
        add(tar, "n" * 255, data=b"c")
        add(tar, "d/" * 500 + "deep", data=b"d")
        add(tar, "first", data=b"1")
        add(tar, "first", data=b"second")
        add(tar, "was", tarfile.DIRTYPE, mode=0o755, mtime=5)
        add(tar, "dev1", tarfile.CHRTYPE, devmajor=1, devminor=3)
    elif kind == "long":
        add(tar, "n" * 256)
    elif kind == "missing":
        add(tar, "link", tarfile.LNKTYPE, linkname="nothing")
    elif kind == "above":
        add(tar, "link", tarfile.LNKTYPE, linkname="../../../etc/passwd")
    elif kind == "volume":
        add(tar, "rest", b"M")
    elif kind == "size":
        add(tar, "huge", pax_headers={"size": "9223372036854775807"})
    elif kind == "under":
        add(tar, "file", data=b"x")
        add(tar, "file/below", data=b"y")
P
python3 says.py odd says.tar
check_output "contents
a
b
c
d
second
5
1 3" "odd types and names" --rootfs says.tar --user 0 /bin/busybox sh -c 'b=busybox; cd /; for f in unknown absolute/name/here line* nnn* ; do $b cat "./$f"; echo; done
	p=$($b find /d -name deep | $b wc -l); [ $p = 1 ] && echo d; $b cat first; echo; $b stat -c %Y was; echo $($b stat -c "%t %T" dev1)'
for kind in long:"name too long" missing:"the hard link link" above:"unpack" volume:"a part of several" size:"cut off\|No space\|No data" under:"Not a directory"; do
	python3 says.py "${kind%%:*}" says.tar
	check_status 125 "refused: ${kind%%:*}" --rootfs says.tar /bin/busybox true
	check "${kind%%:*}: the message says why" grep -q "${kind#*:}" "$TMP/err"
done

check_status 127 "no such program" --rootfs root nonesuch
check_status 127 "nor of this host" --rootfs root "$PROG/hello-static"
check_status 126 "not executable" --rootfs root /etc/passwd
check_output "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin" "PATH is that of the root, not of the caller" --rootfs root sh -c 'echo $PATH'
check_output "/bin" "or as given" --rootfs root -e PATH=/bin env sh -c 'echo $PATH'
check_output "in" "a program relative to the working directory" --rootfs root --workdir /bin ./echo in
check_output "$(stat -c %s root/bin/busybox) /data/b" "shares in it" --rootfs pax.tar --ro root/bin/busybox:/data/b wc -c /data/b
(cd root/etc && check_output "/etc" "a directory: the caller's place in it" --rootfs .. pwd)
echo from here >given
check_status 0 "--copy-in, --copy-out" --rootfs plain.tar --copy-in given:/in --copy-out /made:made sh -c 'cat /in >/made'
check "--copy-in, --copy-out: what came" cmp given made

check_status 125 "both --rootfs and --ro /" --rootfs root --ro / sh
check_status 125 "what is not there" --rootfs none sh
echo text >text
check_status 125 "neither directory nor archive" --rootfs text sh
check "the message says what is" grep -q 'neither a directory, nor a tar archive' "$TMP/err"
# ---- hostile archives ----
size=$(stat -c %s pax.tar)
head -c $((size / 2)) pax.tar >cut.tar
check_status 125 "an archive that is cut off" --rootfs cut.tar sh
cp plain.tar bad.tar && printf 'xxxx' | dd of=bad.tar bs=1 seek=$((512 + 100)) conv=notrunc status=none
check_status 125 "a header that is wrong" --rootfs bad.tar sh
head -c 200 pax.tgz >cut.tgz
check_status 125 "a compressed archive that is cut off" --rootfs cut.tgz sh
mkdir -p evil/d && echo x >evil/f
tar -C evil --transform 's,^f$,../../escape,' -cPf dots.tar f
check_status 125 "a name with .." --rootfs dots.tar sh
check "the message names it" grep -q 'escape' "$TMP/err"
ln -s /proc evil/link && mkdir -p evil2/link && echo y >evil2/link/f
tar -C evil -cf through.tar link && tar -C evil2 -rf through.tar link/f
check_status 125 "a file through a link of the archive" --rootfs through.tar /bin/true
head -c 700M /dev/zero | gzip -1 >bomb.gz
check_status 125 "a small file that is large" --rootfs bomb.gz sh
check "it ends with a message" grep -q '^sandbox: ' "$TMP/err"
