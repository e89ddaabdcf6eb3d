# Targets that drive scripts/. A recipe that installs packages calls make again: what it builds with may be new.
check: ## install what is missing, build, all tests
	scripts/check.sh
check-svm: ## end-to-end and guest-semantics tests on ordinary KVM (QEMU with nested SVM)
	scripts/deps.sh build check svm
	$(MAKE) all test-programs
	scripts/check-svm.sh all
check-svm-programs: ## 16 vCPUs and parts of the program suites on ordinary KVM (SUITES="node stress/4:ipc" selects); an hour or two
	scripts/deps.sh build check programs svm
	$(MAKE) all $(B)/e2e/hello-static $(B)/guest/threads $(B)/guest/stress_threads $(B)/guest/stress_signals
	scripts/svm-programs.sh $(SUITES)
programs: ## test suites of Debian programs, on the host and inside (SUITES="cpython busybox:tar" selects); an hour
	scripts/deps.sh build programs
	$(MAKE) all
	scripts/programs.sh $(SUITES)
demo: ## install what is missing, build, run programs in microVMs
	scripts/deps.sh build
	$(MAKE) all $(B)/e2e/kvm_probe
	scripts/kvm.sh build/sandbox scripts/demo.sh -- scripts/demo.sh

lint: ## formatting, clang-tidy, shellcheck, layer rules
	scripts/deps.sh build lint
	$(MAKE) -s $(POLICY_FILTERS)
	scripts/lint.sh
format: ## rewrite the sources as .clang-format says
	scripts/deps.sh lint
	git ls-files '*.c' '*.h' | xargs clang-format -i

# Unit tests once more, with counters; gcovr prints the table.
COV_BIN := $(patsubst tests/unit/%.c,$(B)/cov/%,$(UNIT_SRC))
$(B)/cov/%: tests/unit/%.c $$(call sources_of,tests/unit/%.c)
	@mkdir -p $(@D)
	$(CC) -std=gnu17 -O0 -g --coverage -D_GNU_SOURCE -I. -iquote guestkernel -I$(B)/gen $(call flags_of,$<) -o $@ $< $(call sources_of,$<) $(call libs_of,$<) -lcmocka
cov: ## line coverage of the unit tests
	scripts/deps.sh build check cov
	$(MAKE) $(COV_BIN)
	@for t in $(COV_BIN); do timeout 120 $$t >/dev/null 2>&1 || echo "failed: $$t"; done
	gcovr --root . --exclude tests/ $(B)/cov

debug: ## build/debug/sandbox: not optimized
	$(MAKE) B=$(B)/debug HOST_CFLAGS='$(subst -D_FORTIFY_SOURCE=2,,$(subst -O2,-Og,$(HOST_CFLAGS)))' KERNEL_CFLAGS='$(subst -O2,-Og,$(KERNEL_CFLAGS))' all
gdb: debug ## the runner under gdb with the guest kernel's symbols (ARGS="run ./program")
	scripts/deps.sh dev
	gdb -ex 'add-symbol-file $(B)/debug/guestkernel/kernel.elf' --args $(B)/debug/sandbox $(ARGS)
tags: ## index of names for editors
	scripts/deps.sh dev
	ctags -R --languages=C,Asm,Sh,Make --exclude=build .
.PHONY: check check-svm check-svm-programs programs demo lint format cov debug gdb tags
