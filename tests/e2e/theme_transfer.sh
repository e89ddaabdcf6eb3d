# SPDX-License-Identifier: Apache-2.0
# Large reads and writes of shares, which pass the guest's page cache by: against a model, digests both ways, and what the
# host does to the file meanwhile.
# shellcheck shell=bash

here=$PWD
t=$PROG/transfer
bytes=$((50 * 1024 * 1024 + 1234)) seeds="1 2 3 4"
[ -z "${LENIENT-}" ] || { bytes=$((11 * 1024 * 1024 + 1234)) && seeds=1; } # an emulated machine
"$t" fill numbers $bytes

for seed in $seeds; do
	check_status 0 "reads, writes, truncations and mappings of all sizes as a model says (seed $seed)" --rw . --cpus $((seed % 2 + 1)) "$t" mix "$here/mixed" $seed
	check "the host has what the model says (seed $seed)" cmp mixed mixed.model
done
check_status 0 "a large file, read by four threads with buffers of 4 KiB to 3 MB" --ro . --cpus 2 "$t" readers "$here/numbers"
check_status 0 "the same of a writable share" --rw . --cpus 2 "$t" readers "$here/numbers"
check_status 0 "the same with little memory" --ro . --memory 64M "$t" readers "$here/numbers"
check_status 0 "the same of an overlay" --overlay . "$t" readers "$here/numbers"

mkdir copies
check_status 0 "large files are copied by dd, cp and cat" --ro / --rw . sh -c \
	'dd if=numbers of=copies/dd bs=1M 2>/dev/null && dd if=numbers of=copies/odd bs=777777 2>/dev/null && cp numbers copies/cp && cat numbers >copies/cat && cat numbers >>copies/cat'
for copy in dd odd cp; do check "$copy: whole" cmp numbers copies/$copy; done
check "cat >>: whole" cmp <(cat numbers numbers) copies/cat
check_output "$(cksum <numbers)" "a digest of what was written, in the same run" --ro / --rw . sh -c 'rm copies/*; dd if=numbers of=copies/x bs=1M 2>/dev/null; dd if=copies/x bs=1M 2>/dev/null | cksum'
check_output "$(head -c 10000000 numbers | cksum)" "reading a file while it is written" --ro / --rw . sh -c \
	'for i in 0 1 2 3 4 5 6 7 8 9; do dd if=numbers of=copies/g bs=1000000 count=1 skip=$i seek=$i conv=notrunc 2>/dev/null; dd if=copies/g of=/dev/null bs=1M 2>/dev/null; done; dd if=copies/g bs=4k 2>/dev/null | cksum'
check_status 0 "holes" --ro / --rw . sh -c 'dd if=numbers of=copies/holes bs=1M count=3 seek=1000 2>/dev/null && [ "$(dd if=copies/holes bs=1M count=2 skip=999 2>/dev/null | tail -c 1048576 | cksum)" = "$(dd if=numbers bs=1M count=1 2>/dev/null | cksum)" ]'
check "holes: they take no room" bash -c '[ "$(stat -c %s copies/holes)" = 1051721728 ] && [ "$(stat -c %b copies/holes)" -lt 20000 ]'
check_status 0 "more files than the runner holds at once" --ro / --rw . sh -c \
	'for i in $(seq 40); do dd if=numbers bs=1M count=2 2>/dev/null >copies/many$i & done; wait; for i in $(seq 40); do cmp -n 2097152 numbers copies/many$i || exit 1; done'
rm -rf copies

# ---- errors, and the host ----
limited() { (ulimit -f 8192 && sandbox_run "$@"); }
limited --rw . "$t" until "$here/limited" 27 >bytes 2>&1
check "a limit of the caller ends a write with EFBIG" bash -c '[ "$(cat bytes)" -le 8388608 ] && [ "$(cat bytes)" = "$(stat -c %s limited)" ]'
mkdir small
if mount -t tmpfs -o size=5M none small 2>/dev/null; then
	check_status 0 "a full file system ends a write with ENOSPC" --rw small "$t" until "$here/small/full" 28
	check "it is full" bash -c '[ "$(stat -c %s small/full)" = 5242880 ]'
	umount small
else
	skip "a full file system ends a write with ENOSPC" "mount(2) is not permitted here"
fi
check_status 1 "a read-only share takes no large write" --ro / --ro . sh -c 'dd if=/dev/zero of=numbers bs=1M count=1 conv=notrunc 2>/dev/null'
cp numbers shrinks
sandbox_run --ro . "$t" shrinking "$here/shrinks" >progress 2>&1 &
reader=$!
for _ in $(seq 200); do grep -q ready progress && break; sleep 0.05; done
truncate -s $((bytes / 3)) shrinks
ended=0; wait $reader || ended=$?
check "a file that the host makes shorter ends earlier" equal "$ended" 0
cp numbers shrinks
sandbox_run --rw . "$t" shrinking "$here/shrinks" >progress 2>&1 &
reader=$!
for _ in $(seq 200); do grep -q ready progress && break; sleep 0.05; done
truncate -s $((bytes / 3)) shrinks
ended=0; wait $reader || ended=$?
check "the same of a writable share, made shorter" equal "$ended" 0
check_status 124 "a time-out ends a program that does nothing but read" --ro / --ro . --timeout 1s sh -c 'while :; do dd if=numbers of=/dev/null bs=1M 2>/dev/null; done'
