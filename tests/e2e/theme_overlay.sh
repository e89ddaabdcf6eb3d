# SPDX-License-Identifier: Apache-2.0
# --overlay: a program changes a directory of the host as it likes, and the host's is as it was. Each script runs natively on
# a copy too, and must say the same.
# shellcheck shell=bash

mkdir -p base/dir/sub base/empty base/many
echo content >base/file
seq 20000 >base/seq
echo deep >base/dir/sub/deep
ln base/file base/hard
ln -s dir/sub base/link
ln -s /nowhere base/dangling
(cd base/many && seq 500 | xargs touch)
cp "$(readlink -f /bin/echo)" base/program
chmod 750 base/dir
cp -a base work
(cd base && find . -type f -exec cksum {} + -o -printf '%p %m %l\n' | LC_ALL=C sort) >before

# same TEXT SCRIPT: the same output of the script in an overlay of the directory as in a copy of it.
same() {
	local want=0 got=0
	rm -rf work && cp -a base work
	(cd work && env -i PATH=/usr/local/bin:/usr/bin:/bin HOME="$HOME" LC_ALL=C sh -c "$2") >want 2>&1 </dev/null || want=$?
	rm -rf work && cp -a base work
	(cd work && sandbox_run --ro / --overlay . -e LC_ALL=C sh -c "$2") >got 2>&1 </dev/null || got=$?
	if [ "$got" = "$want" ] && cmp -s want got; then
		ok "$1"
	else
		{ echo "status $got, outside $want"; diff -a want got | head -n 10; } | fail "$1"
	fi
}

same "names, types, modes, sizes, links" 'find . -type d -printf "%p %m\n" -o -printf "%p %y %m %s %n %l\n" | sort'
same "append, overwrite, truncate" 'echo more >>file; cat file hard; echo new >seq; cat seq; truncate -s 3 file; od -c hard; truncate -s 10 file; od -c file'
same "a byte in the middle" 'printf X | dd of=seq bs=1 seek=50000 conv=notrunc status=none; cksum seq; cmp -l seq dir/../seq; wc seq'
same "remove and make again" 'rm file; ls; cat hard; echo again >file; cat file hard; rm -r dir; ls; mkdir dir; ls -a dir; rmdir dir; ls'
same "rename files and directories" 'mv file dir/; ls . dir; mv dir moved; cat moved/file moved/sub/deep; mkdir dir; ls dir; mv moved/sub dir/; find . | sort | head -n 20; mv dir/sub/deep file; cat file'
same "rename over what is there" 'mv seq file; cat hard; wc -l file; mv empty dir/sub 2>/dev/null; echo $?; rm dir/sub/deep; mv -T empty dir/sub; ls dir/sub; ls'
same "hard links" 'ln file third; echo x >>third; cat hard; stat -c "%h %n" file hard third; rm file third; cat hard; stat -c %h hard'
same "symbolic links" 'cat link/deep; rm link; ln -s file link; cat link; readlink dangling; echo x >link; cat file'
same "attributes" 'chmod 600 file; touch -d "2001-02-03 UTC" file seq; stat -c "%a %Y %n" file hard seq dir; chmod 700 dir; stat -c %a dir; find . -newermt 2020-01-01 -name seq'
same "no directory that is not empty is removed" 'rmdir dir; rmdir many; rm -r many; ls -d many; rmdir empty && ls'
same "remove hundreds of files while listing" 'find many -type f -name "*7*" -delete; ls many | wc -l; rm -rf many; ls'
same "rewrite each file of a directory while listing" 'for f in many/11*; do echo x >tmp; mv tmp "$f"; done; ls many | wc -l; cat many/1* | wc -c'
same "sed -i, sort -o, cp -a, tar" 'sed -i s/1/one/ seq; sort -o seq seq; cksum seq; cp -a dir copy; find copy | sort; tar cf - . | tar tf - | sort | cksum'
same "open files see what happens to theirs" 'exec 3<file 4>>file; echo more >&4; cat <&3; rm file hard; echo last >&4; ls file 2>/dev/null; exec 3<&- 4>&-; echo end'
same "a program is executed and replaced" './program one; cp program two; ./two two; echo "#!/bin/sh
echo three" >program; ./program; mv two program; ./program four'
same "a working directory that moves and goes" 'cd dir/sub; mv ../../dir ../../other; cat deep; rm deep; rmdir ../sub; ls; cd ../..; ls -d other'
same "odd names" 'for n in "a b" "$(printf "\377")" -- "$(seq -s x 100 | cut -c 1-255)"; do echo x >"./$n"; done; ls | wc -l; mv "a b" "b a"; rm "./$(printf "\377")"; ls -a | cksum'
same "FIFOs and sockets of its own" 'mkfifo f; echo x >f & cat f; rm f; ls | wc -l'
if command -v python3 >/dev/null; then
	same "mappings: shared writes, private writes, growth" "python3 -c '
import mmap, os
f = open(\"seq\", \"r+b\"); g = open(\"seq\", \"rb\")
m = mmap.mmap(f.fileno(), 0); r = mmap.mmap(g.fileno(), 0, prot=mmap.PROT_READ); p = mmap.mmap(g.fileno(), 0, access=mmap.ACCESS_COPY)
print(m[:10], r[60000:60010])
m[0:3] = b\"abc\"; print(r[:10], p[:10], g.read(5))
p[5:8] = b\"XYZ\"; print(r[:10], p[:10])
os.pwrite(f.fileno(), b\"pwrite\", 60000); print(m[60000:60010], r[60000:60010])
m.flush(); os.truncate(\"seq\", 200000); os.pwrite(f.fileno(), b\"end\", 199997); print(os.stat(\"seq\").st_size)
n = mmap.mmap(f.fileno(), 0); print(n[199990:], n[110000:110004])'"
	same "positions of a directory" "python3 -c '
import os
a = sorted(os.listdir(\"many\"))[:5]
for n in a: os.rename(\"many/\" + n, \"many/\" + n + \"x\")
print(len(os.listdir(\"many\")), sorted(os.listdir(\"many\"))[:7])'"
	same "a data base" "python3 -c '
import sqlite3
c = sqlite3.connect(\"db\"); c.execute(\"create table t(a, b)\")
c.executemany(\"insert into t values(?, ?)\", [(i, str(i)) for i in range(2000)]); c.commit()
print(c.execute(\"select count(*), sum(a) from t\").fetchone(), c.execute(\"pragma integrity_check\").fetchone())'"
else
	skip "mappings and data bases" "no python3 here"
fi
if command -v git >/dev/null; then
	(cd base && git init -q . && git -c user.name=a -c user.email=a@b add -A && git -c user.name=a -c user.email=a@b commit -qm one) >/dev/null 2>&1
	same "git: change, commit, branch, check out" 'export GIT_CONFIG_COUNT=3 GIT_CONFIG_KEY_0=user.name GIT_CONFIG_VALUE_0=a GIT_CONFIG_KEY_1=user.email GIT_CONFIG_VALUE_1=a@b
export GIT_CONFIG_KEY_2=safe.directory GIT_CONFIG_VALUE_2="*" GIT_AUTHOR_DATE=2001-02-03T04:05:06Z GIT_COMMITTER_DATE=2001-02-03T04:05:06Z
git status --short; echo x >>file; git status --short; git commit -qam two; git checkout -q -b other HEAD~1 && cat file; git gc -q; git fsck 2>&1 | head -n 3; git log --format=%s HEAD; ls'
	rm -rf base/.git
fi
if command -v gcc >/dev/null; then
	cat >base/Makefile <<-'M'
		all: prog
		prog: a.o b.o
			gcc -o $@ $^
		%.o: %.c
			gcc -c -o $@ $<
	M
	echo 'int f(void); int main(void) { return f(); }' >base/a.c
	echo 'int f(void) { return 7; }' >base/b.c
	same "a build" 'make -s -j2 && ./prog; echo $?; touch b.c; make; make clean 2>/dev/null; ls'
	rm -f base/Makefile base/[ab].c
fi

rm -rf work && cp -a base work
check_output "one 2" "--overlay HOST:GUEST, a single file" --ro / --overlay "$PWD/work/file:/tmp/x" --overlay "$PWD/work/seq" \
	sh -c "echo one >/tmp/x; echo \"\$(cat /tmp/x) \$(sed -n 2p $PWD/work/seq)\"; echo gone >$PWD/work/seq"
check_output "hello" "--overlay /: the whole of the host, writable" --overlay / sh -c 'echo hello >/etc/hostname && rm -rf /usr/share/doc && mkdir /new && mv /etc/hostname /new/ && cat /new/hostname'
check_status 0 "--overlay /: the host's programs are as they are" --overlay / sh -c 'rm /bin/true; ls / | sort >/tmp/ls; [ -d /proc/self ] && [ -c /dev/null ]'
check_status 1 "the mount can be made read-only" --ro / --overlay "$PWD/work" --user 0 sh -c "mount -o remount,ro $PWD/work && ! touch $PWD/work/file 2>/dev/null && exit 1"
check_output "$(cd work && pwd -P)" "the caller's directory is the working directory" --ro / --overlay "$PWD/work:$(cd work && pwd -P)" --workdir "$(cd work && pwd -P)" pwd
(cd work && check_output "$(pwd -P)" "and by default" --ro / --overlay . pwd)
check_status 125 "--overlay: what is not there" --overlay none true
check_status 125 "--overlay: a place twice" --overlay /usr --ro /usr true
check_output "20000" "few descriptors at the host" --ro / --overlay "$PWD/work" sh -c "cd $PWD/work; find . -type f | xargs cat >/dev/null; wc -l <seq"
bash -c "ulimit -n 300; timeout $LIMIT $SANDBOX run $E2E_OPTIONS --ro / --overlay $PWD/work sh -c 'cd $PWD/work && ls -lR >/dev/null && for f in many/11*; do echo x >\$f; done; cat many/* | wc -l'" >got 2>&1 </dev/null
check "few descriptors at the host: each file changed" grep -qx 11 got

(cd base && find . -type f -exec cksum {} + -o -printf '%p %m %l\n' | LC_ALL=C sort) >after
check "the directory is as it was" cmp before after
rm -rf work && cp -a base work
(cd work && find . -type f -exec cksum {} + -o -printf '%p %m %l\n' | LC_ALL=C sort) >after
check "so is what was under the overlays" cmp before after
