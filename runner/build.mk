# The one executable: VMM, command line, kernel image and initramfs.
RUNNER_SRC := $(wildcard runner/*.c policy/*.c)
RUNNER_OBJ := $(patsubst %.c,$(B)/%.o,$(RUNNER_SRC)) $(B)/runner/images.o \
	$(B)/runner/builtin_profiles.o
$(B)/runner/%.o: runner/%.c
	@mkdir -p $(@D)
	$(CC) $(HOST_CFLAGS) -fPIE -I$(B)/gen -DSANDBOX_VERSION='"$(VERSION)"' \
	  -DPROFILES_DIR='"$(PREFIX)/share/sandbox/profiles"' -c -o $@ $<
$(B)/policy/%.o: policy/%.c
	@mkdir -p $(@D)
	$(CC) $(HOST_CFLAGS) -fPIE -I$(B)/gen -c -o $@ $<
$(B)/runner/images.o: runner/images.S $(B)/guestkernel/kernel.bin $(B)/initramfs.cpio
	@mkdir -p $(@D)
	$(CC) -DKERNEL_FILE='"$(B)/guestkernel/kernel.bin"' -DINITRAMFS_FILE='"$(B)/initramfs.cpio"' -c -o $@ $<
PROFILES := $(wildcard policy/profiles/*.yaml)
$(B)/runner/builtin_profiles.o $(foreach f,unit asan fuzz,$(B)/$(f)-obj/runner/builtin_profiles.S.o): $(PROFILES)
$(B)/runner/builtin_profiles.o: runner/builtin_profiles.S
	@mkdir -p $(@D)
	$(CC) -c -o $@ $<
$(B)/sandbox: $(RUNNER_OBJ)
	$(CC) -static-pie -Wl,-z,relro,-z,now -Wl,-z,noexecstack -o $@ $(RUNNER_OBJ) -lyaml -lcap
$(B)/sandbox.1: docs/sandbox.1
	@mkdir -p $(@D)
	cp $< $@
