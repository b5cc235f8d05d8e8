/* SPDX-License-Identifier: BSD-3-Clause */
#include "dataplane/main/lease.h"

#include <errno.h>
#include <linux/membarrier.h>
#include <sys/syscall.h>
#include <unistd.h>

static int membarrier(int command)
{
	return syscall(SYS_membarrier, command, 0, 0) == 0 ? 0 : -errno;
}

int lease_prepare(void)
{
	return membarrier(MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED);
}

int lease_move(struct lease *lease, uint32_t to, struct presence *const *workers, unsigned count)
{
	int error;

	atomic_store_explicit(&lease->owner, LEASE_NOBODY, memory_order_relaxed);
	error = membarrier(MEMBARRIER_CMD_PRIVATE_EXPEDITED);
	if (error)
		return error;
	for (unsigned i = 0; i < count; i++)
		if (atomic_load_explicit(&workers[i]->polling, memory_order_acquire) == lease)
			return -EBUSY;
	atomic_store_explicit(&lease->owner, to, memory_order_release);
	return 0;
}
