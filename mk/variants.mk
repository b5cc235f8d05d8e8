# SPDX-License-Identifier: BSD-3-Clause
# What differs between the variants of the build.

ifeq ($(VARIANT),release)
  VARIANT_CFLAGS := -O2 -g
else ifeq ($(VARIANT),asan)
  VARIANT_CFLAGS := -O1 -g -fno-omit-frame-pointer -fsanitize=address
  VARIANT_LDFLAGS := -fsanitize=address
else ifeq ($(VARIANT),ubsan)
  VARIANT_CFLAGS := -O1 -g -fsanitize=undefined -fno-sanitize-recover=undefined
  VARIANT_LDFLAGS := -fsanitize=undefined
else ifeq ($(VARIANT),tsan)
  VARIANT_CFLAGS := -O1 -g -fsanitize=thread
  VARIANT_LDFLAGS := -fsanitize=thread
else ifeq ($(VARIANT),fuzz)
  CC := clang
  VARIANT_CFLAGS := -O1 -g -fno-omit-frame-pointer -fsanitize=fuzzer-no-link,address,undefined \
	-fno-sanitize-recover=undefined -Wno-error -Wno-unknown-warning-option
  VARIANT_LDFLAGS := -fsanitize=address,undefined
else
  $(error VARIANT=$(VARIANT): must be release, asan, ubsan, tsan or fuzz)
endif
