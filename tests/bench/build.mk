# What `make bench` runs. floor and the guest programs are static, as `sandbox` is.
BENCH_BIN := $(addprefix $(B)/bench/,bench floor bare_syscall micro micro-dynamic waiting big)
BENCH_CFLAGS = -std=gnu17 -O2 -g $(WARN) -D_GNU_SOURCE
$(B)/bench/micro: tests/bench/micro.c
	@mkdir -p $(@D)
	$(MUSL_CC) -static $(BENCH_CFLAGS) -o $@ $<
$(B)/bench/micro-dynamic: tests/bench/micro.c
	@mkdir -p $(@D)
	$(CC) $(BENCH_CFLAGS) -o $@ $<
$(B)/bench/%: tests/bench/%.c
	@mkdir -p $(@D)
	$(CC) -static $(BENCH_CFLAGS) -o $@ $<

bench: ## measure against peers; writes docs/bench.* (BENCH_RUNS=100)
	scripts/deps.sh build bench
	$(MAKE) all $(BENCH_BIN) $(B)/e2e/hello-static
	scripts/bench.sh
.PHONY: bench
