# SPDX-License-Identifier: Apache-2.0
# what: whole jobs: cmake and ctest, rsync, git, tar, imagemagick, xz and zstd with threads, openssl, tmux, sort, find; digests of what they make
# packages: cmake rsync git g++ imagemagick xz-utils zstd openssl tmux
# limit: 150
# shellcheck shell=bash
units() { echo cmake rsync git tar imagemagick compress openssl tmux sort find make python; }
prepare() { rm -rf tree && mkdir tree && for i in 1 2 3 4 5; do mkdir -p "tree/d$i/sub" && seq $i $((i * 20000)) >"tree/d$i/sub/f" && ln -s sub/f "tree/d$i/link" && ln "tree/d$i/sub/f" "tree/d$i/hard"; done; }
tree_digest() { (cd "$1" && find . -printf '%y %m %s %n %l %p\n' | sed 's/^d \([0-9]*\) [0-9]*/d \1/' | sort && find . -type f | sort | xargs md5sum); }
run() {
	export GIT_CONFIG_NOSYSTEM=1 GIT_AUTHOR_DATE=2020-01-01T00:00:00Z GIT_COMMITTER_DATE=2020-01-01T00:00:00Z GIT_AUTHOR_NAME=n GIT_AUTHOR_EMAIL=a@b GIT_COMMITTER_NAME=n GIT_COMMITTER_EMAIL=a@b
	"run_$1"
}
run_cmake() {
	mkdir src && cat >src/CMakeLists.txt <<-END
		cmake_minimum_required(VERSION 3.13)
		project(p C CXX)
		find_package(Threads REQUIRED)
		add_library(l SHARED l.c)
		add_executable(a a.cc)
		target_link_libraries(a l Threads::Threads)
		configure_file(c.h.in c.h)
		target_include_directories(a PRIVATE \${CMAKE_CURRENT_BINARY_DIR})
		enable_testing()
		foreach(i RANGE 1 6)
		  add_test(NAME t\${i} COMMAND a \${i})
		endforeach()
		set_tests_properties(t6 PROPERTIES WILL_FAIL TRUE)
	END
	echo '#define VERSION_TEXT "@CMAKE_PROJECT_NAME@"' >src/c.h.in
	echo 'int f(int x) { return x * x; }' >src/l.c
	printf '#include "c.h"\n#include <cstdlib>\n#include <iostream>\n#include <thread>\nextern "C" int f(int);\nint main(int, char **v) { int r = 0; std::thread([&] { r = f(atoi(v[1])); }).join(); std::cout << VERSION_TEXT << r << "\\n"; return r > 30; }\n' >src/a.cc
	check configure cmake -S src -B build
	check build cmake --build build -j2
	check ctest ctest --test-dir build -j2 --output-on-failure
	digest "program" build/a 5
	check "nothing to do" cmake --build build
}
run_rsync() {
	check "rsync -a" rsync -aH "$DIR/tree/" copy/
	digest "copy" tree_digest copy
	echo more >>copy/d1/sub/f && rm copy/d2/link && mkdir copy/new
	digest "rsync --delete" rsync -aHi --delete --checksum "$DIR/tree/" copy/
	digest "copy again" tree_digest copy
	printf '#!/bin/sh\nshift\nexec "$@"\n' >rsh && chmod +x rsh
	check "rsync through a shell" rsync -aH --rsh="$WORK/rsh" "$DIR/tree/d1" "host:$WORK/other/"
	digest "other" tree_digest other
}
run_git() {
	check init git init -q -b main r && cd r || return
	for i in $(seq 1 15); do
		seq "$i" $((i * 300)) >"f$((i % 4))" && mkdir -p "d$i" && echo "$i" >"d$i/f" && git add . && git commit -qm "commit $i"
	done
	digest log git log --stat --graph
	check branch git checkout -qb side HEAD~4
	echo side >s && git add s && git commit -qm side
	check rebase git rebase -q main
	git checkout -q main
	check merge git merge -q --no-ff -m merge side
	check gc git gc -q --aggressive
	check repack git repack -adq --threads=2
	check fsck git fsck --full --strict
	check bundle git bundle create -q ../b main
	cd .. || return
	check clone git clone -q --no-local r c
	check "clone of a bundle" git clone -q -b main b d
	digest head git -C c rev-parse HEAD
	digest tree git -C d ls-tree -r HEAD
	check "worktree" git -C c worktree add -q ../w HEAD~2
	digest status git -C c status --porcelain --branch
	digest grep git -C c grep -n 1234
	git -C r config uploadpack.allowFilter true
	check "shallow clone" git clone -q --depth 2 "file://$WORK/r" shallow
	digest "shallow log" git -C shallow log --oneline
	check push git -C c push -q origin HEAD:refs/heads/pushed
	digest stash sh -c 'cd c && echo x >>f1 && git stash -q && git stash list && git stash pop -q && git diff'
}
run_tar() {
	check create tar -C "$DIR" --sort=name --mtime=2020-01-01 --owner=0 --group=0 --numeric-owner -cf t.tar tree
	digest list tar -tvf t.tar
	check extract tar -xf t.tar
	digest extracted tree_digest tree
	digest compare tar -df t.tar
	digest "through a pipe" sh -c 'tar -cf - tree | (mkdir o && cd o && tar -xf -); ls -R o'
	digest sparse sh -c 'truncate -s 5M s; echo x >>s; tar -Scf s.tar s; stat -c %s s.tar; rm s; tar -xf s.tar; md5sum s'
	check incremental tar -g snapshot -cf i.tar tree
}
run_imagemagick() {
	digest make convert -size 300x200 gradient:red-blue png24:a.png
	digest pixels convert a.png rgb:-
	digest resize convert a.png -resize 50% -rotate 30 -blur 2x2 -depth 8 rgb:-
	digest jpeg convert a.png -quality 80 jpg:-
	digest identify identify -format '%m %wx%h %k' a.png
	digest montage sh -c 'montage a.png a.png -tile 2x1 -geometry +1+1 b.png; convert b.png -depth 8 rgb:-'
}
run_compress() {
	seq 1 300000 >f
	check "xz -T2" xz -k -1 -T2 --block-size=200KiB f
	digest "xz -d" xz -dc -T2 f.xz
	digest "zstd -T2" zstd -q -5 -T2 -c f
	check zstd zstd -q -T0 -19 --long f
	digest "zstd -d" zstd -dcq f.zst
	digest gzip gzip -nc f
	digest bzip2 bzip2 -c f
	check "xz -t" xz -t f.xz
	check "gzip -9 -k" gzip -9 -k f
}
run_openssl() {
	check speed openssl speed -seconds 1 -bytes 1024 sha256 aes-128-gcm
	check "speed -multi" openssl speed -seconds 1 -bytes 1024 -multi 2 sha1
	check key openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048 -out k
	check certificate openssl req -x509 -new -key k -out c -subj /CN=localhost -days 2 -addext subjectAltName=IP:127.0.0.1
	openssl s_server -accept 127.0.0.1:34434 -key k -cert c -www >log 2>&1 &
	for _ in $(seq 200); do grep -q ACCEPT log && break; sleep 0.1; done
	for version in tls1_2 tls1_3; do
		check "s_client $version" sh -c "printf 'GET / HTTP/1.0\r\n\r\n' | openssl s_client -connect 127.0.0.1:34434 -CAfile c -verify_return_error -$version -ign_eof -quiet 2>/dev/null | grep -q 'Ciphers supported'"
	done
	check "s_time" openssl s_time -connect 127.0.0.1:34434 -CAfile c -time 1 -www /
	kill %1
	wait
	echo data >d
	check sign openssl dgst -sha256 -sign k -out s d
	openssl pkey -in k -pubout -out p
	digest verify openssl dgst -sha256 -verify p -signature s d
	digest enc sh -c 'openssl enc -aes-256-cbc -pbkdf2 -k x -in d -out e && openssl enc -d -aes-256-cbc -pbkdf2 -k x -in e'
}
# A server with panes, driven by send-keys; what the panes show is compared.
run_tmux() {
	t() { tmux -S "$WORK/s" -f /dev/null "$@"; }
	shows() { for _ in $(seq $((200 * SCALE))); do t capture-pane -p -t "$1" | grep -qx "$2" && return; sleep 0.1; done; t capture-pane -p -t "$1"; return 1; }
	check new env SHELL=/bin/sh PS1='$ ' tmux -S "$WORK/s" -f /dev/null new-session -d -x 80 -y 24 -s x sh
	t set-option -g default-command sh
	t send-keys -t x 'echo $((6*7))' Enter
	check "a command" shows x 42
	check split t split-window -h -t x
	t send-keys -t x.1 'stty size' Enter
	check "size of a pane" shows x.1 "24 [34][0-9]\|23 [34][0-9]"
	t send-keys -t x.1 'trap "echo caught" INT; cat' Enter
	sleep 0.5
	t send-keys -t x.1 'typed' Enter
	check "echo and cat" shows x.1 typed
	t send-keys -t x.1 C-c
	check "interrupt" shows x.1 "^C\?caught"
	check resize t resize-pane -t x.1 -x 20
	t send-keys -t x.1 'stty size' Enter
	check "size after it" shows x.1 "2[34] 20"
	check "window" t new-window -t x: -n w
	t send-keys -t x:w 'tput cols; ls /; echo "done"' Enter
	check "a command in the window" shows x:w "done"
	digest "list" t list-panes -a -F '#{pane_width} #{pane_dead} #{pane_current_command}'
	check "exit" t kill-session -t x
	for _ in $(seq 50); do t ls 2>/dev/null || break; sleep 0.1; done
	check "no server" sh -c "! tmux -S '$WORK/s' ls"
}
run_sort() {
	seq 1 400000 | shuf --random-source=<(yes) >f
	digest "sort" sort --parallel=2 -S 1M f
	digest "sort -n" sort -n --parallel=2 -S 2M --compress-program=gzip f
	digest "sort -u -m" sh -c 'split -n l/4 f p; for i in p*; do sort -o $i $i; done; sort -mu p*'
	digest "join" sh -c 'sort f >a; sort -r f | sort >b; join a b'
	digest "split and cat" sh -c 'split -b 100K f q; cat q* | md5sum; split --filter="wc -c" -b 300K f'
	digest "comm, uniq, tsort" sh -c 'comm -12 a b | uniq -c | head -3; echo a b b c | tsort'
}
run_find() {
	digest "find /usr/share/doc" sh -c 'find /usr/share/doc -printf "%y %m %s %p\n" | sort'
	digest "find | xargs" sh -c 'find /usr/include -name "*.h" -print0 | xargs -0 -P2 -n50 cat | wc -c'
	digest "grep -r" grep -rc define /usr/include/linux
	digest "du" du -sb /usr/include
	digest "ls -lR" sh -c 'ls -lRn /usr/lib/python3 | sed "s/^total .*//"'
}
run_make() {
	for i in 1 2 3 4 5 6 7 8; do echo "int f$i(void) { return $i; }" >"f$i.c"; done
	printf '#include <stdio.h>\n%sint main(void) { printf("%%d\\n", f1() + f8()); return 0; }\n' "$(for i in 1 2 3 4 5 6 7 8; do echo "int f$i(void);"; done)" >main.c
	printf 'O = $(patsubst %%.c,%%.o,$(wildcard *.c))\np: $(O)\n\t$(CC) -o $@ $^\n%%.o: %%.c\n\t$(CC) -O2 -g -flto -c $< -o $@\ntest: p\n\t./p\n' >Makefile
	digest "make -j" make -s -j4 test
	check "make -q" make -q p
	digest "make -n" make -n -W f1.c p
	digest "make -k" sh -c 'echo "int f3(void) {" >f3.c; make -s -k -j2 p 2>/dev/null; echo $?'
	digest "jobserver" sh -c 'printf "all: a b c\na b c:\n\t@\$(MAKE) -s -f n \$@\n" >m; printf "%%:\n\t@echo \$@ >>out; sleep 0.1\n" >n; make -s -j2 -f m && sort out'
	digest "objdump" sh -c 'gcc -O1 -c f1.c -o x.o && objdump -d x.o | tail -n +4; ar rc l.a x.o; nm l.a'
}
run_python() {
	check venv /usr/bin/python3 -m venv --without-pip v
	digest "venv's python" v/bin/python -c 'import sys; print(sys.prefix != sys.base_prefix)'
	cp -r /usr/lib/python3.11/json .
	check compileall /usr/bin/python3 -m compileall -q -j 2 -d x json -o 1 --invalidation-mode checked-hash
	digest zipapp sh -c 'mkdir a; echo "print(6 * 7)" >a/__main__.py; /usr/bin/python3 -m zipapp a; /usr/bin/python3 a.pyz'
	(/usr/bin/python3 -m http.server 34435 --bind 127.0.0.1 --directory "$DIR/tree" & echo $! >pid; wait) >log 2>&1 &
	for _ in $(seq 200); do /usr/bin/python3 -c 'import socket; socket.create_connection(("127.0.0.1", 34435))' 2>/dev/null && break; sleep 0.1; done
	digest "http.server" /usr/bin/python3 -c 'import urllib.request; print(len(urllib.request.urlopen("http://127.0.0.1:34435/d5/sub/f").read()))'
	kill "$(cat pid)"
	wait
}
