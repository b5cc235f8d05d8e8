/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef CONTROLPLANE_MAIN_REGISTRATIONS_H
#define CONTROLPLANE_MAIN_REGISTRATIONS_H

/* For registrar_set_changed(): all shards are told, if anybody wants to know. arg: struct
 * runtime_shared. Any thread. */
void registrations_changed(void *arg, const char *aor);

#endif
