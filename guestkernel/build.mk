# The guest kernel: freestanding, no SSE (user FPU state stays in the registers), linked at -2 GiB + 1 MiB.
KERNEL_CFLAGS = -std=gnu17 -O2 -g $(WARN) -Werror=implicit-function-declaration -Werror=incompatible-pointer-types \
	-I. -Iguestkernel -MMD -MP -ffreestanding -fno-pic -fno-pie -mcmodel=kernel -mno-red-zone -mgeneral-regs-only \
	-fno-stack-protector -fno-asynchronous-unwind-tables -fno-strict-aliasing -fno-common -fcf-protection=none -ffunction-sections -D__GUEST__
KERNEL_SRC := $(wildcard guestkernel/*.c guestkernel/*/*.c guestkernel/arch/*.S)
KERNEL_SRC := $(filter-out guestkernel/vdso/%,$(KERNEL_SRC))
KERNEL_OBJ := $(patsubst %,$(B)/%.o,$(KERNEL_SRC))

$(B)/guestkernel/%.c.o: guestkernel/%.c
	@mkdir -p $(@D)
	$(CC) $(KERNEL_CFLAGS) $(KERNEL_TRACE) -c -o $@ $<
$(B)/guestkernel/%.S.o: guestkernel/%.S
	@mkdir -p $(@D)
	$(CC) $(KERNEL_CFLAGS) -D__ASSEMBLER__ -c -o $@ $<

# The vDSO: a small shared object that the kernel embeds and maps into every program.
$(B)/guestkernel/vdso.so: guestkernel/vdso/vdso.c guestkernel/vdso/vdso.lds
	@mkdir -p $(@D)
	$(CC) -std=gnu17 -O2 $(WARN) -I. -Iguestkernel -fPIC -fno-stack-protector -fcf-protection=none -mno-red-zone -ffreestanding \
	  -nostdlib -shared -Wl,-T,guestkernel/vdso/vdso.lds -Wl,--hash-style=both -Wl,-soname,linux-vdso.so.1 \
	  -Wl,-z,max-page-size=4096 -Wl,--build-id=none -s -o $@ guestkernel/vdso/vdso.c
$(B)/guestkernel/arch/vdso_image.S.o: $(B)/guestkernel/vdso.so
$(B)/guestkernel/arch/vdso_image.S.o: KERNEL_CFLAGS += -DVDSO_FILE='"$(B)/guestkernel/vdso.so"'

$(B)/guestkernel/kernel.elf: $(KERNEL_OBJ) guestkernel/arch/kernel.lds guestkernel/arch/order.lds
	$(CC) -nostdlib -static -no-pie -Wl,-T,guestkernel/arch/kernel.lds -Wl,--build-id=none -Wl,-z,max-page-size=4096 \
	  -Wl,--no-warn-rwx-segments $(KERNEL_LDFLAGS) -o $@ $(KERNEL_OBJ)
$(B)/guestkernel/kernel.bin: $(B)/guestkernel/kernel.elf
	objcopy -O binary $< $@

# docs/abi.md comes from the table of system calls; test_abi compares it, and the handlers that the kernel has, with the table.
$(B)/gen/abidoc: guestkernel/syscall/gen/abidoc.c guestkernel/syscall/table.h
	@mkdir -p $(@D)
	$(CC) $(HOST_CFLAGS) -MF $@.d -o $@ $<
$(B)/gen/abi.md: $(B)/gen/abidoc
	$< > $@
$(B)/gen/handlers.txt: $(B)/guestkernel/kernel.elf
	@mkdir -p $(@D)
	nm $< | sed -n 's/^[0-9a-f]* [Tt] sys_//p' | sort > $@
$(B)/unit/test_abi $(B)/asan/test_abi: $(B)/gen/abi.md $(B)/gen/handlers.txt
$(B)/unit/test_abi $(B)/asan/test_abi: HOST_CFLAGS += -DABI_DOC='"$(B)/gen/abi.md"' -DHANDLERS='"$(B)/gen/handlers.txt"'

kernel-cflags: # for scripts/order.sh
	@echo $(KERNEL_CFLAGS)
order: ## write guestkernel/arch/order.lds: the functions that a start uses, together
	scripts/order.sh
.PHONY: kernel-cflags order

abi-doc: $(B)/gen/abi.md ## write docs/abi.md from the table of system calls
	@mkdir -p docs
	cp $< docs/abi.md
.PHONY: abi-doc
