# SPDX-License-Identifier: BSD-3-Clause
# Which folders make which component. A folder counts with its own *.c files;
# tests/ below it is a program of its own.

srcs_in = $(sort $(foreach d,$(1),$(wildcard $(d)/*.c)))

SIP_DIRS := $(addprefix sip/,base message stun guard trace transport transaction dialog event auth resolve sdp ice)
CONFIG_DIRS := config
DPCLIENT_DIRS := dataplane/api dataplane/client
DATAPLANE_DIRS := $(addprefix dataplane/,main nodes flow media kernel)
CONTROLPLANE_DIRS := $(addprefix controlplane/,main events engine session registrar presence \
	messaging store api monitor cluster)
CLI_DIRS := controlplane/cli
RTPGEN_DIRS := pktgen_tests/rtpgen
ALL_DIRS := $(SIP_DIRS) $(CONFIG_DIRS) $(DPCLIENT_DIRS) $(DATAPLANE_DIRS) $(CONTROLPLANE_DIRS) \
	$(CLI_DIRS) $(RTPGEN_DIRS)

DATAPLANE_MAIN := dataplane/main/main.c
CONTROLPLANE_MAIN := controlplane/main/main.c
CLI_MAIN := controlplane/cli/main.c
RTPGEN_MAIN := pktgen_tests/rtpgen/main.c

SIP_SRCS := $(call srcs_in,$(SIP_DIRS))
CONFIG_SRCS := $(call srcs_in,$(CONFIG_DIRS))
DPCLIENT_SRCS := $(call srcs_in,$(DPCLIENT_DIRS))
DATAPLANE_SRCS := $(filter-out $(DATAPLANE_MAIN),$(call srcs_in,$(DATAPLANE_DIRS)))
CONTROLPLANE_SRCS := $(filter-out $(CONTROLPLANE_MAIN),$(call srcs_in,$(CONTROLPLANE_DIRS)))
CLI_SRCS := $(filter-out $(CLI_MAIN),$(call srcs_in,$(CLI_DIRS)))
RTPGEN_SRCS := $(filter-out $(RTPGEN_MAIN),$(call srcs_in,$(RTPGEN_DIRS)))

test_srcs = $(filter-out $(1)/tests/fuzz_%,$(sort $(wildcard $(1)/tests/*.c)))
TEST_DIRS := $(foreach d,$(ALL_DIRS),$(if $(call test_srcs,$(d)),$(d)))
FUZZ_SRCS := $(sort $(foreach d,$(ALL_DIRS),$(wildcard $(d)/tests/fuzz_*.c)))
# Each file is a program of its own, linked with the dataplane.
BENCH_SRCS := $(sort $(wildcard pktgen_tests/bench/*.c))

ALL_SRCS := $(call srcs_in,$(ALL_DIRS)) $(foreach d,$(TEST_DIRS),$(call test_srcs,$(d))) \
	$(FUZZ_SRCS) $(BENCH_SRCS)
