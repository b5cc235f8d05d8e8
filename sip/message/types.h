/* SPDX-License-Identifier: BSD-3-Clause */
/* What the values of headers are parsed into. All slices point into the value. */
#ifndef SIP_MESSAGE_TYPES_H
#define SIP_MESSAGE_TYPES_H

#include "sip/base/slice.h"

/* Parameters as they stand: ";a=b;c" without the first ";". Looked up by name when asked. */
struct sip_params {
	struct slice text;
};

enum sip_scheme {
	SIP_SCHEME_OTHER,
	SIP_SCHEME_SIP,
	SIP_SCHEME_SIPS,
	SIP_SCHEME_TEL,
	SIP_SCHEME_URN_SERVICE, /* urn:service:sos and the like (RFC 5031) */
};

struct sip_uri {
	enum sip_scheme scheme;
	struct slice text; /* the whole URI */
	struct slice
		user; /* escaped as it stands; of tel: the number; of urn:service: "sos.fire" */
	struct slice password;
	struct slice host; /* an IPv6 reference without its brackets */
	uint16_t port;     /* 0: none given */
	struct sip_params params;
	struct slice headers; /* after "?" */
};

/* name-addr or addr-spec with header parameters: From, To, Contact, Route, Refer-To… */
struct sip_addr {
	struct slice display; /* without quotes, escapes as they stand */
	struct sip_uri uri;
	struct sip_params params; /* of the header, not of the URI */
	bool star;                /* Contact: * */
};

struct sip_via {
	struct slice text;      /* this value alone, without the ones after the comma */
	struct slice transport; /* "UDP" */
	struct slice host;
	uint16_t port; /* 0: none */
	struct slice branch;
	struct slice received;
	bool rport;          /* parameter is there */
	uint16_t rport_port; /* 0: without value */
	struct sip_params params;
};

struct sip_cseq {
	uint32_t number;
	struct slice method;
};

#endif
