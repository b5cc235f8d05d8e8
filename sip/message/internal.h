/* SPDX-License-Identifier: BSD-3-Clause */
/* What the files of sip/message share. */
#ifndef SIP_MESSAGE_INTERNAL_H
#define SIP_MESSAGE_INTERNAL_H

#include <assert.h>

#include "sip/message/build.h"
#include "sip/message/typed.h"

/* Longest name of a header in the table. */
#define NAME_MAX_KNOWN 24
/* The header of a name, of which 24 bytes can be read however long it is. */
enum sip_header_id header_name_id(const char *p, size_t n);

struct slice header_name_of(enum sip_header_id id);
void build_copy_one(struct sip_build *b, const struct sip_header *header);

/* Adds a header to the index of a message whose headers[] has room for it. */
void msg_add_header(struct sip_msg *msg, enum sip_header_id id, struct slice name,
		    struct slice value);

/* Fills in what is kept of the headers that every message must have. error NULL: nobody asks. */
struct checker {
	const struct sip_limits *limits;
	struct sip_parse_error *error;
	const char *data_start;
	bool failed;
};
void msg_fail(struct checker *checker, unsigned status, const char *at, const char *what);
void msg_check(struct sip_msg *msg, struct checker *checker);
/* A response can be made of it and finds its way back. An ACK gets none. */
bool msg_is_answerable(const struct sip_msg *msg);

int sip_cseq_parse(struct slice value, struct sip_cseq *cseq);
/* The public ones, with limits other than those of the process. tag: that parameter, when wanted. */
int uri_parse_within(struct slice text, const struct sip_limits *limits, struct sip_uri *uri);
int addr_parse_within(struct slice value, const struct sip_limits *limits, struct sip_addr *addr,
		      struct slice *tag);
/* strict: parameters must be right, too, and not more than allowed. */
int via_parse(struct slice text, const struct sip_limits *limits, bool strict, struct sip_via *via);

#endif
