# SPDX-License-Identifier: BSD-3-Clause
# What differs between the variants of the build.

# Some warnings depend on what the optimiser sees; they count in the release build.
TEST_MAIN :=
TEST_LIBS := -lcriterion

ifeq ($(VARIANT),release)
  VARIANT_CFLAGS := -O2 -g
  VARIANT_HOT_CFLAGS := -O3
else ifeq ($(VARIANT),asan)
  VARIANT_CFLAGS := -O1 -g -fno-omit-frame-pointer -fsanitize=address -Wno-error
  VARIANT_LDFLAGS := -fsanitize=address
else ifeq ($(VARIANT),ubsan)
  VARIANT_CFLAGS := -O1 -g -fsanitize=undefined -fno-sanitize-recover=undefined -Wno-error
  VARIANT_LDFLAGS := -fsanitize=undefined
else ifeq ($(VARIANT),tsan)
  # mk/tsan stands in for Criterion, whose sandbox does not start under this sanitizer.
  # DPDK writes its rings with C11 atomics then, which the sanitizer can see.
  VARIANT_CFLAGS := -O1 -g -fsanitize=thread -Imk/tsan -DRTE_USE_C11_MEM_MODEL -Wno-error
  VARIANT_LDFLAGS := -fsanitize=thread
  TEST_MAIN := mk/tsan/main.c
  TEST_LIBS :=
else ifeq ($(VARIANT),fuzz)
  CC := clang
  # Counters of edges without the tracing of compares, which took up to two thirds of the time:
  # the checks of the sanitizers are compares, too, those for pointers above all.
  VARIANT_CFLAGS := -O2 -g -fno-omit-frame-pointer -fsanitize=address,undefined \
	-fno-sanitize=pointer-overflow -fno-sanitize-recover=undefined \
	-fsanitize-coverage=inline-8bit-counters,pc-table -Wno-error -Wno-unknown-warning-option
  VARIANT_LDFLAGS := -fsanitize=address,undefined
else
  $(error VARIANT=$(VARIANT): must be release, asan, ubsan, tsan or fuzz)
endif
