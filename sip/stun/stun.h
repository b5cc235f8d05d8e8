/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * STUN as keep-alives over UDP use it (RFC 8489, RFC 5626 §4.4.2): Binding, with the address that
 * a request came from in the answer, so that a phone learns when its NAT has changed. Nothing is
 * kept between messages.
 */
#ifndef SIP_STUN_STUN_H
#define SIP_STUN_STUN_H

#include "sip/base/address.h"

#define STUN_HEADER 20u
#define STUN_ID     12u
#define STUN_MAX    128u /* bytes that any message made here has at most */
/* What is read: RFC 8489 §6.1 has none larger over IPv4 where the path is not known. A fingerprint
 * is checked before the guard has been asked, so its cost is bounded by this. */
#define STUN_READ_MAX 548u

enum stun_class { STUN_REQUEST, STUN_INDICATION, STUN_SUCCESS, STUN_ERROR };

/* Slices of the datagram. */
struct stun_message {
	enum stun_class class;
	uint16_t method; /* 1: Binding */
	struct slice id;
	struct slice attributes;
	bool fingerprint; /* there is one, and it is right */
};

/* By the two zero bits and the magic cookie: no SIP message begins so. */
bool stun_is(struct slice datagram);
/* Whole, of the length it says and not larger than STUN_READ_MAX, attributes within it, a fingerprint that is right if there is one;
 * else -EBADMSG. */
int stun_parse(struct slice datagram, struct stun_message *message);

/* Bytes of the answer to a Binding request that came from that address; 0: what came is none, and
 * gets no answer. An attribute that has to be understood and is not: error 420. */
size_t stun_answer(struct slice datagram, const struct sip_address *from, char answer[STUN_MAX]);
size_t stun_request(const char id[STUN_ID], char request[STUN_MAX]);
/* XOR-MAPPED-ADDRESS; -ENOENT, -EBADMSG. */
int stun_mapped_address(const struct stun_message *message, struct sip_address *address);

#endif
