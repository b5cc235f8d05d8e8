/* SPDX-License-Identifier: BSD-3-Clause */
/* A shard's name servers, and what they said. The shard's thread, but for names_create(). */
#ifndef CONTROLPLANE_MAIN_NAMES_H
#define CONTROLPLANE_MAIN_NAMES_H

#include "controlplane/main/runtime.h"

int names_create(struct runtime *runtime);
/* After the user agent, before the loop. */
void names_destroy(struct runtime *runtime);

#endif
