/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef CONTROLPLANE_ENGINE_REG_H
#define CONTROLPLANE_ENGINE_REG_H

#include "sip/event/event.h"

struct engine;

/* The package "reg", for the table of struct sip_events. */
struct sip_event_package reg_package(struct engine *engine);

#endif
