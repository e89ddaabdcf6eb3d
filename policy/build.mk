# Seccomp filters are compiled at build time: policy/gen/ (links libseccomp) writes BPF arrays into a C file.
POLICY_FILTERS := $(B)/gen/policy_filters.h

$(B)/gen/policygen: policy/gen/policygen.c policy/seccomp_table.h
	@mkdir -p $(@D)
	$(CC) $(HOST_CFLAGS) -MF $@.d -o $@ $< -lseccomp
$(POLICY_FILTERS): $(B)/gen/policygen
	$< --header > $@
$(B)/gen/policy.md: $(B)/gen/policygen
	$< --markdown > $@

$(patsubst %.c,$(B)/%.o,$(wildcard policy/*.c)): $(POLICY_FILTERS)
$(foreach f,unit asan,$(patsubst %.c,$(B)/$(f)-obj/%.c.o,$(wildcard policy/*.c))): $(POLICY_FILTERS)
$(B)/unit/test_files_server $(B)/asan/test_files_server $(B)/unit/test_policy $(B)/asan/test_policy: $(POLICY_FILTERS) $(B)/gen/policy.md
$(B)/unit/test_policy $(B)/asan/test_policy: HOST_CFLAGS += -DPOLICY_DOC='"$(B)/gen/policy.md"'

policy-doc: $(B)/gen/policy.md ## write docs/policy.md from the seccomp tables
	@mkdir -p docs
	cp $< docs/policy.md
.PHONY: policy-doc
