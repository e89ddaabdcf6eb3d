# SPDX-License-Identifier: Apache-2.0
# Jobs in a writable directory of the host, with the host's programs: what they print is what they print outside, what they leave behind is
# the same, byte for byte, and what a database had committed is there after the runner was killed.
# shellcheck shell=bash

# shellcheck disable=SC2016 # the jobs are expanded by their own shells
LIMIT=$((LIMIT * 5))
E2E_OPTIONS="${E2E_OPTIONS-} --memory 1G --cpus 2"



# Everything below a directory: kinds, modes, sizes of files, targets of links, contents.
tree_digest() { (cd "$1" && find . \( -type d -printf '%y %m %p\n' -o -printf '%y %m %s %n %l %p\n' \) | sort && find . -type f -print0 | sort -z | xargs -0r md5sum); }

# job NEEDS TEXT SCRIPT: bash runs SCRIPT in the empty directory $TMP/work on the host, and again in the sandbox. What it leaves in
# `result` is compared too, as the host sees it.
job() {
	local program
	for program in $1; do
		PATH=/usr/sbin:/usr/bin:/bin type -P "$program" >/dev/null || { skip "$2" "optional: $program is not installed here" && return; }
	done
	rm -rf work && mkdir work
	(cd work && native_run HOME="$TMP/work" bash -c "$3") </dev/null >"$TMP/want" 2>&1
	echo "status $?" >>"$TMP/want"
	[ ! -d work/result ] || tree_digest work/result >>"$TMP/want"
	rm -rf work && mkdir work
	(cd work && sandbox_run --ro / --ro "$TMP/tree" --rw . -e LC_ALL=C -e HOME="$TMP/work" -- bash -c "$3") </dev/null >"$TMP/got" 2>&1
	echo "status $?" >>"$TMP/got"
	[ ! -d work/result ] || tree_digest work/result >>"$TMP/got"
	if cmp -s "$TMP/want" "$TMP/got"; then ok "$2"; else diff -a "$TMP/want" "$TMP/got" | fail "$2"; fi
}

# What rsync and tar copy: a tree of the host that is shared read-only.
mkdir tree && for d in $(seq 20); do
	mkdir -p "tree/d$d/sub" && for f in $(seq 30); do echo "$d $f" >"tree/d$d/f$f"; done
	ln -s ../d1/f1 "tree/d$d/link" && ln "tree/d$d/f2" "tree/d$d/sub/hard" && chmod 604 "tree/d$d/f3"
done
seq 300000 >tree/large && printf x >"tree/$(printf 'odd\377name')" && truncate -s 3M tree/hole && echo end >>tree/hole

job "/usr/bin/python3" "python3: modules from all over its library, caches of compiled modules" 'mkdir -p result/pkg/sub
	for m in a b sub/c; do echo "import json, decimal, email.message, xml.dom.minidom, sqlite3, ctypes, zoneinfo; NAME = __name__" >result/pkg/$m.py; done
	touch -d 2020-01-01 result/pkg/*.py result/pkg/sub/*.py; cd result; for i in 1 2; do /usr/bin/python3 -c "import pkg.a, pkg.b, pkg.sub.c; print(pkg.sub.c.NAME, pkg.a.__cached__)"; done
	/usr/bin/python3 - <<\END
import importlib, pkgutil, sys, warnings
warnings.simplefilter("ignore")
skip = {"antigravity", "this", "idlelib", "test", "turtledemo", "lib2to3", "tkinter", "turtle", "__main__", "encodings"}
seen = 0
for m in pkgutil.iter_modules():
    if m.name in skip or m.name not in sys.stdlib_module_names: continue
    try: importlib.import_module(m.name); seen += 1
    except ImportError as e: print(m.name, e)
print(seen)
END'
job "/usr/bin/python3 pip3" "pip: a package installed from a wheel" '/usr/bin/python3 - <<\END
import zipfile
with zipfile.ZipFile("pure-1.0-py3-none-any.whl", "w") as z:
    for name, text in {"pure/__init__.py": "def f(): return 42\n", "pure/data.txt": "data\n", "pure-1.0.dist-info/METADATA": "Metadata-Version: 2.1\nName: pure\nVersion: 1.0\n",
        "pure-1.0.dist-info/WHEEL": "Wheel-Version: 1.0\nGenerator: x\nRoot-Is-Purelib: true\nTag: py3-none-any\n", "pure-1.0.dist-info/entry_points.txt": "[console_scripts]\npure = pure:f\n",
        "pure-1.0.dist-info/RECORD": "pure/__init__.py,,\npure/data.txt,,\npure-1.0.dist-info/METADATA,,\npure-1.0.dist-info/WHEEL,,\npure-1.0.dist-info/entry_points.txt,,\npure-1.0.dist-info/RECORD,,\n"}.items():
        z.writestr(zipfile.ZipInfo(name), text)
END
	/usr/bin/python3 -m pip install -q --no-index --no-deps --no-compile --no-cache-dir --root-user-action=ignore --disable-pip-version-check --target result ./pure-1.0-py3-none-any.whl
	PYTHONPATH=result PYTHONDONTWRITEBYTECODE=1 /usr/bin/python3 -c "import pure; print(pure.f(), pure.__file__)"'
job "/usr/bin/node" "node: packages from node_modules" 'mkdir -p node_modules/common/lib node_modules/@scope/esm/dist node_modules/.bin result
	echo "{\"name\":\"common\",\"version\":\"1.2.3\",\"main\":\"lib/index.js\"}" >node_modules/common/package.json; echo "exports.twice = x => 2 * x; exports.at = __filename.replace(process.cwd(), \"\")" >node_modules/common/lib/index.js
	echo "{\"name\":\"@scope/esm\",\"type\":\"module\",\"exports\":{\".\":\"./dist/m.js\"}}" >node_modules/@scope/esm/package.json; echo "import c from \"common\"; export const four = c.twice(2)" >node_modules/@scope/esm/dist/m.js
	for i in $(seq 200); do mkdir node_modules/p$i && echo "module.exports = $i" >node_modules/p$i/index.js; done
	echo "import { four } from \"@scope/esm\"; import c from \"common\"; import { createRequire } from \"module\"; import fs from \"fs\"; const r = createRequire(import.meta.url); let s = 0; for (let i = 1; i <= 200; i++) s += r(\"p\" + i);
		fs.writeFileSync(\"result/out\", JSON.stringify([four, c.at, s, r(\"common/package.json\").version])); try { r(\"absent\") } catch (e) { console.log(e.code) } console.log(fs.readdirSync(\"node_modules\").length)" >main.mjs
	/usr/bin/node main.mjs'
job "gcc make" "make -j2: a C project with its tests" 'mkdir -p src include tests; for i in $(seq 8); do echo "#include \"all.h\"
int f$i(int x) { return x * $i; }" >src/f$i.c; echo "int f$i(int);" >>include/all.h; printf "#include \"all.h\"\nint main(void) { return f$i(3) != 3 * $i; }\n" >tests/t$i.c; done
	printf "OBJS = \$(patsubst src/%%.c,build/%%.o,\$(wildcard src/*.c))\nTESTS = \$(patsubst tests/%%.c,build/%%,\$(wildcard tests/*.c))\ntest: \$(TESTS)\n\t@for t in \$^; do \$\$t && echo ok \$\$t; done\nbuild/lib.a: \$(OBJS)\n\tar rcsD \$@ \$^\nbuild/%%.o: src/%%.c include/all.h | build\n\tgcc -O2 -Iinclude -MMD -c -o \$@ \$<\nbuild/%%: tests/%%.c build/lib.a\n\tgcc -Iinclude -o \$@ \$^\nbuild:\n\tmkdir \$@\n-include build/*.d\n" >Makefile
	make -s -j2 test; make -s -q build/lib.a; echo $?; touch -d "+2 seconds" include/all.h; make -q build/lib.a; echo $?; make -n build/lib.a | wc -l; mkdir result; mv build/lib.a build/*.d result'
job "cmake ctest g++" "cmake and ctest: a C++ project" 'mkdir src; printf "cmake_minimum_required(VERSION 3.13)\nproject(p CXX)\nadd_executable(a a.cc)\nenable_testing()\nadd_test(NAME good COMMAND a 1)\nadd_test(NAME bad COMMAND a)\n" >src/CMakeLists.txt
	printf "#include <iostream>\nint main(int c, char **v) { std::cout << c; return c != 2; }\n" >src/a.cc; cmake -S src -B build >log 2>&1; echo $?; cmake --build build -j2 >log2 2>&1; echo $?; cd build; ctest -j2 | grep -E "tests passed|Failed$"'
job "git" "git: clone of a local repository, status of a large tree" 'export GIT_CONFIG_NOSYSTEM=1 GIT_AUTHOR_DATE=2020-01-01T00:00:00Z GIT_COMMITTER_DATE=2020-01-01T00:00:00Z GIT_AUTHOR_NAME=n GIT_AUTHOR_EMAIL=a@b GIT_COMMITTER_NAME=n GIT_COMMITTER_EMAIL=a@b
	git init -q -b main r; for d in $(seq 20); do mkdir r/d$d; for f in $(seq 50); do echo "$d $f" >r/d$d/f$f; done; done; cd r; git add .; git commit -qm one; git status --porcelain; echo x >>d3/f4; rm d5/f6; mkdir new; echo n >new/n; git status --short
	git commit -qam two; git gc -q; git fsck; cd ..; git clone -q r c; git clone -q --no-local --branch main r result; git -C c log --oneline; git -C c diff --stat HEAD~1; rm -rf result/.git; git -C r rev-parse HEAD'
rust=$(PATH=/usr/bin:/bin type -P rustc || find "$HOME"/.rustup/toolchains/*/bin/rustc 2>/dev/null | head -n 1)
if [ -n "$rust" ]; then
	job "cc" "rustc: a crate and a program" "RUSTC=$rust"'; mkdir result; echo "pub fn f(x: u32) -> String { format!(\"{}\", x * 2) }" >l.rs; echo "fn main() { println!(\"{}\", l::f(21)); std::process::exit(3) }" >m.rs
		$RUSTC --crate-type rlib --edition 2021 -O l.rs; $RUSTC --edition 2021 -O --extern l=libl.rlib m.rs; ./m; echo $?; echo "fn main() { x }" >bad.rs; $RUSTC bad.rs 2>&1 | grep -c "^error"'
else
	skip "rustc" "optional: not installed here"
fi
job "go" "go build and go test" 'export GO111MODULE=on GOFLAGS=-mod=mod GOPROXY=off GOCACHE=$PWD/cache GOTOOLCHAIN=local CGO_ENABLED=0; mkdir result; printf "module x\ngo 1.19\n" >go.mod; mkdir p
	printf "package p\nfunc F(x int) int { return x * 2 }\n" >p/p.go; printf "package p\nimport \"testing\"\nfunc TestF(t *testing.T) { if F(2) != 4 { t.Fail() } }\n" >p/p_test.go
	printf "package main\nimport \"x/p\"\nfunc main() { println(p.F(21)) }\n" >main.go; go build -trimpath -buildvcs=false -o result/x . && ./result/x; go test ./p | cut -f 1,2; go vet ./...; echo $?'
job "javac java" "javac and java: packages, threads, a jar" 'mkdir -p src/a/b result; echo "package a.b; public class L { public static int f(int x) { return x * 2; } public record R(int a, String b) {} }" >src/a/b/L.java
	echo "package a; import a.b.L; import java.util.stream.*; import java.nio.file.*; public class M { public static void main(String[] v) throws Exception { System.out.println(IntStream.range(0, 10000).parallel().map(L::f).sum() + \" \" + new L.R(1, \"x\"));
		var t = new Thread(() -> System.out.println(\"thread\")); t.start(); t.join(); Files.writeString(Path.of(\"result/out\"), String.join(\",\", Files.list(Path.of(\"src/a\")).map(p -> p.getFileName().toString()).sorted().toList())); System.exit(5); } }" >src/a/M.java
	javac -d result src/a/M.java src/a/b/L.java; echo $?; java -cp result a.M; echo $?; echo "class X { int x = \"s\"; }" >X.java; javac X.java 2>&1 | tail -n 1'
job "rsync" "rsync: a large tree, updated" "tree=$TMP/tree"'; rsync -aHS $tree/ result/; echo more >>result/d3/f4; rm result/d5/link; touch -d 2020-01-01 result/d6/f1; mkdir result/extra; rsync -aHSi --delete $tree/ result/ | sort; rsync -anHSi --delete $tree/ result/'
job "tar" "tar of a large tree both ways" "tree=$TMP/tree"'; mkdir result; tar -C $tree --sort=name -cf t.tar .; tar -C result -xpf t.tar; tar -C result --sort=name -cf - . | cmp - t.tar; echo $?; tar -C $tree -dSf t.tar; echo $?; tar -C $tree -cf - . | tar -C . -tf - | sort | md5sum'

# ---- what was committed is there after kill -9 ----
# killed TEXT ARG...: `sandbox run ARG...` runs in the sandbox and prints a growing number after each commit; the runner is killed after some of them. Sets LAST.
killed() {
	local text=$1
	shift
	start --ro / --rw "$TMP/work" -w "$TMP/work" "$@"
	await 12 || { head -c 500 "$TMP/live.err" "$TMP/live.out" | fail "$text: it begins" && finish && return 1; }
	kill -9 "$PID"
	wait "$PID" 2>/dev/null
	LAST=$(grep -x '[0-9]*' "$TMP/live.out" | tail -n 1)
}

if type -P sqlite3 >/dev/null; then
	for mode in delete wal; do
		rm -rf work && mkdir work
		killed "sqlite, journal $mode" bash -c "sqlite3 db 'pragma journal_mode=$mode; create table t(a)' >/dev/null; for i in \$(seq 1000); do sqlite3 db \"insert into t values(\$i)\" && echo \$i; done" &&
			check "sqlite, journal $mode: what was committed before the runner was killed is there" bash -c \
				"[ \"\$(sqlite3 work/db 'pragma integrity_check')\" = ok ] && [ \"\$(sqlite3 work/db 'select max(a) >= $LAST and count(*) = max(a) from t')\" = 1 ]"
	done
else
	skip "sqlite" "optional: not installed here"
fi

postgres=/usr/lib/postgresql/15/bin
if [ ! -x $postgres/postgres ]; then
	skip "postgresql" "optional: not installed here"
else
	# It refuses to run as root: then the caller's files belong to another user inside, and on the host's side of the test they are given away to it.
	user=$(id -u):$(id -g)
	rm -rf work && mkdir work
	if [ "$(id -u)" = 0 ]; then
		user=65534:65534
		chmod 711 .. && chmod 755 . work
	fi
	as() {
		set -- env PATH="$postgres:$PATH" PGHOST="$TMP/work" "$@"
		if [ "$(id -u)" = 0 ]; then setpriv --reuid 65534 --regid 65534 --clear-groups "$@"; else "$@"; fi
	}
	killed "postgresql" --user "$user" -e PGHOST=/tmp bash -c "PATH=$postgres:\$PATH; initdb -D db -U me -A trust -N >log 2>&1 && pg_ctl -D db -w -l log -o '-k /tmp -h \"\"' start >log2 2>&1
		psql -U me -qc 'create table t(a int)' postgres; for i in \$(seq 1000); do psql -U me -qc \"insert into t values(\$i)\" postgres && echo \$i; done" && {
		chown -R "$user" work && rm -f work/db/postmaster.pid && cd work || exit 1
		check "postgresql: the data directory recovers on the host after the runner was killed" as pg_ctl -D db -w -l log3 -o "-k $TMP/work -h ''" start
		check "postgresql: what was committed is there" equal "$(as psql -U me -Atc "select max(a) >= $LAST and count(*) = max(a) from t" postgres 2>&1)" t
		as pg_ctl -D db -m fast -w stop >/dev/null 2>&1
		cd .. || exit 1
	}
fi
