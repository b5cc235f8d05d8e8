/* SPDX-License-Identifier: BSD-3-Clause */
/* Replies of name servers; the C library's parser finds the records. */
#include <arpa/nameser.h>
#include <ctype.h>
#include <errno.h>
#include <resolv.h>

#include "sip/resolve/dns.h"
#include "sip/transport/transport.h"

#define NEGATIVE_TTL_S 60u /* of a name that is not there, if no SOA says it */

static const struct {
	const char *text;
	uint8_t kind;
	bool sips;
} services[] = {
	/* RFC 3263 §4.1, RFC 7118 §6 */
	{ "SIP+D2U", SIP_UDP, false }, { "SIP+D2T", SIP_TCP, false }, { "SIPS+D2T", SIP_TLS, true },
	{ "SIP+D2W", SIP_WS, false },  { "SIPS+D2W", SIP_WSS, true },
};

/* A name in a message, as text in lower case without the last dot. */
static int read_name(ns_msg *msg, const unsigned char *p, char name[DNS_NAME_MAX])
{
	int n = ns_name_uncompress(ns_msg_base(*msg), ns_msg_end(*msg), p, name, DNS_NAME_MAX);

	if (n < 0)
		return -EBADMSG;
	for (char *c = name; *c != '\0'; c++)
		*c = (char)tolower((unsigned char)*c);
	if (strcmp(name, ".") == 0)
		name[0] = '\0';
	return n;
}

/* A character-string (RFC 1035 §3.3). */
static bool read_string(const unsigned char **p, const unsigned char *end, struct slice *text)
{
	if (*p == end || end - *p - 1 < **p)
		return false;
	*text = (struct slice){ (const char *)*p + 1, **p };
	*p += 1 + **p;
	return true;
}

static int read_naptr(ns_msg *msg, const ns_rr *rr, struct dns_record *record)
{
	const unsigned char *p = ns_rr_rdata(*rr), *end = p + ns_rr_rdlen(*rr);
	struct slice flags, service, regexp;

	if (end - p < 4)
		return -EBADMSG;
	record->priority = (uint16_t)ns_get16(p);
	record->weight = (uint16_t)ns_get16(p + 2);
	p += 4;
	if (!read_string(&p, end, &flags) || !read_string(&p, end, &service) ||
	    !read_string(&p, end, &regexp) || read_name(msg, p, record->name) < 0)
		return -EBADMSG;
	for (size_t i = 0; i < sizeof(services) / sizeof(services[0]); i++) {
		if (!slice_equal_nocase(service, slice_of(services[i].text)))
			continue;
		record->service = services[i].kind;
		record->sips = services[i].sips;
		return slice_equal_nocase(flags, SLICE("s")) && regexp.n == 0 &&
				       record->name[0] != '\0'
			       ? 0
			       : -ENOENT;
	}
	return -ENOENT;
}

static int read_srv(ns_msg *msg, const ns_rr *rr, struct dns_record *record)
{
	const unsigned char *p = ns_rr_rdata(*rr);

	if (ns_rr_rdlen(*rr) < 7)
		return -EBADMSG;
	record->priority = (uint16_t)ns_get16(p);
	record->weight = (uint16_t)ns_get16(p + 2);
	record->port = (uint16_t)ns_get16(p + 4);
	return read_name(msg, p + 6, record->name) < 0 ? -EBADMSG : 0;
}

static int read_address(const ns_rr *rr, struct dns_record *record)
{
	const size_t size = record->type == DNS_A ? 4 : 16;

	if (ns_rr_rdlen(*rr) != size)
		return -EBADMSG;
	record->address.family = record->type == DNS_A ? AF_INET : AF_INET6;
	memcpy(record->address.ip, ns_rr_rdata(*rr), size);
	return 0;
}

/* 0; -ENOENT: not one for us. */
static int read_record(ns_msg *msg, const ns_rr *rr, enum dns_type type, struct dns_record *record)
{
	*record = (struct dns_record){ .type = (uint16_t)type };
	switch (type) {
	case DNS_NAPTR:
		return read_naptr(msg, rr, record);
	case DNS_SRV:
		return read_srv(msg, rr, record);
	default:
		return read_address(rr, record);
	}
}

/* RFC 2308 §5: the lesser of the SOA's TTL and its last field. */
static uint32_t negative_ttl(ns_msg *msg)
{
	ns_rr rr;

	for (int i = 0; i < ns_msg_count(*msg, ns_s_ns); i++) {
		uint32_t minimum;

		if (ns_parserr(msg, ns_s_ns, i, &rr) != 0)
			break;
		if (ns_rr_type(rr) != ns_t_soa || ns_rr_rdlen(rr) < 22)
			continue;
		minimum = (uint32_t)ns_get32(ns_rr_rdata(rr) + ns_rr_rdlen(rr) - 4);
		return ns_rr_ttl(rr) < minimum ? ns_rr_ttl(rr) : minimum;
	}
	return NEGATIVE_TTL_S;
}

static int read_records(ns_msg *msg, enum dns_type type, struct dns_answer *answer)
{
	uint32_t ttl_s = UINT32_MAX;
	ns_rr rr;

	for (int i = 0; i < ns_msg_count(*msg, ns_s_an); i++) {
		int rc;

		if (ns_parserr(msg, ns_s_an, i, &rr) != 0)
			return -EBADMSG;
		/* The chain of a CNAME holds as long as its shortest link. */
		if (ns_rr_ttl(rr) < ttl_s)
			ttl_s = ns_rr_ttl(rr);
		if ((unsigned)ns_rr_type(rr) != (unsigned)type || ns_rr_class(rr) != ns_c_in)
			continue;
		if (answer->count == DNS_RECORDS_MAX)
			break;
		rc = read_record(msg, &rr, type, &answer->records[answer->count]);
		if (rc == -EBADMSG)
			return rc;
		if (rc == 0)
			answer->count++;
	}
	answer->ttl_s = answer->count > 0 ? ttl_s : negative_ttl(msg);
	return 0;
}

int dns_answer_read(const unsigned char *reply, size_t size, enum dns_type type,
		    struct dns_answer *answer)
{
	ns_msg msg;

	answer->count = 0;
	if (size > NS_MAXMSG || ns_initparse(reply, (int)size, &msg) != 0)
		return -EBADMSG;
	switch (ns_msg_getflag(msg, ns_f_rcode)) {
	case ns_r_noerror:
		return read_records(&msg, type, answer);
	case ns_r_nxdomain:
		answer->ttl_s = negative_ttl(&msg);
		return 0;
	default:
		return -EAGAIN;
	}
}
