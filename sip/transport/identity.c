/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Whom a certificate speaks for (RFC 5922 §7.1): the sip URIs without user of its subject
 * alternative names; if there are none, its DNS names; if it has no alternative names at all, its
 * common name. A domain has to be equal: wildcards do not count (§7.2).
 */
#include <openssl/x509v3.h>

#include "sip/transport/tls_internal.h"

static struct slice text_of(const ASN1_STRING *string)
{
	return (struct slice){ (const char *)ASN1_STRING_get0_data(string),
			       (size_t)ASN1_STRING_length(string) };
}

/* "sip:example.com"; .p NULL: of another scheme, or of a user. */
static struct slice sip_identity(struct slice uri)
{
	if (!slice_starts_nocase(uri, SLICE("sip:")))
		return SLICE_NONE;
	uri.p += 4;
	uri.n -= 4;
	return memchr(uri.p, '@', uri.n) == NULL ? uri : SLICE_NONE;
}

static bool common_name_matches(X509 *certificate, struct slice domain)
{
	X509_NAME *subject = X509_get_subject_name(certificate);
	int at = X509_NAME_get_index_by_NID(subject, NID_commonName, -1);

	return at >= 0 &&
	       slice_equal_nocase(
		       text_of(X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, at))), domain);
}

static bool names_match(const GENERAL_NAMES *names, struct slice domain)
{
	bool uris = false, by_uri = false, by_dns = false;

	for (int i = 0; i < sk_GENERAL_NAME_num(names); i++) {
		const GENERAL_NAME *name = sk_GENERAL_NAME_value(names, i);
		struct slice identity = SLICE_NONE;

		if (name->type == GEN_URI)
			identity = sip_identity(text_of(name->d.uniformResourceIdentifier));
		uris |= identity.p != NULL;
		by_uri |= identity.p != NULL && slice_equal_nocase(identity, domain);
		if (name->type == GEN_DNS)
			by_dns |= slice_equal_nocase(text_of(name->d.dNSName), domain);
	}
	return uris ? by_uri : by_dns;
}

static bool address_matches(const GENERAL_NAMES *names, const struct sip_address *address)
{
	const size_t size = address->family == AF_INET6 ? 16 : 4;

	for (int i = 0; i < sk_GENERAL_NAME_num(names); i++) {
		const GENERAL_NAME *name = sk_GENERAL_NAME_value(names, i);
		struct slice ip;

		if (name->type != GEN_IPADD)
			continue;
		ip = text_of(name->d.iPAddress);
		if (ip.n == size && memcmp(ip.p, address->ip, size) == 0)
			return true;
	}
	return false;
}

bool identity_matches(X509 *certificate, const char *domain, const struct sip_address *address)
{
	GENERAL_NAMES *names = X509_get_ext_d2i(certificate, NID_subject_alt_name, NULL, NULL);
	bool matches;

	if (domain[0] == '\0')
		matches = names != NULL && address_matches(names, address);
	else if (names == NULL)
		matches = common_name_matches(certificate, slice_of(domain));
	else
		matches = names_match(names, slice_of(domain));
	GENERAL_NAMES_free(names);
	return matches;
}
