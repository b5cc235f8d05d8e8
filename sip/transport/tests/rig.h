/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Transport sets on the loopback, and bare sockets that talk to them. Time is moved by hand; the
 * loop is real, and a wait that takes ten seconds of the real clock fails the test.
 */
#ifndef SIP_TRANSPORT_TESTS_RIG_H
#define SIP_TRANSPORT_TESTS_RIG_H

#include <criterion/criterion.h>
#include <uv.h>

#include "sip/base/timer.h"
#include "sip/transport/transport.h"

#define RIG_MESSAGE_MAX 8000u
#define RIG_ENDS_MAX    4u

struct end {
	struct sip_transport *transport;
	unsigned received;
	char last[RIG_MESSAGE_MAX + 1];
	size_t last_size;
	struct sip_path from;
	const char *answer; /* sent back for each message; NULL: none */

	uint16_t unwelcome; /* the family that may not connect */

	unsigned failures;
	int error;
	struct sip_path failed[4]; /* the first */
	uint32_t shards;

	unsigned passed; /* to another shard */
	struct sip_path passed_to;

	unsigned notices[5];
	char why[64];
	unsigned closed;
};

extern uv_loop_t rig_loop;
extern struct timer_wheel *rig_wheel;

void rig_set_up(void);
void rig_tear_down(void);
/* The listeners of config get ports of the kernel's choice; without any: TCP on 127.0.0.1 and ::1.
 * Loop, wheel, message_max and callbacks are filled in. */
void rig_open(struct end *end, const struct sip_transport_config *config);
void rig_close(struct end *end);
struct sip_transport_stats rig_stats(const struct end *end);
struct sip_address rig_address(const struct end *end, unsigned listener);
/* From a listener of the same kind and family to that one. */
struct sip_path rig_path(const struct end *from, const struct end *to, unsigned listener);

/* One turn: what was sent leaves, what is there is read. */
void rig_turn(void);
void rig_pass_time(uint64_t ms);
extern uint64_t rig_deadline;
#define rig_until(condition)                                                       \
	do {                                                                       \
		rig_deadline = uv_hrtime() + 10000000000u;                         \
		while (!(condition)) {                                             \
			cr_assert_lt(uv_hrtime(), rig_deadline, "%s", #condition); \
			rig_turn();                                                \
		}                                                                  \
	} while (0)

/* --- bare sockets --- */
int bare_connect(const struct end *to, unsigned listener);
void bare_send(int fd, const char *text);
/* Appends what is there to text, which has room for size bytes; false: the other side has closed. */
bool bare_read(int fd, char *text, size_t size);
bool bare_is_closed(int fd);

#endif
