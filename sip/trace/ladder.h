/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Messages as a ladder for people: who speaks are columns, time goes down.
 *
 *   call 00a1b2c3d4e5f607
 *                          alice                   Tandem                   bob
 *                   198.18.0.101:5060        198.18.0.10:5060        198.18.0.102:5060
 *   17:02:03.123  +0.000    |------ INVITE SDP ------>|                        |  audio 30000 PCMU
 *   17:02:03.124  +0.001    |<----- 100 Trying -------|                        |
 *   17:02:03.126  +0.002    |                         |------ INVITE SDP ----->|
 *
 * Of a call the first who spoke stands on the left, we are next, those we call stand on the right.
 * Where several calls go on at a time, a heading stands wherever the call changes. A message that
 * was there before says so. Plain ASCII; what comes from messages is made harmless for terminals.
 */
#ifndef SIP_TRACE_LADDER_H
#define SIP_TRACE_LADDER_H

#include <stdio.h>

#include "sip/trace/record.h"

struct ladder;
/* Of those that go on, 64 calls are known; of a call, 6 columns and its latest 256 messages. */
int ladder_create(FILE *out, struct ladder **ladder);
void ladder_destroy(struct ladder *ladder);
void ladder_add(struct ladder *ladder, const struct trace_record *record, const char *data);

#endif
