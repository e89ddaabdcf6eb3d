# Unit tests (cmocka, on the host), fuzz targets, guest programs, end-to-end tests.
UNIT_SRC := $(wildcard tests/unit/test_*.c)
UNIT_BIN := $(patsubst tests/unit/%.c,$(B)/unit/%,$(UNIT_SRC))
ASAN_BIN := $(patsubst tests/unit/%.c,$(B)/asan/%,$(UNIT_SRC))
FUZZ_SRC := $(wildcard tests/fuzz/fuzz_*.c)
FUZZ_BIN := $(patsubst tests/fuzz/%.c,$(B)/fuzz/%,$(FUZZ_SRC))
sources_of = $(shell sed -n 's/.*sources: *//p' $(1) | head -n 1)
flags_of = $(shell sed -n 's/.*flags: *//p' $(1) | head -n 1)

.SECONDEXPANSION:
$(B)/unit/%: tests/unit/%.c $$(call sources_of,tests/unit/%.c)
	@mkdir -p $(@D)
	$(CC) $(HOST_CFLAGS) -Iguestkernel -UNDEBUG $(call flags_of,$<) -MF $@.d -o $@ $< $(call sources_of,$<) -lcmocka
$(B)/asan/%: tests/unit/%.c $$(call sources_of,tests/unit/%.c)
	@mkdir -p $(@D)
	$(CC) $(filter-out -D_FORTIFY_SOURCE=2,$(HOST_CFLAGS)) -Iguestkernel -UNDEBUG -fsanitize=address,undefined -fno-sanitize-recover=all \
	  $(call flags_of,$<) -MF $@.d -o $@ $< $(call sources_of,$<) -lcmocka
$(B)/fuzz/%: tests/fuzz/%.c $$(call sources_of,tests/fuzz/%.c)
	@mkdir -p $(@D)
	$(CLANG) -std=gnu17 -O1 -g -D_GNU_SOURCE -I. -Iguestkernel -fsanitize=fuzzer,address,undefined -fno-sanitize-recover=all \
	  $(call flags_of,$<) -o $@ $< $(call sources_of,$<)

unit: $(UNIT_BIN) ## unit tests
	@set -e; for t in $(UNIT_BIN); do echo "== $$t"; timeout 120 $$t; done
asan: $(ASAN_BIN) ## unit tests under AddressSanitizer and UBSan
	@set -e; for t in $(ASAN_BIN); do echo "== $$t"; timeout 300 $$t; done
fuzz: $(FUZZ_BIN) ## each fuzz target for T seconds (T=60)
	@set -e; for t in $(FUZZ_BIN); do n=$$(basename $$t); mkdir -p $(B)/fuzz/corpus/$$n; echo "== $$n"; \
	  $$t -max_total_time=$(T) -timeout=10 -rss_limit_mb=2048 -print_final_stats=0 -verbosity=0 $(B)/fuzz/corpus/$$n tests/fuzz/corpus/$$n; done
.PHONY: unit asan fuzz
