/* SPDX-License-Identifier: BSD-3-Clause */
/* The certificates of the configuration, for the listeners of all shards. */
#ifndef CONTROLPLANE_MAIN_CERTIFICATES_H
#define CONTROLPLANE_MAIN_CERTIFICATES_H

#include "config/config.h"

struct certificates;
struct sip_tls;

/* Reads the files; *certificates is NULL if there are none in the configuration. why: text. */
int certificates_create(const struct config_tls *config, struct certificates **certificates,
			char *why, size_t why_size);
void certificates_destroy(struct certificates *certificates);
/* NULL for NULL. */
struct sip_tls *certificates_tls(const struct certificates *certificates);
/* Reads the files again, and says in the log how that went. -EINVAL: all is as it was. */
int certificates_reload(struct certificates *certificates);

#endif
