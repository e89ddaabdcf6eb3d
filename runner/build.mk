# The one executable: VMM, command line, kernel image and initramfs.
#
# Linked with musl: its start takes 0.3 ms less than glibc's, which asks the CPU for its features and caches dozens of
# times, and in a virtual machine each CPUID is an exit.
RUNNER_CFLAGS = $(HOST_CFLAGS) -fPIE -I$(B)/gen -idirafter $(B)/uapi
# What `-static-pie` does, which musl-gcc does not know.
MUSL_LIB ?= /usr/lib/x86_64-linux-musl
STATIC_PIE = -nostartfiles -static -Wl,-pie,--no-dynamic-linker,-z,text $(MUSL_LIB)/rcrt1.o $(MUSL_LIB)/crti.o
LIBRARIES := $(foreach l,yaml cap z lzma lz4 zstd,$(shell $(CC) -print-file-name=lib$(l).a))
RUNNER_SRC := $(wildcard runner/*.c policy/*.c)
RUNNER_OBJ := $(patsubst %.c,$(B)/%.o,$(RUNNER_SRC)) $(B)/runner/images.o \
	$(B)/runner/builtin_profiles.o
# The headers that are not the C library's, for a compiler that looks nowhere else.
$(B)/uapi: runner/build.mk
	@mkdir -p $@/sys
	ln -sfn /usr/include/linux /usr/include/asm-generic /usr/include/yaml.h $@
	ln -sfn /usr/include/zlib.h /usr/include/zconf.h /usr/include/lzma.h /usr/include/lzma /usr/include/lz4.h /usr/include/zstd.h $@
	ln -sfn $(or $(wildcard /usr/include/$(shell $(CC) -print-multiarch)/asm),/usr/include/asm) $@/asm
	ln -sfn /usr/include/sys/capability.h $@/sys
	@touch $@
$(RUNNER_OBJ): runner/build.mk | $(B)/uapi
$(B)/runner/%.o: runner/%.c
	@mkdir -p $(@D)
	$(MUSL_CC) $(RUNNER_CFLAGS) -DSANDBOX_VERSION='"$(VERSION)"' \
	  -DPROFILES_DIR='"$(PREFIX)/share/sandbox/profiles"' -c -o $@ $<
$(B)/policy/%.o: policy/%.c
	@mkdir -p $(@D)
	$(MUSL_CC) $(RUNNER_CFLAGS) -c -o $@ $<
$(B)/runner/images.o: runner/images.S $(B)/guestkernel/kernel.bin $(B)/initramfs.cpio
	@mkdir -p $(@D)
	$(CC) -DKERNEL_FILE='"$(B)/guestkernel/kernel.bin"' -DINITRAMFS_FILE='"$(B)/initramfs.cpio"' -c -o $@ $<
PROFILES := $(wildcard policy/profiles/*.yaml)
$(B)/runner/builtin_profiles.o $(foreach f,unit asan fuzz,$(B)/$(f)-obj/runner/builtin_profiles.S.o): $(PROFILES)
$(B)/runner/builtin_profiles.o: runner/builtin_profiles.S
	@mkdir -p $(@D)
	$(CC) -c -o $@ $<
$(B)/sandbox: $(RUNNER_OBJ)
	$(MUSL_CC) $(STATIC_PIE) -Wl,-z,relro,-z,now,-z,noexecstack -o $@ $(RUNNER_OBJ) $(LIBRARIES) $(MUSL_LIB)/crtn.o
$(B)/sandbox.1: docs/sandbox.1
	@mkdir -p $(@D)
	cp $< $@
