/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The bytes of a compound RTCP packet (RFC 3550 §6.1): SR or RR, SDES with the CNAME, and what
 * there is of XR VoIP metrics (RFC 3611 §4.7) and BYE. A pure function of what it says.
 */
#ifndef DATAPLANE_MAIN_REPORT_PACKET_H
#define DATAPLANE_MAIN_REPORT_PACKET_H

#include <stddef.h>

#include "dataplane/client/quality.h"

#define REPORT_CNAME_SIZE 16u /* characters: 96 random bits in base64 (RFC 7022 §4.2) */
#define REPORT_SIZE_MAX   136u

struct report_packet {
	uint32_t ssrc; /* of who reports */
	const char *cname;
	bool bye;
	bool sends; /* an SR: media goes out with that SSRC */
	struct {
		uint64_t ntp; /* seconds since 1900 in the high half, fraction in the low */
		uint32_t rtp; /* the same time in the clock of the media */
		uint32_t packets, octets;
	} sender;
	bool hears; /* a block about what is received */
	struct {
		uint32_t ssrc;
		uint8_t fraction_lost; /* of 256 */
		int32_t lost;          /* cumulative; cut to 24 bits */
		uint32_t highest;      /* extended */
		uint32_t jitter;       /* time stamp units */
		uint32_t lsr, dlsr;
	} source;
	const struct dp_quality *quality; /* of it, since the start; NULL: no XR */
	uint32_t round_trip_ms;           /* for XR; 0: unknown */
};

/* Returns how many bytes it wrote. */
size_t report_packet_write(const struct report_packet *report, uint8_t to[REPORT_SIZE_MAX]);

#endif
