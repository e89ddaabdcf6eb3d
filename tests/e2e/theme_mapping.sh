# SPDX-License-Identifier: Apache-2.0
# Files of read-only shares that are mapped into the guest: what programs see of them, against the same programs outside;
# files that the host truncates, replaces and removes meanwhile; more files than the window holds.
# shellcheck shell=bash

mkdir data many
for size in 0 1 4095 4096 4097 65536 65537 300000 5000001 7000001; do head -c "$size" /dev/urandom >data/f$size; done
cp "$PROG/mapping" mapping
share=(--ro "$PWD" --ro "$PROG")

# same TEXT ARG...: `mapping ARG...` writes the same in the sandbox and here.
same() {
	local text=$1 got=0 want=0
	shift
	"$PROG/mapping" "$@" >want 2>&1 || want=$?
	sandbox_run "${share[@]}" "$PROG/mapping" "$@" >got 2>err </dev/null || got=$?
	if [ "$got" = "$want" ] && cmp -s want got && [ ! -s err ]; then
		ok "$text"
	else
		{ echo "status $got, outside $want"; head -c 500 err; cmp want got; } | fail "$text"
	fi
}

same "mapped, read and zero behind the end: files of many sizes" digest "$PWD"/data/f{1,4095,4096,4097,65536,65537,300000,5000001}
same "a file mapped twice" digest "$PWD/data/f5000001" "$PWD/data/f5000001"
same "parts of a large file that is read here and there" probe "$PWD/data/f5000001"
same "private writes leave the file alone" copies "$PWD/data/f300000"
same "mapped pages as output of a write" out "$PWD/data/f5000001"
same "mapped pages through a pipe to the output" pipe "$PWD/data/f5000001"
same "2 MiB blocks that processes share, and change for themselves" parts "$PWD/data/f7000001"
(E2E_OPTIONS="$E2E_OPTIONS --cpus 4" && same "with 4 CPUs: the same" parts "$PWD/data/f7000001")
check_output hello "a program is executed from a share" "${share[@]}" "$PROG/hello-dynamic"
check_output hello "with 4 CPUs" --cpus 4 "${share[@]}" "$PROG/hello-static"
(E2E_OPTIONS="$E2E_OPTIONS --cpus 4" && same "with 4 CPUs: mapped and read" digest "$PWD/data/f5000001")

# ---- the host changes files ----
# loses TEXT WANT COMMAND [BYTES]: COMMAND changes data/lost (80 pages) while a program looks at it.
loses() {
	local text=$1 want=$2
	head -c "${4-327680}" /dev/urandom >data/lost
	start "${share[@]}" "$PROG/mapping" watch "$PWD/data/lost"
	if await ready; then
		eval "$3"
		finish
		check "$text" equal "$STATUS $(tail -n 1 "$TMP/live.out")" "$want"
	else
		finish
		{ echo "status $STATUS" && cat "$TMP/live.out" "$TMP/live.err"; } | fail "$text"
	fi
}
loses "a file cut at a page: SIGBUS behind it" "3 SIGBUS 2 page 20" 'truncate -s 81920 data/lost'
loses "a file cut within a page" "3 SIGBUS 2 page 21" 'truncate -s 81921 data/lost'
loses "a large file cut within a block of 2 MiB" "3 SIGBUS 2 page 800" 'truncate -s $((800 * 4096)) data/lost' 8388608
loses "a file cut to nothing" "3 SIGBUS 2 page 0" ': >data/lost'

(share=(--overlay "$PWD" --ro "$PROG") && loses "a file under an overlay cut at a page" "3 SIGBUS 2 page 20" 'truncate -s 81920 data/lost')

# meets TEXT WANT COMMAND: `mapping COMMAND` is the first to meet a page of data/lost that is gone.
meets() {
	head -c 327680 /dev/urandom >data/lost
	rm -f go "$TMP/live.out" && touch "$TMP/live.out" && mkfifo go && exec 5<>go
	# shellcheck disable=SC2086
	"$SANDBOX" run $E2E_OPTIONS "${share[@]}" "$PROG/mapping" "$3" "$PWD/data/lost" <go >"$TMP/live.out" 2>"$TMP/live.err" &
	# shellcheck disable=SC2034
	PID=$!
	await ready && truncate -s 81920 data/lost && echo >&5
	finish
	exec 5<&-
	check "$1" equal "$STATUS $(tail -n 1 "$TMP/live.out")" "$2"
}
meets "a private copy of a page that is gone: SIGBUS" "3 SIGBUS 2 page 30" copy
meets "write(2) from a page that is gone: EFAULT" "0 write -1 EFAULT" give

head -c 327680 /dev/urandom >data/kept
want=$("$PROG/mapping" digest "$PWD/data/kept")
cat >slow <<'END'
#!/bin/sh
"$1" digest "$2"
echo ready
while [ ! -e "$3" ]; do sleep 0.05; done
"$1" digest "$2"
END
chmod +x slow
mkdir flag
start "${share[@]}" --rw "$PWD/flag" --ro / "$PWD/slow" "$PROG/mapping" "$PWD/data/kept" "$PWD/flag/go"
if await ready; then
	head -c 1000 /dev/urandom >data/new
	mv data/new data/kept
	touch flag/go
	finish
	check "a file that was replaced stays what it was for the run" equal "$STATUS $(grep -cxF "$want" "$TMP/live.out")" "0 2"
else
	finish
	cat "$TMP/live.out" "$TMP/live.err" | fail "a file that was replaced stays what it was for the run"
fi

# The other program that runs meanwhile is not disturbed, and the runner reports as always.
head -c 327680 /dev/urandom >data/lost
cat >two <<'END'
#!/bin/sh
"$1" watch "$2" >"$4/watch" 2>&1 &
until grep -q ready "$4/watch" 2>/dev/null; do sleep 0.02; done
echo ready
wait $!
echo "status $?"
"$1" digest "$3"
END
chmod +x two
start --ro / "${share[@]}" --tmpfs /tmp "$PWD/two" "$PROG/mapping" "$PWD/data/lost" "$PWD/data/f300000" /tmp
if await ready; then
	truncate -s 0 data/lost
	finish
	check "others go on" equal "$STATUS $(sed 1d "$TMP/live.out")" "0 status 3
$("$PROG/mapping" digest "$PWD/data/f300000")"
else
	finish
	cat "$TMP/live.out" "$TMP/live.err" | fail "others go on"
fi

# ---- more than the window holds: it is as large as the RAM, here 64 MiB ----
for i in $(seq 150); do head -c 700000 /dev/urandom >many/$i; done
share=(--memory 64M "${share[@]}")
same "100 MB of files, one after the other" digest "$PWD"/many/*
rm many/1[1-4]?
same "77 MB, all mapped at once: what the window has no room for is read" all "$PWD/many"
mkdir small
for i in $(seq 1200); do echo "$i" >small/$i; done
same "more files than units, all mapped" all "$PWD/small"
head -c 100M /dev/urandom >huge
same "a file larger than the window" digest "$PWD/huge"
rm -rf many huge small

# ---- writable shares are read, not mapped ----
share=(--rw "$PWD" --ro "$PROG")
same "a writable share: the same contents" digest "$PWD/data/f5000001"
check "nothing has changed on the host" bash -c 'cmp -s mapping "$1" && [ "$(stat -c %s data/f5000001)" = 5000001 ]' _ "$PROG/mapping"
