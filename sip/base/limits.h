/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What a message may hold: all limits of the parsers, and of what is kept because of a message, in
 * one table. What is beyond a limit is refused, and never cut off.
 */
#ifndef SIP_BASE_LIMITS_H
#define SIP_BASE_LIMITS_H

#include <stdint.h>

/* name, default, least and most that may be configured, meaning */
#define SIP_LIMITS(X)                                                                            \
	X(message, 65535, 1500, 65535, "Bytes of a message")                                     \
	X(headers, 128, 16, 250, "Header fields of a message")                                   \
	X(header_name, 128, 32, 1024, "Bytes of the name of a header field")                     \
	X(header_value, 8192, 512, 65535, "Bytes of the value of a header field, with folds")    \
	X(uri, 1024, 128, 8192, "Bytes of a URI")                                                \
	X(params, 64, 8, 1024, "Parameters of a header field or of a URI, headers of a URI")     \
	X(parts, 16, 1, 64, "Parts of a multipart body, those of nested ones counted")           \
	X(nesting, 3, 1, 8, "Multipart bodies within one another")                               \
	X(routes, 32, 1, 128, "Record-Route, Route, Path and Service-Route values of a message") \
	X(contacts, 16, 1, 64, "Contact values of a message")                                    \
	X(early_dialogs, 12, 1, 100, "Early dialogs of one INVITE")

struct sip_limits {
#define X(name, value, least, most, meaning) uint32_t name;
	SIP_LIMITS(X)
#undef X
};

extern const struct sip_limits sip_limits_default;

/* Those of the process: of all that is parsed without a message at hand. Set before threads are
 * started, or not at all: then they are the defaults. */
extern struct sip_limits sip_limits;

#endif
