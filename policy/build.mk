# Seccomp filters are compiled at build time: policy/gen/ (links libseccomp) writes BPF arrays into a C file.
