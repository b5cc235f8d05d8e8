/* SPDX-License-Identifier: BSD-3-Clause */
/* What of the bodies of INFO and MESSAGE crosses from one leg to the other. */
#ifndef CONTROLPLANE_ENGINE_BODY_H
#define CONTROLPLANE_ENGINE_BODY_H

#include "config/config.h"
#include "sip/base/address.h"
#include "sip/message/typed.h"

/* 0: its body may cross, or it has none. 413, 415: what is to be answered. */
unsigned body_status(const struct config_calls *config, const struct sip_msg *msg);

/* Overwrites an address wherever it stands as text; nothing moves. How often. */
unsigned body_mask(char *body, size_t size, const struct sip_address *address);

#endif
