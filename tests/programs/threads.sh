# SPDX-License-Identifier: Apache-2.0
# what: C++ (std::thread, futures, condition variables) and, where rustc is at hand, Rust (threads, channels, processes, sockets), static and dynamic
# limit: 60
# shellcheck shell=bash
units() { for name in cxx cxx-static rust rust-static; do [ ! -e "$DIR/$name" ] || echo $name; done; }
prepare() {
	g++ -O2 -pthread -o cxx "$HERE/threads/threads.cc" && g++ -O2 -pthread -static -o cxx-static "$HERE/threads/threads.cc" || return
	type -P rustc >/dev/null || return 0
	rustc -O -o rust "$HERE/threads/threads.rs" && rustc -O -C target-feature=+crt-static -o rust-static "$HERE/threads/threads.rs"
}
run() { "$DIR/$1" | sed "s/ / $1: /" >&3; }
