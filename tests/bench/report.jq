# SPDX-License-Identifier: Apache-2.0
# docs/bench.json to docs/bench.md: tables with ratios and aims.

def fixed(d): if . == null then "-" else . as $x | pow(10; d) as $p | ($x * $p | round / $p) as $r
	| ($r | tostring) as $s | if d == 0 then $s elif ($s | contains(".")) then
	  ($s | split(".")) as $t | $t[0] + "." + ($t[1] + "000")[:d] else $s + "." + ("000")[:d] end end;
def significant: if . == null then "-" elif . == 0 then "0" elif . < 10 then fixed(2) elif . < 100 then fixed(1) else fixed(0) end;
def time: if . == null then "-" elif . < 1000 then "\(significant) ns" elif . < 1000000 then "\(. / 1000 | significant) us"
	else "\(. / 1000000 | significant) ms" end;
def ratio($a; $b): if $a == null or $b == null or $b == 0 then null else $a / $b end;
def x: if . == null then "-" else "\(significant)x" end;
# reached: value against an aim, "at most" or "at least".
def most($aim): if . == null then "**failed**" elif . <= $aim then "reached" else "**not reached**, by \(. / $aim | significant)x" end;
def least($aim): if . == null then "**failed**" elif . >= $aim then "reached" else "**not reached**, by \($aim / . | significant)x" end;
def line: "| " + join(" | ") + " |";

def share: if . then . * 100 | fixed(0) + " %" else "-" end;
def heads($n): "| --- |" + ([range($n)] | map(" ---: |") | join(""));

. as $all
| def process($row; $peer): first($all.process[], $all.long[], $all.jobs[], $all.shares[], $all.images[] | select(.row == $row and .peer == $peer));
  def ms($row; $peer): first(process($row; $peer) | .median_ms) // null;
  def p10($row; $peer): process($row; $peer) | .p10_ms;
  def cell($row; $peer): first(process($row; $peer) | if .median_ms == null then "failed (status \(.status))"
	else (.median_ms * 1e6 | time) + (if .failed > 0 then " (\(.failed) failed)" else "" end) end) // "-";
  def cells($row): cell($row; "native"), cell($row; "bwrap"), cell($row; "runsc"), cell($row; "ours");
  def to_native($row): ratio(ms($row; "ours"); ms($row; "native"));
  def to_runsc($row): ratio(ms($row; "ours"); ms($row; "runsc"));
  def faster($ratio): if $ratio == null then "runsc failed" elif $ratio <= 1 then "reached" else "**not reached**, by \($ratio | significant)x" end;
  def rounds($list): $list | map(.runs) | "\(min) to \(max)" | if split(" to ") | .[0] == .[1] then split(" to ")[0] else . end;
  def micro($row; $peer): [$all.micro[] | select(.row == $row and .peer == $peer)][0].value;
  def cost($row): [$all.costs[] | select(.row == $row)][0];
  def speed($bytes; $ms): if $ms == null or $ms <= 0 then null else $bytes / $ms / 1e6 end; # GB/s

  def intro: ($all.machine) as $m
| "# Benchmark",
"",
"Written by `make bench` (scripts/bench.sh, tests/bench/) from the one run that docs/bench.json holds. `make bench GROUPS=files,sockets` measures",
"groups of rows alone, into build/bench/; scripts/bench.sh lists the groups. BENCH_RUNS (100) scales the number of runs.",
"",
"\($m.cpu), \($m.cores) CPUs, \($m.memory); Linux \($m.kernel); transparent huge pages: \($m.thp); \($m.date); load before the run \($m.load); duration \($all.minutes) minutes.",
"KVM: \($m.kvm).",
"Peers: native, \($m.bwrap) (`--ro-bind / / --unshare-all`), \($m.runsc) (`--platform=ptrace --network=none do`). \($m.sandbox).",
"",
"Times of processes go from before the fork to after the wait, so creation and teardown count. They are medians; all commands of",
"a table are interleaved, each once a round.";

  def whole_runs:
  ($all.memory | if . == null then null else .private_clean_kib + .private_dirty_kib end) as $private
| (ms("true_ro"; "ours") as $a | ms("true"; "ours") as $b | if $a and $b then $a - $b else null end) as $shared
| "",
"![whole runs](bench.svg)",
"",
"## One command, start to end (\(rounds($all.process)) runs)",
"",
(["", "native", "bwrap", "runsc", "sandbox", "sandbox / bwrap", "sandbox / runsc", "sandbox / floor"] | line),
heads(7),
((["hello", "static hello"], ["true", "/bin/true"], ["true_ro", "/bin/true from `--ro /`"], ["cpp", "dynamic C++ program from `--ro /`"]) as [$row, $title]
	| [$title, cells($row), (ratio(ms($row; "ours"); ms($row | sub("_ro"; ""); "bwrap")) | x), (ratio(ms($row; "ours"); ms($row | sub("_ro"; ""); "runsc")) | x),
	   (ratio(ms($row; "ours"); ms("floor"; "floor")) | x)] | line),
"",
"Floor, a bare VM that runs one instruction: \(cell("floor"; "floor")). At the 10th percentile, the quieter moments of this run, the floor is",
"\(p10("floor"; "floor") | significant) ms, the static hello \(p10("hello"; "ours") | significant) ms: \(ratio(p10("hello"; "ours"); p10("floor"; "floor")) | x) floor, \(ratio(p10("hello"; "ours"); p10("hello"; "bwrap")) | x) bwrap; /bin/true is \(p10("true"; "ours") | significant) ms, \(ratio(p10("true"; "ours"); p10("true"; "bwrap")) | x) bwrap.",
"",
"| aim | measured | |",
"| --- | ---: | --- |",
(ratio(ms("hello"; "ours"); ms("floor"; "floor")) | "| static hello at most 2.0x floor | \(x) | \(most(2)) |"),
(ratio(ms("hello"; "ours"); ms("hello"; "bwrap")) | "| static hello at most 1.0x bwrap | \(x) | \(most(1)) |"),
(ratio(ms("true"; "ours"); ms("true"; "bwrap")) | "| /bin/true at most 1.0x bwrap | \(x) | \(most(1)) |"),
($all.phases.times_ms.boot | "| first KVM_RUN to the agent's first instruction at most 1 ms | \(significant) ms | \(most(1)) |"),
(if $private == null then null else $private / 1024 end | "| private host memory of a live hello at most 4 MiB | \(significant) MiB | \(most(4)) |"),
($shared | "| `--ro / /bin/true` costs at most 1 ms over `/bin/true` | \(significant) ms | \(most(1)) |"),
(to_runsc("cpp") | "| dynamic program from `--ro /` faster than runsc | \(x) | \(faster(.)) |"),
"",
"## Inside one run of the static hello (\($all.phases.runs) runs, medians of --stats)",
"",
"| phase | ms |",
"| --- | ---: |",
(($all.phases.times_ms) as $t |
 ["main to VM ready (setup)", $t.setup], ["confinement", $t.confine], ["first KVM_RUN to the guest kernel's C code", $t.kernel],
 ["first KVM_RUN to the agent's first instruction (boot)", $t.boot], ["agent to the program's first instruction", $t.agent],
 ["main to the program's first instruction", $t.to_program],
 ["program's first instruction to power-off (run)", $t.run], ["teardown until the process ends itself", $t.teardown], ["main to end", $t.total]
 | "| \(.[0]) | \(.[1] | fixed(3)) |"),
"",
"CPU time of the host: \($all.phases.host_cpu_ms | significant) ms. Exits: \([$all.phases.exits // {} | .[]] | add); system calls \($all.phases.syscalls), page faults \($all.phases.page_faults)" +
" (agent and program together); peak of guest memory \($all.phases.guest_peak_kib) KiB.",
"",
"Host memory of a live sandbox whose static program waits: RSS \($all.memory.rss_kib) KiB, private \($private) KiB (dirty \($all.memory.private_dirty_kib), clean \($all.memory.private_clean_kib)).";

  def long_programs:
  (100.0e6) as $big
| ((ms("big"; "ours")) as $t | (ms("hello"; "ours") // 0) as $hello | if $t == null then null else ([$t - $hello, 0.001] | max) end) as $delivery
| "",
"## Throughput and long programs (\(rounds($all.long)) runs)",
"",
(["", "native", "bwrap", "runsc", "sandbox", "native / sandbox"] | line),
(["---", "---:", "---:", "---:", "---:", "---:"] | line),
((["cpu", "CPU-bound for more than a second: sieve and multiplications in the caches"], ["big", "executable of 100 MB, data not touched"],
  ["big_read", "executable of 100 MB, each page read"], ["cat", "256 MiB through `cat`, pipe to pipe"]) as [$row, $title]
 | [$title, cell($row; "native"), cell($row; "bwrap"), cell($row; "runsc"), cell($row; "ours"), (ratio(ms($row; "native"); ms($row; "ours")) | if . then fixed(2) else "-" end)] | line),
"",
"Through `cat`: native \(speed(268435456; ms("cat"; "native")) | significant) GB/s, sandbox \(speed(268435456; ms("cat"; "ours")) | significant) GB/s.",
"",
"| aim | measured | |",
"| --- | ---: | --- |",
(ratio(ms("cpu"; "native"); ms("cpu"; "ours")) | "| CPU-bound program at least 0.97 of native | \(fixed(3)) | \(least(0.97)) |"),
(speed($big; $delivery) | "| executable of 100 MB delivered at 1 GB/s or more (its run less hello's) | \(significant) GB/s | \(least(1)) |"),
(ratio(ms("cat"; "native"); ms("cat"; "ours")) | "| `cat` at least 25 % of native pipe throughput | \(if . then . * 100 | fixed(0) else "-" end) % | \(least(0.25)) |");

  # operations(TITLE; [ROW, TITLE]...): the rows of one group of micro.
  def operations(rows):
(["", "native", "bwrap", "runsc", "sandbox", "/ native", "/ runsc", "aim", "exits", "faults", "emulated", "shadow entries"] | line),
"| --- | ---: | ---: | ---: | ---: | ---: | ---: | --- | ---: | ---: | ---: | ---: |",
(rows as [$row, $title]
 | micro($row; "ours") as $ours | (cost($row) // {}) as $c
 | [$title, (micro($row; "native") | time), (micro($row; "bwrap") | time), (micro($row; "runsc") | time), ($ours | if . then time else "failed" end),
    (ratio($ours; micro($row; "native")) | x), (ratio($ours; micro($row; "runsc")) | x),
    (ratio($ours; micro($row; "runsc")) | if . == null then (if $ours == null then "**failed**" else "runsc failed" end) else most(1) end),
    ($c.exits | significant), ($c.faults | significant), ($c.emulated | significant), ($c.shadow | significant)] | line);

  def micro_rounds($row): first($all.micro[] | select(.row == $row and .peer == "ours") | .runs) // 0;

  def ops: ($all.machine) as $m |
"",
"## Operations inside (medians of \(micro_rounds("getpid")) rounds)",
"",
"tests/bench/micro*.c, the same program everywhere. The aim of each row is to be faster than runsc. The sandbox has one vCPU, two in",
"the rows that say so. The last columns are per operation in the sandbox: exits to the VMM, page faults of the guest, and, as far as",
"perf can count them, instructions that KVM emulated and shadow page-table entries that it made.",
"",
operations(["getpid", "getppid"], ["clock_gettime", "clock_gettime"], ["pipe", "pipe ping-pong between processes"], ["futex_1cpu", "futex ping-pong between threads, one CPU"],
  ["futex_2cpu", "the same, two CPUs"], ["fork", "fork, exit, wait"], ["exec", "fork, exec, wait: static"], ["exec_dynamic", "fork, exec, wait: dynamic"],
  ["touch", "first touch of a page (32 MiB mappings)"], ["mmap", "mmap, touch, munmap of 64 KiB"], ["mprotect", "mprotect there and back, write"], ["signal", "signal to itself, handler, return"],
  ["epoll", "epoll wake-up and back by eventfd"], ["thread", "thread create, join"], ["cpu", "computation"]),
([("native", "bwrap", "runsc", "ours") | micro("parallel"; .) | x] as $p | ["speed-up by a second CPU"] + $p + ["", "", (micro("parallel"; "ours") | least(1.8)), "", "", "", ""] | line),
"",
"Bare SYSCALL round trip in a bare VM: \(micro("bare_syscall"; "bare") | time).",
"",
"| aim | measured | |",
"| --- | ---: | --- |",
(if $m.kvm | startswith("flat") and micro("bare_syscall"; "bare") then ratio(micro("getpid"; "ours"); micro("bare_syscall"; "bare")) |
	"| null system call at most 1.5x the bare SYSCALL round trip (\(micro("bare_syscall"; "bare") | time)) | \(x) | \(most(1.5)) |" else empty end),
(if micro("exec"; "ours") then ratio(micro("exec"; "ours"); micro("exec"; "native")) | "| fork+exec+wait of a static program at most 3x native | \(x) | \(most(3)) |" else empty end),
(if micro("exec"; "ours") then ratio(micro("exec"; "ours"); micro("exec"; "runsc")) | "| fork+exec+wait of a static program at most 0.5x runsc | \(x) | \(most(0.5)) |" else empty end),
(if micro("parallel"; "ours") then micro("parallel"; "ours") | "| two vCPUs at least 1.8x one (native here: \(micro("parallel"; "native") | x)) | \(x) | \(least(1.8)) |" else empty end);

  def files:
"",
"## Files of a tmpfs (medians of \(micro_rounds("stat")) rounds)",
"",
"The aim of each row is to be faster than runsc.",
"",
operations(["read_1", "read of 1 byte"], ["read_4k", "read of 4 KiB"], ["read_1m", "read of 1 MiB"], ["write_1", "write of 1 byte"], ["write_4k", "write of 4 KiB"],
  ["write_1m", "write of 1 MiB"], ["open", "open, close"], ["stat", "stat"], ["getdents", "open, getdents of 10,000 entries, close"], ["rename", "rename"]);

  def sockets:
"",
"## Sockets and terminals (medians of \(micro_rounds("pty")) rounds)",
"",
"Between two processes; one vCPU. The aim of each row is to be faster than runsc.",
"",
operations(["unix", "1 byte there and back, Unix stream"], ["unix_64k", "64 KiB one way, Unix stream"], ["tcp", "1 byte there and back, TCP on loopback"],
  ["tcp_64k", "64 KiB one way, TCP on loopback"], ["accept", "connect, accept, close, TCP on loopback"], ["pty", "1 byte through a raw terminal, echoed by a program"]);

  # job_table(LIST; [ROW, TITLE, at most so many times native]...)
  def job_table($list; rows):
(["", "runs", "native", "bwrap", "runsc", "sandbox", "/ native", "/ runsc", "aim, of native", "", "faster than runsc"] | line),
"| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | --- | --- |",
(rows as [$row, $title, $aim] | to_native($row) as $n
 | [$title, ($list | map(select(.row == $row and .peer == "ours"))[0].runs | tostring), cells($row), ($n | x), (to_runsc($row) | x),
    ($aim | if . then "\(.)x" else "-" end), (if $aim then ($n | most($aim)) else "-" end), faster(to_runsc($row))] | line);

  def jobs:
"",
"## Whole jobs on a tmpfs",
"",
"tests/bench/jobs.sh, medians; the sandbox with `--ro /` and its own /tmp, with two vCPUs where the row says so.",
"",
job_table($all.jobs; ["forks", "shell script that runs /bin/true 1,000 times", 3], ["subshells", "shell script of 1,000 subshells", 3], ["make", "`make -j2` of a C project, 2 vCPUs", 1.5],
  ["sqlite", "100,000 inserts by sqlite3", 1.5], ["sort", "sort of 1 GB of text, 2 vCPUs", 1.5], ["redis", "redis-server and redis-benchmark, 2 vCPUs", 1.5]);

  def shares:
"",
"## Whole jobs on directories of the host",
"",
"tests/bench/jobs.sh, medians. The tree has 5,000 files of 2 KiB in 50 directories; what is written goes to a directory of the host.",
"",
job_table($all.shares; ["python", "python3 start, shared /usr", 1.5], ["python_modules", "python3 importing asyncio, json, sqlite3, ssl, ...", 1.5],
  ["small_files", "read of the tree (read-only share)", null], ["small_files_rw", "the same (writable share)", null], ["find", "find by size and time over the tree (read-only share)", null],
  ["git_status", "git status of the tree (writable share)", null], ["seq_read", "sequential read of 1 GB (read-only share)", 1.43], ["seq_write", "sequential write of 1 GB (writable share)", 1.43],
  ["make_rw", "`make -j2` of a C project on a writable share, 2 vCPUs", 1.5]),
"",
"70 % of the native rate is 1.43 times the native time. Share of the native rate: sequential read \(ratio(ms("seq_read"; "native"); ms("seq_read"; "ours")) | share), write \(ratio(ms("seq_write"; "native"); ms("seq_write"; "ours")) | share).";

  def images:
"",
"## A root of its own (\($all.images | map(.runs) | max) runs)",
"",
"The same tree as a directory (bwrap with it as `/`, runsc with `-root`, the sandbox with `--rootfs`) and as an image; natively the host's own programs.",
"",
(["", "native", "bwrap", "runsc", "directory", "EROFS", "EROFS, LZ4", "squashfs, zstd", "EROFS / native", "EROFS / bwrap", "EROFS / runsc"] | line),
heads(10),
((["image_true", "/bin/true"], ["image_python", "python3 start"], ["image_read", "sequential read of 256 MiB"]) as [$row, $title]
 | [$title] + [("native", "bwrap", "runsc", "directory", "erofs", "erofs_lz4", "squashfs") | cell($row; .)]
   + [("native", "bwrap", "runsc") | ratio(ms($row; "erofs"); ms($row; .)) | x] | line);

  def has_group($g): $all.groups | index($g);
  intro,
  (if has_group("runs") then whole_runs else empty end),
  (if has_group("long") then long_programs else empty end),
  (if has_group("ops") then ops else empty end),
  (if has_group("files") then files else empty end),
  (if has_group("sockets") then sockets else empty end),
  (if has_group("jobs") then jobs else empty end),
  (if has_group("shares") then shares else empty end),
  (if has_group("images") then images else empty end),
  (if ($all.failures | length) > 0 then "", "Failed:", ($all.failures[] | "- \(.peer), \(.times) times: status \(.status), `\(.error)`") else empty end)
