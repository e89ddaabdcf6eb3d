# What `make bench` runs. floor and the guest programs are static, as `sandbox` is.
BENCH_BIN := $(addprefix $(B)/bench/,bench floor bare_syscall micro micro-dynamic waiting big)
BENCH_CFLAGS = -std=gnu17 -O2 -g $(WARN) -D_GNU_SOURCE
MICRO_SRC := $(addprefix tests/bench/,micro.c micro_files.c micro_sockets.c)
$(B)/bench/micro: $(MICRO_SRC) tests/bench/micro.h
	@mkdir -p $(@D)
	$(MUSL_CC) -static $(BENCH_CFLAGS) -o $@ $(MICRO_SRC)
$(B)/bench/micro-dynamic: $(MICRO_SRC) tests/bench/micro.h
	@mkdir -p $(@D)
	$(CC) $(BENCH_CFLAGS) -o $@ $(MICRO_SRC)
$(B)/bench/%: tests/bench/%.c
	@mkdir -p $(@D)
	$(CC) -static $(BENCH_CFLAGS) -o $@ $<

bench: ## measure against peers; writes docs/bench.* (GROUPS=files,sockets selects, BENCH_RUNS=100)
	scripts/deps.sh build bench
	$(MAKE) all $(BENCH_BIN) $(B)/e2e/hello-static $(B)/e2e/hellocpp
	scripts/bench.sh $(GROUPS)
.PHONY: bench
