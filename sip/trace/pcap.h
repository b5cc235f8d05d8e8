/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Messages as a capture: pcapng with IP packets that were never on a wire, of the real addresses
 * and ports, so that Wireshark, tshark and sngrep read SIP. TCP gets segments with sequence numbers
 * that fit. Of what was encrypted or in WebSocket frames what was inside is written, as PDUs on an
 * interface of their own: on those ports it would be taken for what it no longer is. The call's id
 * is the comment of each packet.
 */
#ifndef SIP_TRACE_PCAP_H
#define SIP_TRACE_PCAP_H

#include <stdio.h>

#include "sip/trace/record.h"

struct trace_pcap;
/* Writes the head of the file. The stream stays the caller's. -ENOMEM, -EIO */
int trace_pcap_create(FILE *stream, struct trace_pcap **pcap);
void trace_pcap_destroy(struct trace_pcap *pcap);
/* 0 or -EIO; of what cannot be written nothing is. */
int trace_pcap_write(struct trace_pcap *pcap, const struct trace_record *record, const char *data);
/* Bytes written so far. */
uint64_t trace_pcap_size(const struct trace_pcap *pcap);

#endif
