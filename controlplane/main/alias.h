/* SPDX-License-Identifier: BSD-3-Clause */
/* Connections that take requests back (RFC 5923): whose Via says `alias`. */
#ifndef CONTROLPLANE_MAIN_ALIAS_H
#define CONTROLPLANE_MAIN_ALIAS_H

#include "controlplane/main/runtime.h"

/* In the thread whose connection the message came over. */
void alias_look(struct runtime *runtime, const char *data, size_t size,
		const struct sip_path *from);

#endif
