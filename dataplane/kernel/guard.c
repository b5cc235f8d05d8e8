/* SPDX-License-Identifier: BSD-3-Clause */
#include "dataplane/kernel/guard.h"

#include <errno.h>
#include <linux/bpf.h>
#include <stdint.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Of <linux/bpf.h> since 6.6; the headers of Debian 12 are older than the kernels it may run on. */
#define ATTACH_TCX_INGRESS 46
#define TCX_DROP           2

static int bpf(enum bpf_cmd command, union bpf_attr *attr)
{
	int fd = (int)syscall(SYS_bpf, command, attr, sizeof(*attr));

	return fd < 0 ? -errno : fd;
}

static int load_drop_program(void)
{
	static const struct bpf_insn drop_all[] = {
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0, .imm = TCX_DROP },
		{ .code = BPF_JMP | BPF_EXIT },
	};
	union bpf_attr attr;

	memset(&attr, 0, sizeof(attr));
	attr.prog_type = BPF_PROG_TYPE_SCHED_CLS;
	attr.insns = (uintptr_t)drop_all;
	attr.insn_cnt = sizeof(drop_all) / sizeof(drop_all[0]);
	attr.license = (uintptr_t) "BSD";
	return bpf(BPF_PROG_LOAD, &attr);
}

int guard_attach(int ifindex)
{
	union bpf_attr attr;
	int program = load_drop_program(), link;

	if (program < 0)
		return program;
	memset(&attr, 0, sizeof(attr));
	attr.link_create.prog_fd = (uint32_t)program;
	attr.link_create.target_fd = (uint32_t)ifindex;
	attr.link_create.attach_type = ATTACH_TCX_INGRESS;
	link = bpf(BPF_LINK_CREATE, &attr);
	close(program); /* the link holds it */
	return link;
}
