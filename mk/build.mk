# SPDX-License-Identifier: BSD-3-Clause
# The build itself: components as lists of folders, one object rule, one link
# rule for each kind of program. Entered through the Makefile, which has called
# deploy/setup. Everything lands in build/VARIANT/.

VARIANT ?= release
VERSION := 0.1.0
B := build/$(VARIANT)
Q := $(if $(V),,@)

.SUFFIXES:
.SECONDARY:
.DELETE_ON_ERROR:
.DEFAULT_GOAL := all

include mk/variants.mk
include mk/components.mk

# --- flags ------------------------------------------------------------------
# What pkg-config says comes first, ours after it: libdpdk brings a -march.
pkg_cflags = $(shell pkg-config --cflags $(1))
pkg_libs = $(shell pkg-config --libs $(1))

WARN := -Wall -Wextra -Wshadow -Werror
CPPFLAGS_OWN := -I. -D_GNU_SOURCE -DTANDEM_VERSION='"$(VERSION)"'
CFLAGS_OWN := -std=gnu17 $(WARN) $(VARIANT_CFLAGS)

DPDK_CFLAGS := $(call pkg_cflags,libdpdk)
CP_CFLAGS := $(call pkg_cflags,libuv sqlite3 jansson libcrypto libssl yaml-0.1 libsystemd libcap)
SIP_CFLAGS := $(call pkg_cflags,libcrypto libuv libcares)

# The ring of the segment is inline code of DPDK's headers, so its users need
# the headers, and none of the libraries.
cflags_of = $(if $(filter dataplane/api/% dataplane/client/%,$(1)),$(DPDK_CFLAGS),\
	$(if $(filter dataplane/% pktgen_tests/%,$(1)),$(DPDK_CFLAGS) -DALLOW_EXPERIMENTAL_API,\
	$(if $(filter controlplane/%,$(1)),$(DPDK_CFLAGS) $(CP_CFLAGS),$(SIP_CFLAGS))))
# The packet path is worth more of the compiler's time: 4 of 130 cycles a packet.
hot_cflags = $(if $(filter dataplane/nodes/%,$(1)),$(VARIANT_HOT_CFLAGS))
compile_flags = $(call cflags_of,$(1)) $(CPPFLAGS_OWN) $(CFLAGS_OWN) $(call hot_cflags,$(1))

SIP_LIBS := $(call pkg_libs,libcrypto libssl libuv libcares) -lresolv
CONFIG_LIBS := $(call pkg_libs,yaml-0.1)
DP_LIBS := $(call pkg_libs,libdpdk liburcu-qsbr libmnl) $(CONFIG_LIBS)
CP_LIBS := $(call pkg_libs,sqlite3 jansson liburcu-memb liburcu-cds libsystemd libcap) \
	$(SIP_LIBS) $(CONFIG_LIBS)
CLI_LIBS := $(call pkg_libs,libedit jansson) $(CONFIG_LIBS)
COMMON_LIBS := -lpthread -lm -ldl

LDFLAGS_OWN := $(VARIANT_LDFLAGS) -Wl,--as-needed
group = -Wl,--start-group $(1) -Wl,--end-group

# --- objects and archives -----------------------------------------------------
objs = $(patsubst %.c,$(B)/obj/%.o,$(1))

$(B)/obj/%.o: %.c mk/build.mk mk/variants.mk
	@mkdir -p $(@D)
	$(if $(V),,@echo '  CC    $<')
	$(Q)$(CC) $(call compile_flags,$<) -MMD -MP -c -o $@ $<

LIB_SIP := $(B)/lib/libsip.a
LIB_CONFIG := $(B)/lib/libconfig.a
LIB_DPCLIENT := $(B)/lib/libdpclient.a
LIB_DATAPLANE := $(B)/lib/libdataplane.a
LIB_CONTROLPLANE := $(B)/lib/libcontrolplane.a
LIB_CLI := $(B)/lib/libcli.a
LIB_RTPGEN := $(B)/lib/librtpgen.a

$(LIB_SIP): $(call objs,$(SIP_SRCS))
$(LIB_CONFIG): $(call objs,$(CONFIG_SRCS))
$(LIB_DPCLIENT): $(call objs,$(DPCLIENT_SRCS))
$(LIB_DATAPLANE): $(call objs,$(DATAPLANE_SRCS))
$(LIB_CONTROLPLANE): $(call objs,$(CONTROLPLANE_SRCS))
$(LIB_CLI): $(call objs,$(CLI_SRCS))
$(LIB_RTPGEN): $(call objs,$(RTPGEN_SRCS))

# An archive is also rebuilt when the list of its members has changed.
$(B)/lib/%.a: $(B)/lib/%.list
	@mkdir -p $(@D)
	@rm -f $@
	$(if $(V),,@echo '  AR    $@')
	$(Q)$(AR) rcsD $@ $(filter %.o,$^)

$(B)/lib/%.list: FORCE
	@mkdir -p $(@D)
	@echo '$($*_SRCS_OF)' | cmp -s - $@ || echo '$($*_SRCS_OF)' > $@

libsip_SRCS_OF = $(SIP_SRCS)
libconfig_SRCS_OF = $(CONFIG_SRCS)
libdpclient_SRCS_OF = $(DPCLIENT_SRCS)
libdataplane_SRCS_OF = $(DATAPLANE_SRCS)
libcontrolplane_SRCS_OF = $(CONTROLPLANE_SRCS)
libcli_SRCS_OF = $(CLI_SRCS)
librtpgen_SRCS_OF = $(RTPGEN_SRCS)

# --- programs -----------------------------------------------------------------
# A program whose main.c is not there (yet) is not built.
PROGRAMS := $(if $(wildcard $(DATAPLANE_MAIN)),tandem-dataplane) \
	$(if $(wildcard $(CONTROLPLANE_MAIN)),tandem-controlplane) \
	$(if $(wildcard $(CLI_MAIN)),tandemctl)
# What tests and benchmarks need, and no installation.
TEST_PROGRAMS := $(if $(wildcard $(RTPGEN_MAIN)),rtpgen)

define link
	@mkdir -p $(@D)
	$(if $(V),,@echo '  LINK  $@')
	$(Q)$(CC) $(LDFLAGS_OWN) -o $@ $(1) $(COMMON_LIBS)
endef

# Graph nodes register themselves in constructors, so the dataplane is linked
# from its objects: an archive would leave them out.
$(B)/bin/tandem-dataplane: $(call objs,$(DATAPLANE_MAIN) $(DATAPLANE_SRCS)) $(LIB_CONFIG) $(LIB_SIP) $(LIB_DPCLIENT)
	$(call link,$(filter %.o,$^) $(call group,$(LIB_CONFIG) $(LIB_SIP) $(LIB_DPCLIENT)) $(DP_LIBS) $(SIP_LIBS))

$(B)/bin/tandem-controlplane: $(call objs,$(CONTROLPLANE_MAIN)) $(LIB_CONTROLPLANE) $(LIB_SIP) $(LIB_CONFIG) $(LIB_DPCLIENT)
	$(call link,$(filter %.o,$^) $(call group,$(filter %.a,$^)) $(CP_LIBS))

$(B)/bin/tandemctl: $(call objs,$(CLI_MAIN)) $(LIB_CLI) $(LIB_CONFIG) $(LIB_SIP) $(LIB_DPCLIENT)
	$(call link,$(filter %.o,$^) $(call group,$(filter %.a,$^)) $(CLI_LIBS) $(SIP_LIBS))

$(B)/bin/rtpgen: $(call objs,$(RTPGEN_MAIN)) $(LIB_RTPGEN) $(LIB_DPCLIENT) $(LIB_SIP)
	$(call link,$(filter %.o,$^) $(call group,$(filter %.a,$^)) $(call pkg_libs,libdpdk))

# --- unit tests -----------------------------------------------------------------
# folder/tests/*.c is one Criterion program, build/VARIANT/tests/<folder-with-dashes>.
ALL_LIBS := $(DP_LIBS) $(CP_LIBS) $(CLI_LIBS)
test_name = $(subst /,-,$(1))
TEST_BINS := $(foreach d,$(TEST_DIRS),$(B)/tests/$(call test_name,$(d)))

sip_test_deps = $(LIB_SIP)
sip_test_libs = $(SIP_LIBS)
config_test_deps = $(LIB_CONFIG) $(LIB_SIP)
config_test_libs = $(CONFIG_LIBS) $(SIP_LIBS)
dpclient_test_deps = $(LIB_DPCLIENT) $(LIB_DATAPLANE) $(LIB_CONFIG) $(LIB_SIP)
dpclient_test_libs = $(DP_LIBS) $(SIP_LIBS)
dataplane_test_deps = $(call objs,$(DATAPLANE_SRCS)) $(LIB_DPCLIENT) $(LIB_CONFIG) $(LIB_SIP)
dataplane_test_libs = $(DP_LIBS) $(SIP_LIBS)
rtpgen_test_deps = $(LIB_RTPGEN) $(LIB_DPCLIENT) $(LIB_SIP)
rtpgen_test_libs = $(call pkg_libs,libdpdk)
controlplane_test_deps = $(LIB_CONTROLPLANE) $(LIB_CLI) $(LIB_DPCLIENT) $(LIB_CONFIG) $(LIB_SIP)
controlplane_test_libs = $(CP_LIBS) $(CLI_LIBS)

test_kind = $(if $(filter sip/%,$(1)),sip,$(if $(filter config config/%,$(1)),config,\
$(if $(filter dataplane/client dataplane/api,$(1)),dpclient,$(if $(filter dataplane/%,$(1)),dataplane,$(if $(filter pktgen_tests/rtpgen,$(1)),rtpgen,controlplane)))))

define test_rule
$(B)/tests/$(call test_name,$(1)): $(call objs,$(call test_srcs,$(1)) $(TEST_MAIN)) $$($(strip $(call test_kind,$(1)))_test_deps)
	$$(call link,$$(filter %.o,$$^) $$(call group,$$(filter %.a,$$^)) \
		$$($(strip $(call test_kind,$(1)))_test_libs) $(TEST_LIBS))
endef
$(foreach d,$(TEST_DIRS),$(eval $(call test_rule,$(d))))

# --- benchmarks ---------------------------------------------------------------------
# pktgen_tests/bench/x.c is build/VARIANT/bench/x.
BENCH_BINS := $(patsubst pktgen_tests/bench/%.c,$(B)/bench/%,$(BENCH_SRCS))

# It writes records of calls: the store is the control plane's.
$(B)/bench/restart_calls: $(B)/obj/pktgen_tests/bench/restart_calls.o $(LIB_CONTROLPLANE) \
		$(LIB_DPCLIENT) $(LIB_CONFIG) $(LIB_SIP)
	$(call link,$(filter %.o,$^) $(call group,$(filter %.a,$^)) $(CP_LIBS))

# Those of SIP need nothing else.
$(B)/bench/sip_%: $(B)/obj/pktgen_tests/bench/sip_%.o $(LIB_SIP)
	$(call link,$(filter %.o,$^) $(call group,$(filter %.a,$^)) $(SIP_LIBS))

$(B)/bench/%: $(B)/obj/pktgen_tests/bench/%.o $(dataplane_test_deps)
	$(call link,$(filter %.o,$^) $(call group,$(filter %.a,$^)) $(dataplane_test_libs))

# --- fuzzers (VARIANT=fuzz, clang) ------------------------------------------------
# folder/tests/fuzz_x.c is one libFuzzer program.
fuzz_bin = $(B)/fuzz/$(subst /,-,$(patsubst %.c,%,$(subst /tests/,/,$(1))))
FUZZ_BINS := $(foreach s,$(FUZZ_SRCS),$(call fuzz_bin,$(s)))

define fuzz_rule
$(call fuzz_bin,$(1)): $(call objs,$(1)) $$($(strip $(call test_kind,$(patsubst %/tests/,%,$(dir $(1)))))_test_deps)
	$$(call link,-fsanitize=fuzzer $$(filter %.o,$$^) $$(call group,$$(filter %.a,$$^)) \
		$$($(strip $(call test_kind,$(patsubst %/tests/,%,$(dir $(1)))))_test_libs))
	@echo '$(1)' > $$@.source
endef
$(foreach s,$(FUZZ_SRCS),$(eval $(call fuzz_rule,$(s))))

# --- targets -----------------------------------------------------------------------
.PHONY: all tests benches fuzzers install FORCE
all: $(addprefix $(B)/bin/,$(PROGRAMS) $(TEST_PROGRAMS)) build/compile_commands.json $(if $(filter release,$(VARIANT)),build/bin)

build/bin: | build
	@ln -sfn release/bin $@

tests: $(TEST_BINS)
	@printf '%s\n' $(TEST_BINS) > $(B)/tests.list

benches: $(BENCH_BINS)

fuzzers: $(FUZZ_BINS)
	@mkdir -p $(B)
	@printf '%s\n' $(FUZZ_BINS) > $(B)/fuzz.list

BIN_DIR = $(DESTDIR)$(PREFIX)/bin
UNIT_DIR = $(DESTDIR)$(PREFIX)/lib/systemd/system
DOC_DIR = $(DESTDIR)$(PREFIX)/share/doc/tandem
install: all
	install -d $(BIN_DIR) $(UNIT_DIR) $(DOC_DIR) $(DESTDIR)/etc/tandem
	install -m 644 $(wildcard docs/*.md) config/tandem.yaml LICENSE $(DOC_DIR)
	install -m 755 $(addprefix $(B)/bin/,$(PROGRAMS)) $(BIN_DIR)
	for unit in deploy/systemd/*.service; do \
		sed 's|/usr/local|$(PREFIX)|g' $$unit > $(UNIT_DIR)/$${unit##*/}; done
	test -e $(DESTDIR)/etc/tandem/tandem.yaml || \
		install -m 640 config/tandem.yaml $(DESTDIR)/etc/tandem/tandem.yaml

FORCE:

build:
	@mkdir -p $@

# --- compile_commands.json, for editors and clang-tidy --------------------------------
comma := ,
json_escape = $(subst ",\",$(subst \,\\,$(1)))
compile_entry = {"directory": "$(CURDIR)"$(comma) "file": "$(1)"$(comma) \
"command": "$(call json_escape,$(CC) $(strip $(call compile_flags,$(1))) -c $(1))"}

build/compile_commands.json: FORCE | build
	$(file >$@.tmp,[)
	$(foreach s,$(ALL_SRCS),$(file >>$@.tmp,$(call compile_entry,$(s))$(if $(filter $(s),$(lastword $(ALL_SRCS))),,$(comma))))
	$(file >>$@.tmp,])
	@cmp -s $@.tmp $@ && rm -f $@.tmp || mv $@.tmp $@

-include $(shell find $(B)/obj -name '*.d' 2>/dev/null)
