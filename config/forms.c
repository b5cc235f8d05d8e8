/* SPDX-License-Identifier: BSD-3-Clause */
/* What strings must look like. */
#include <arpa/inet.h>
#include <ctype.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "config/schema.h"

/* All characters are ASCII letters, digits or in `more`. */
static bool only(const char *text, const char *more)
{
	for (; *text; text++)
		if (!isalnum((unsigned char)*text) && !strchr(more, *text))
			return false;
	return true;
}

const char *schema_form_ip(const char *text)
{
	struct in_addr v4;
	struct in6_addr v6;

	if (inet_pton(AF_INET, text, &v4) == 1) {
		uint32_t host = ntohl(v4.s_addr);
		return host >> 24 == 0 || host >> 28 >= 0xe ? "the IP address of one host" : NULL;
	}
	if (inet_pton(AF_INET6, text, &v6) != 1)
		return "an IPv4 or IPv6 address, without brackets";
	if (IN6_IS_ADDR_UNSPECIFIED(&v6) || IN6_IS_ADDR_MULTICAST(&v6))
		return "the IP address of one host";
	return NULL;
}

const char *schema_form_prefix(const char *text)
{
	static const char *wanted = "an IP address with its prefix length, as 192.0.2.10/24";
	const char *slash = strchr(text, '/');
	char ip[INET6_ADDRSTRLEN];

	if (!slash || (size_t)(slash - text) >= sizeof(ip))
		return wanted;
	memcpy(ip, text, (size_t)(slash - text));
	ip[slash - text] = 0;
	if (schema_form_ip(ip))
		return wanted;
	if (!isdigit((unsigned char)slash[1]) || strlen(slash + 1) > 3 ||
	    strspn(slash + 1, "0123456789") != strlen(slash + 1))
		return wanted;
	return atoi(slash + 1) > (strchr(ip, ':') ? 128 : 32) ? wanted : NULL;
}

const char *schema_form_domain(const char *text)
{
	size_t n = strlen(text);

	if (!only(text, ".-") || strstr(text, "..") || *text == '.' || *text == '-' ||
	    (n > 0 && text[n - 1] == '.'))
		return "a domain name: letters, digits, hyphens, and dots between";
	return NULL;
}

const char *schema_form_user(const char *text)
{
	return only(text, "-_.!~*+") ? NULL : "letters, digits and - _ . ! ~ * +";
}

const char *schema_form_name(const char *text)
{
	return only(text, "-_.") ? NULL : "letters, digits and - _ .";
}

const char *schema_form_path(const char *text)
{
	return *text == '/' ? NULL : "an absolute path";
}

const char *schema_form_dial(const char *text)
{
	const char *digits = *text == '+' ? text + 1 : text;

	return digits[strspn(digits, "0123456789*#")]
		       ? "what one dials: digits, * and #, a + in front"
		       : NULL;
}

const char *schema_form_interface(const char *text)
{
	return only(text, "-_.") && strcmp(text, ".") != 0 && strcmp(text, "..") != 0
		       ? NULL
		       : "the name of an interface: letters, digits and - _ .";
}

/* An IP address, with a port if it is not the usual one: an IPv6 one in brackets then. */
const char *schema_form_server(const char *text)
{
	static const char form[] =
		"an IP address, or one with a port: 192.0.2.1:5353, [2001:db8::1]:5353";
	char address[64];
	const char *end = *text == '[' ? strchr(text, ']') : strchr(text, ':');
	const bool plain = end == NULL || (*text != '[' && strchr(end + 1, ':') != NULL);
	size_t n;

	if (plain)
		return schema_form_ip(text) == NULL ? NULL : form;
	if (*text == '[')
		text++;
	n = (size_t)(end - text);
	if (n >= sizeof(address))
		return form;
	memcpy(address, text, n);
	address[n] = '\0';
	if (*end == ']')
		end++;
	if (schema_form_ip(address) != NULL || *end++ != ':' || strlen(end) > 5 ||
	    strspn(end, "0123456789") != strlen(end))
		return form;
	return atoi(end) > 0 && atoi(end) <= 65535 ? NULL : form;
}

/* A sip or sips URI of a host, without a user: the number goes before it. */
const char *schema_form_sip_uri(const char *text)
{
	const char *host = strncmp(text, "sips:", 5) == 0  ? text + 5
			   : strncmp(text, "sip:", 4) == 0 ? text + 4
							   : "";

	return (isalnum((unsigned char)*host) || *host == '[') && only(host, "-.:[];=_")
		       ? NULL
		       : "sip:HOST or sips:HOST, with :PORT and ;transport=… where they are needed";
}
