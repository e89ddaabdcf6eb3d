# The agent (static, musl) and the cpio archive that holds it and the base tree.
# Few and dense pages: each one that the agent touches is a page fault of the guest before the program starts.
AGENT_CFLAGS = -std=gnu17 -Os -g $(WARN) -I. -MMD -MP -D_GNU_SOURCE -ffreestanding -fno-pic -fno-pie -fno-stack-protector \
	-fno-asynchronous-unwind-tables -fcf-protection=none -ffunction-sections -fdata-sections
AGENT_LDFLAGS = -static -no-pie -s -Wl,--gc-sections -Wl,-z,noseparate-code -Wl,-z,norelro -Wl,-z,noexecstack \
	-Wl,--build-id=none -Wl,-z,max-page-size=4096
AGENT_SRC := $(filter-out initramfs/mkcpio.c,$(wildcard initramfs/*.c))
AGENT_OBJ := $(patsubst %.c,$(B)/%.o,$(AGENT_SRC))

$(B)/initramfs/%.o: initramfs/%.c
	@mkdir -p $(@D)
	$(MUSL_CC) $(AGENT_CFLAGS) -c -o $@ $<
$(B)/agent: $(AGENT_OBJ)
	$(MUSL_CC) $(AGENT_LDFLAGS) -o $@ $(AGENT_OBJ)
$(B)/mkcpio: initramfs/mkcpio.c
	@mkdir -p $(@D)
	$(CC) $(HOST_CFLAGS) -o $@ $<
$(B)/initramfs.cpio: $(B)/mkcpio initramfs/tree $(wildcard initramfs/etc/*) $(B)/agent
	$(B)/mkcpio $(B) initramfs/tree $@
# The tests of the agent run it.
$(B)/unit/test_agent $(B)/asan/test_agent $(B)/unit/test_agent_init $(B)/asan/test_agent_init: | $(B)/agent $(B)/initramfs.cpio
