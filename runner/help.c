/* SPDX-License-Identifier: Apache-2.0 */
#include "runner/help.h"

const char help_main[] = "\
Usage: sandbox COMMAND [OPTION...]\n\
\n\
Runs one Linux program in a virtual machine of its own, in milliseconds.\n\
\n\
Commands:\n\
  run       Run a program in a new microVM\n\
  check     Say whether this host can run microVMs, and how to fix what is missing\n\
  version   Show the version\n\
  help      Show help on a command\n\
\n\
Examples:\n\
  sandbox run ./untrusted-binary\n\
  sandbox run --timeout 10s --memory 1G -- ./solver --input -  < problem.txt\n\
  sandbox check\n\
\n\
Run 'sandbox COMMAND --help' for more on a command, or 'man sandbox'.\n";

const char help_run[] = "\
Usage: sandbox run [OPTION...] [--] PROGRAM [ARG...]\n\
\n\
Boots a microVM, runs PROGRAM in it, gives back its output and exit status, and destroys the VM.\n\
PROGRAM is a path on this host (searched in PATH when it has no slash): an x86-64 ELF file, static or\n\
dynamic, or a script with a #! line. It travels into the VM together with its interpreter and its\n\
libraries, each at its own absolute path; nothing else of this host is visible inside.\n\
\n\
Resources:\n\
      --memory SIZE           memory of the VM, taken from the host as it is used (default 512M)\n\
      --cpus N                virtual CPUs, 1 to 16 (default 1)\n\
      --timeout DURATION      end the program after this time, with status 124\n\
\n\
The program:\n\
  -e, --env NAME[=VALUE]      set a variable, or pass on the caller's; may be repeated. The environment\n\
                              is otherwise PATH, HOME, LANG and TERM\n\
  -w, --workdir DIR           working directory in the VM, created if missing (default: the home directory)\n\
      --user UID[:GID]        numbers to run as (default: the caller's; GID: as UID)\n\
      --hostname NAME         host name in the VM (default sandbox)\n\
  -t, --tty                   give the program a terminal (default: when stdin and stdout are terminals)\n\
\n\
Files:\n\
      --ro HOST[:GUEST]       a file or directory of this host, read-only, at the same path or at GUEST\n\
      --rw HOST[:GUEST]       the same, writable\n\
      --overlay HOST[:GUEST]  the same, writable, but what is written stays in the VM's memory and is lost\n\
      --tmpfs PATH[:SIZE]     an empty directory in the VM's memory\n\
      --rootfs DIR|ARCHIVE|IMAGE\n\
                              the root: a directory as with --overlay, a tar archive (also .gz, .xz, .zst), or\n\
                              an EROFS or squashfs image; PROGRAM is then a path in it, and nothing of this\n\
                              host is sent along\n\
      --copy-in HOST:GUEST    copy a file or directory into the VM before the program starts\n\
      --copy-out GUEST:HOST   copy one out after the program's end, whatever its status\n\
                              Each may be repeated; a ':' within a name is written '\\:'. What lies in a\n\
                              share is not sent, and --workdir defaults to the caller's directory then\n\
      --disk SIZE             most that the program may keep in file systems in memory, all together\n\
\n\
Profiles:\n\
      --profile NAME|FILE     these options from a YAML file, or from the profile of that name (shipped: ci,\n\
                              function, strict); may be repeated. The command line overrides, lists grow\n\
      --print-profile         print the profile that the options make, and run nothing\n\
\n\
Allow-lists:\n\
      --allow-read PATH       of what is shared, only this is there; PATH/ with all beneath it\n\
      --allow-write PATH      this too, and it may be changed\n\
      --allow-syscall NAME,...  only these system calls; another ends its process (SIGSYS)\n\
                              Each may be repeated\n\
      --record FILE           run, and write the profile of what was used to FILE\n\
\n\
Seeing inside:\n\
      --stats[=FILE]          one JSON object about the run, to standard error or FILE\n\
      --trace[=FILE]          print system calls, to standard error or FILE\n\
      --trace-only NAME,...   only these system calls (implies --trace)\n\
  -v, --verbose               say more: the kernel's log, unknown system calls, registers after a crash\n\
\n\
Other:\n\
      --privilege LAYOUT      auto, split or flat: how the guest kernel is protected (default auto)\n\
  -h, --help                  this text\n\
\n\
Sizes take K, M, G, T (512M, 1.5G); durations take ms, s, m, h (250ms, 10s; a plain number is seconds).\n\
\n\
Exit status: the program's own; 128+N when signal N ended it; 124 time-out; 125 the sandbox failed or\n\
the guest crashed; 126 PROGRAM cannot be executed; 127 PROGRAM not found.\n\
\n\
Examples:\n\
  sandbox run ./hello world\n\
  sandbox run --memory 2G --timeout 1m -e SEED=7 ./simulate > result.txt\n\
  sandbox run --ro / python3 script.py\n\
  sandbox run --ro / --rw . -- make -j2 test\n\
  sandbox run --rootfs debian.tar --copy-in src:/src --copy-out /src/out:out -- make -C /src\n\
  sandbox run --profile ci -- make -j2 test\n\
  seq 100 | sandbox run awk '{ s += $1 } END { print s }'\n\
  sandbox run --stats=run.json --user 65534:65534 -- ./untrusted -x\n";

const char help_check[] = "\
Usage: sandbox check [--json] [-v]\n\
\n\
Says whether this host can run microVMs (/dev/kvm and the right to open it), in which layout the guest\n\
kernel would run, which confinement is available, and how to fix what is missing.\n\
Exit status: 0 when programs can be run, else 125.\n\
\n\
      --json      the findings as one JSON object\n\
  -v, --verbose   say more\n\
  -h, --help      this text\n";

const char help_version[] = "\
Usage: sandbox version\n\
\n\
Shows the version.\n";
