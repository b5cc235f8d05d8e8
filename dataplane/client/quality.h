/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the counters of a termination say of the speech that came from its remote end: loss, its
 * distribution (RFC 3611), and the opinion that a listener would have of it (E-model, ITU-T
 * G.107). Pure functions of copies, for the dataplane, its clients, and the CLI alike.
 *
 *   counters ──dp_quality_snapshot()──▶ snapshot now ─┐
 *                       an earlier one, or none ──────┼─ dp_quality_judge() ──▶ figures between
 *                                   the record ───────┘                         the two
 */
#ifndef DATAPLANE_CLIENT_QUALITY_H
#define DATAPLANE_CLIENT_QUALITY_H

#include "dataplane/api/commands.h"
#include "dataplane/api/counters.h"

#define DP_QUALITY_R_DEFAULT  93.2 /* G.107 §7.7: all parameters at their defaults */
#define DP_QUALITY_PACKET_MS  20u  /* of a packet, where its size does not say */
#define DP_QUALITY_GAP_LOSSES 16u  /* Gmin of RFC 3611 §4.7.2: so many received end a burst */

/* The counters that add up, at one time. Differences of two are right over a wrap. */
struct dp_quality_snapshot {
	uint64_t bytes;
	uint32_t packets, expected, lost, late, reordered, duplicate;
	uint32_t c13, c14, c22, c23, c33; /* RFC 3611 A.2, with the run of losses that goes on */
	uint32_t jitter;                  /* time stamp units, times 16; at that time */
	uint32_t longest_gap_ms;          /* since the start */
};

struct dp_quality {
	/* Packets. */
	uint32_t received; /* duplicates included */
	uint32_t expected, lost, late, reordered, duplicate;
	double loss_percent, late_percent; /* of expected; late ones are not lost */
	double jitter_ms;                  /* at the end */
	uint32_t longest_gap_ms;           /* since the start of the termination */
	uint32_t packet_ms;                /* speech in a packet, estimated from their mean size */
	/* RFC 3611 §4.7.2. Densities: share of packets lost, 0..1. Durations: means, 0: none. */
	double burst_density, gap_density;
	double burst_ms, gap_ms;
	double burst_ratio; /* BurstR of G.107 §7.5: 1 for losses at random, more for bursts */
	/* E-model. */
	double delay_ms;      /* mouth to ear, estimated */
	double r;             /* 0..93.2, of a conversation */
	double mos;           /* MOS-CQ, 1..4.5: with the delay */
	double mos_listening; /* MOS-LQ: without */
};

void dp_quality_snapshot(const struct dp_termination_counters *counters,
			 struct dp_quality_snapshot *snapshot);

/*
 * before: NULL for all since the start. round_trip_us: from here to the ends, those of this side
 * and of its peer added; 0: not known. The delay is half of that, the packet itself, and the
 * play-out that the counters assume (DP_PLAYOUT_MS).
 */
void dp_quality_judge(const struct dp_termination_record *record,
		      const struct dp_quality_snapshot *now,
		      const struct dp_quality_snapshot *before, uint64_t round_trip_us,
		      struct dp_quality *quality);

/* Alarms of a termination record for people: "good", or those that are up: "mos loss". */
#define DP_ALARMS_TEXT 24
const char *dp_quality_alarms(uint8_t alarms, char text[DP_ALARMS_TEXT]);

/* The parts of the E-model. loss_percent: 0..100, delay_ms: one way, absolute (Ta). */
double dp_quality_delay_impairment(double delay_ms);                        /* Idd, §7.4 */
double dp_quality_loss_impairment(enum dp_codec codec, double loss_percent, /* Ie,eff, §7.5 */
				  double burst_ratio);
double dp_quality_mos(double r); /* annex B */

#endif
