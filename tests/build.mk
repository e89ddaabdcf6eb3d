# Unit tests (cmocka, on the host), fuzz targets, guest programs, end-to-end tests.
UNIT_SRC := $(wildcard tests/unit/test_*.c)
UNIT_BIN := $(patsubst tests/unit/%.c,$(B)/unit/%,$(UNIT_SRC))
ASAN_BIN := $(patsubst tests/unit/%.c,$(B)/asan/%,$(UNIT_SRC))
FUZZ_SRC := $(wildcard tests/fuzz/fuzz_*.c)
FUZZ_BIN := $(patsubst tests/fuzz/%.c,$(B)/fuzz/%,$(FUZZ_SRC))
# The list goes on over the next lines while they hold nothing but names of sources.
named_in = $(shell awk '/sources: / && !on { sub(/.*sources: */, ""); on = 1 } \
	on { sub(/^ \* */, ""); if ($$0 !~ /^([^ ]+\.[cS] *)+$$/) exit; printf "%s ", $$0 }' $(1))
sources_of = $(foreach s,$(call named_in,$(1)),$(if $(findstring *,$(s)),$(wildcard $(s)),$(s)))
libs_of = $(shell sed -n 's/.*libs: *//p' $(1) | head -n 1)
flags_of = $(shell sed -n 's/.*flags: *//p' $(1) | head -n 1)

# What a test links: objects that all tests of a flavour share, or the sources themselves when it compiles them its own way.
inputs_of = $(if $(findstring -D,$(call flags_of,$(1))),$(call sources_of,$(1)),$(patsubst %,$(B)/$(2)-obj/%.o,$(call sources_of,$(1))))
UNIT_CC = $(CC) $(HOST_CFLAGS) -I$(B)/gen -UNDEBUG
ASAN_CC = $(CC) $(filter-out -D_FORTIFY_SOURCE=2,$(HOST_CFLAGS)) -I$(B)/gen -UNDEBUG -fsanitize=address,undefined -fno-sanitize-recover=all
FUZZ_CC = $(CLANG) -std=gnu17 -O1 -g -D_GNU_SOURCE -I. -MMD -MP -fsanitize=fuzzer,address,undefined -fno-sanitize-recover=all

$(B)/unit-obj/%.o: %
	@mkdir -p $(@D)
	$(UNIT_CC) -c -o $@ $<
$(B)/asan-obj/%.o: %
	@mkdir -p $(@D)
	$(ASAN_CC) -c -o $@ $<
$(B)/fuzz-obj/%.o: %
	@mkdir -p $(@D)
	$(FUZZ_CC) -c -o $@ $<

.SECONDARY:
.SECONDEXPANSION:
$(B)/unit/%: tests/unit/%.c $$(call inputs_of,tests/unit/%.c,unit)
	@mkdir -p $(@D)
	$(UNIT_CC) $(call flags_of,$<) -MF $@.d -o $@ $< $(call inputs_of,$<,unit) $(call libs_of,$<) -lcmocka
$(B)/asan/%: tests/unit/%.c $$(call inputs_of,tests/unit/%.c,asan)
	@mkdir -p $(@D)
	$(ASAN_CC) $(call flags_of,$<) -MF $@.d -o $@ $< $(call inputs_of,$<,asan) $(call libs_of,$<) -lcmocka
$(B)/fuzz/%: tests/fuzz/%.c $$(call inputs_of,tests/fuzz/%.c,fuzz)
	@mkdir -p $(@D)
	$(FUZZ_CC) $(call flags_of,$<) -MF $@.d -o $@ $< $(call inputs_of,$<,fuzz) $(call libs_of,$<)

unit: $(UNIT_BIN) ## unit tests
	@set -e; for t in $(UNIT_BIN); do echo "== $$t"; timeout 120 $$t; done
asan: $(ASAN_BIN) ## unit tests under AddressSanitizer and UBSan
	@set -e; for t in $(ASAN_BIN); do echo "== $$t"; timeout 300 $$t; done
fuzz: $(FUZZ_BIN) ## each fuzz target for T seconds (T=60)
	@set -e; for t in $(FUZZ_BIN); do n=$$(basename $$t); mkdir -p $(B)/fuzz/corpus/$$n; echo "== $$n"; \
	  $$t -max_total_time=$(T) -timeout=10 -rss_limit_mb=2048 -print_final_stats=0 -verbosity=0 $(B)/fuzz/corpus/$$n tests/fuzz/corpus/$$n; done
.PHONY: unit asan fuzz

# Helper programs of the end-to-end tests: static by musl, `hello` in every way of linking.
E2E_C := $(filter-out hello,$(patsubst tests/e2e/prog/%.c,%,$(wildcard tests/e2e/prog/*.c)))
E2E_HELLO := static dynamic static-pie no-pie musl-static musl-dynamic
E2E_BIN := $(addprefix $(B)/e2e/,$(E2E_C) $(addprefix hello-,$(E2E_HELLO)) hellocpp hellocpp-static)
E2E_CFLAGS = -std=gnu17 -O1 -g $(WARN) -D_GNU_SOURCE
$(B)/e2e/hello-static: E2E_LINK = $(CC) -static
$(B)/e2e/hello-dynamic: E2E_LINK = $(CC) -pie -fPIE
$(B)/e2e/hello-static-pie: E2E_LINK = $(CC) -static-pie -fPIE
$(B)/e2e/hello-no-pie: E2E_LINK = $(CC) -no-pie
$(B)/e2e/hello-musl-static: E2E_LINK = $(MUSL_CC) -static
$(B)/e2e/hello-musl-dynamic: E2E_LINK = $(MUSL_CC)
$(B)/e2e/hello-%: tests/e2e/prog/hello.c
	@mkdir -p $(@D)
	$(E2E_LINK) $(E2E_CFLAGS) -o $@ $<
$(B)/e2e/hellocpp: tests/e2e/prog/hellocpp.cc
	@mkdir -p $(@D)
	$(CXX) -O1 -Wall -o $@ $<
$(B)/e2e/hellocpp-static: tests/e2e/prog/hellocpp.cc
	@mkdir -p $(@D)
	$(CXX) -O1 -Wall -static -o $@ $<
$(B)/e2e/kvm_probe: tests/e2e/prog/kvm_probe.c
	@mkdir -p $(@D)
	$(CC) -static $(E2E_CFLAGS) -o $@ $<
$(B)/e2e/abi: guestkernel/syscall/table.h
$(B)/e2e/%: tests/e2e/prog/%.c
	@mkdir -p $(@D)
	$(MUSL_CC) -static $(E2E_CFLAGS) -o $@ $<

e2e: $(B)/sandbox $(E2E_BIN) ## end-to-end tests on /dev/kvm (THEME="basic stdio" selects)
	tests/e2e/run.sh $(THEME)
.PHONY: e2e

# Guest-semantics programs: static, each also run natively.
GUEST_SRC := $(wildcard tests/guest/*.c)
GUEST_BIN := $(patsubst tests/guest/%.c,$(B)/guest/%,$(GUEST_SRC))
$(B)/guest/%: tests/guest/%.c $(wildcard tests/guest/*.h)
	@mkdir -p $(@D)
	$(CC) -std=gnu17 -O1 -g -Wall -Wextra -Wno-unused-parameter -D_GNU_SOURCE -static $(call flags_of,$<) -o $@ $< -lm

conformance: $(B)/sandbox $(GUEST_BIN) ## guest-semantics programs in the sandbox and natively; writes docs/conformance.md
	scripts/conformance.sh
.PHONY: conformance

stress: $(B)/sandbox $(GUEST_BIN) ## T seconds of load with 1, 4 and 16 vCPUs (T=60, CPUS="4")
	scripts/deps.sh stress
	tests/stress/run.sh $(T)
.PHONY: stress

test-programs: $(UNIT_BIN) $(E2E_BIN) $(GUEST_BIN)
.PHONY: test-programs
