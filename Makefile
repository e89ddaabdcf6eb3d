# SPDX-License-Identifier: Apache-2.0
# `make help` lists the targets. Sources are found by directory; a test names the sources it links in a line
# `sources: a.c b.c` (paths from the top) of its first comment.

B ?= build
PREFIX ?= /usr/local
CC = gcc
CLANG ?= clang
MUSL_CC ?= musl-gcc
T ?= 60

WARN = -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wundef -Wvla -Wno-unused-parameter
HOST_CFLAGS = -std=gnu17 -O2 -g $(WARN) -I. -MMD -MP -fstack-protector-strong -D_FORTIFY_SOURCE=2 -D_GNU_SOURCE
VERSION := $(shell cat VERSION)

.DEFAULT_GOAL := all
.DELETE_ON_ERROR:
all: $(B)/sandbox $(B)/sandbox.1

include guestkernel/build.mk
include initramfs/build.mk
include policy/build.mk
include runner/build.mk
include tests/build.mk
include tests/bench/build.mk
include scripts/build.mk

install: all
	install -D -m 755 $(B)/sandbox $(DESTDIR)$(PREFIX)/bin/sandbox
	install -D -m 644 $(B)/sandbox.1 $(DESTDIR)$(PREFIX)/share/man/man1/sandbox.1
	install -D -m 644 -t $(DESTDIR)$(PREFIX)/share/sandbox/profiles $(PROFILES)

clean:
	rm -rf $(B)

help: ## this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | sort | expand -t 16

.PHONY: all install clean help
-include $(shell find $(B) -path $(B)/programs -prune -o -type f -name '*.d' -print 2>/dev/null)
