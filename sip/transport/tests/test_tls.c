/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <fcntl.h>
#include <openssl/ssl.h>
#include <unistd.h>

#include "sip/transport/tests/pki.h"
#include "sip/transport/tests/rig.h"
#include "sip/transport/tls.h"

#define REQUEST  "OPTIONS sip:a SIP/2.0\r\nl: 2\r\n\r\nhi"
#define RESPONSE "SIP/2.0 200 OK\r\nl: 0\r\n\r\n"

static struct end a, b;
static char paths[2][2][96], ca[96];
static struct sip_tls_certificate both[2];
static struct sip_tls_config config_a, config_b;
static struct sip_tls *tls_a, *tls_b;
static struct sip_aliases *aliases;

/* b has a certificate of its address, and one of a domain. */
static void set_up(void)
{
	static const char *const names[] = { "address", "domain" };

	rig_set_up();
	cr_assert_eq(sip_aliases_create(&aliases), 0);
	pki_create();
	pki_issue("address", "ca", "b", "IP:127.0.0.1,DNS:other.lab");
	pki_issue("domain", "ca", "b", "URI:sip:tandem.lab,DNS:host.lab,DNS:*.wild.lab");
	snprintf(ca, sizeof(ca), "%s", pki_file("ca", "pem"));
	for (unsigned i = 0; i < 2; i++) {
		snprintf(paths[i][0], sizeof(paths[i][0]), "%s", pki_file(names[i], "pem"));
		snprintf(paths[i][1], sizeof(paths[i][1]), "%s", pki_file(names[i], "key"));
		both[i] = (struct sip_tls_certificate){ paths[i][0], paths[i][1] };
	}
	config_b = (struct sip_tls_config){ both, 2, ca, SIP_TLS_VERIFY_NONE, true, false };
	config_a = (struct sip_tls_config){ NULL, 0, ca, SIP_TLS_VERIFY_NONE, true, false };
}

static void tear_down(void)
{
	rig_tear_down();
	sip_aliases_destroy(aliases);
	sip_tls_destroy(tls_a);
	sip_tls_destroy(tls_b);
	tls_a = tls_b = NULL;
	pki_free();
}

TestSuite(tls, .init = set_up, .fini = tear_down);

static void open_end(struct end *end, struct sip_tls *tls)
{
	struct sip_listener_config listener = { .kind = SIP_TLS };

	sip_address_parse(SLICE("127.0.0.1"), 0, &listener.address);
	rig_open(end, &(struct sip_transport_config){ .listeners = &listener,
						      .listener_count = 1,
						      .tls = tls,
						      .aliases = aliases });
}

static void open_both(void)
{
	char why[256] = "";

	cr_assert_eq(sip_tls_create(&config_b, &tls_b, why, sizeof(why)), 0, "%s", why);
	cr_assert_eq(sip_tls_create(&config_a, &tls_a, why, sizeof(why)), 0, "%s", why);
	open_end(&b, tls_b);
	open_end(&a, tls_a);
}

static struct sip_path path_to_b(const char *domain)
{
	struct sip_path to = rig_path(&a, &b, 0);

	to.name = sip_tls_name(tls_a, slice_of(domain));
	return to;
}

static int send_text(struct end *end, struct sip_path *to, const char *text)
{
	return sip_transport_send(end->transport, to, text, strlen(text));
}

/* What comes of a request to b as that domain: 0, or the error of the connection. */
static int reach(const char *domain)
{
	const unsigned received = b.received, failures = a.failures;
	struct sip_path to = path_to_b(domain);

	cr_assert_eq(send_text(&a, &to, REQUEST), 0);
	rig_until(b.received > received || a.failures > failures);
	return b.received > received ? 0 : a.error;
}

/* --- a client that reads when it is told to --- */

static void on_turn(SSL *client, int rc)
{
	const int error = SSL_get_error(client, rc);

	cr_assert(error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE, "%d", error);
	rig_turn();
}

static SSL *bare_client(int *fd)
{
	SSL_CTX *context = SSL_CTX_new(TLS_client_method());
	SSL *client = SSL_new(context);
	int rc;

	SSL_CTX_free(context);
	*fd = bare_connect(&b, 0);
	cr_assert_eq(fcntl(*fd, F_SETFL, O_NONBLOCK), 0);
	SSL_set_fd(client, *fd);
	while ((rc = SSL_connect(client)) != 1)
		on_turn(client, rc);
	return client;
}

static void bare_write(SSL *client, const char *text)
{
	int rc;

	while ((rc = SSL_write(client, text, (int)strlen(text))) <= 0)
		on_turn(client, rc);
}

static void free_bare(SSL *client, int fd)
{
	SSL_free(client);
	close(fd);
}

static void copy_waiting(void *arg, const struct sip_flow_info *info)
{
	*(uint32_t *)arg += info->waiting;
}

Test(tls, messages_cross_both_ways_and_large_ones_whole)
{
	static char message[RIG_MESSAGE_MAX + 1];
	struct sip_path to;

	open_both();
	b.answer = RESPONSE;
	to = path_to_b("");
	cr_expect_eq(send_text(&a, &to, REQUEST), 0);
	rig_until(a.received == 1);
	cr_expect_str_eq(b.last, REQUEST);
	cr_expect_str_eq(a.last, RESPONSE);
	cr_expect_eq(b.from.kind, SIP_TLS);
	memset(message, 'x', sizeof(message));
	message[snprintf(message, sizeof(message), "A b c\r\nl: 7982\r\n\r\n")] = 'x';
	for (unsigned i = 0; i < 30; i++)
		cr_expect_eq(sip_transport_send(a.transport, &to, message, RIG_MESSAGE_MAX), 0);
	rig_until(b.received == 31 && a.received == 31);
	cr_expect_eq(memcmp(b.last, message, RIG_MESSAGE_MAX), 0);
	cr_expect_eq(rig_stats(&b).tls_handshakes, 1);
}

static uint32_t waiting_at_b(void)
{
	uint32_t waiting = 0;

	sip_transport_each(b.transport, copy_waiting, &waiting);
	return waiting;
}

/* A client that sends while it does not read still gets all that waits for it. */
Test(tls, reading_does_not_stop_what_waits_to_be_written)
{
	static char message[RIG_MESSAGE_MAX];
	unsigned sent = 0;
	struct sip_path to;
	SSL *client;
	int fd;

	open_both();
	client = bare_client(&fd);
	memset(message, 'x', sizeof(message));
	memcpy(message, "A b c\r\nl: 7982\r\n\r\n", 18);
	bare_write(client, REQUEST);
	rig_until(b.received == 1);
	to = b.from;
	/* Some of it is taken by the system, the rest waits. */
	for (; waiting_at_b() < 100000; sent++) {
		cr_assert_eq(sip_transport_send(b.transport, &to, message, sizeof(message)), 0);
		rig_turn();
	}
	bare_write(client, REQUEST);
	rig_until(b.received == 2);
	for (size_t left = sent * sizeof(message); left > 0;) {
		static char text[65536];
		size_t n = 0;

		rig_deadline = uv_hrtime() + 10000000000u;
		while (SSL_read_ex(client, text, sizeof(text), &n) != 1) {
			cr_assert_lt(uv_hrtime(), rig_deadline, "%zu bytes do not come", left);
			rig_turn();
		}
		left -= n;
	}
	cr_expect_eq(waiting_at_b(), 0);
	free_bare(client, fd);
}

/* RFC 5922 §7: URIs of sip before DNS names, no wildcards, addresses where there is no domain. */
Test(tls, the_server_has_to_be_whom_we_want)
{
	open_both();
	cr_expect_eq(reach(""), 0, "its address");
	cr_expect_eq(reach("tandem.lab"), 0, "chosen by its name (SNI)");
	cr_expect_eq(reach("TANDEM.lab"), 0);
	cr_expect_eq(reach("other.lab"), 0);
	cr_expect_eq(reach("host.lab"), -EACCES, "there is a sip URI, which is another");
	cr_expect_eq(reach("x.wild.lab"), -EACCES);
	cr_expect_eq(reach("evil.lab"), -EACCES);
	cr_expect_eq(rig_stats(&a).tls_failed, 3);
	cr_expect_eq(a.notices[SIP_NOTICE_TLS], 3);
	cr_expect_str_eq(a.why, "the certificate is another's");
}

Test(tls, a_connection_to_one_domain_is_not_used_for_another)
{
	struct sip_path first, second;

	open_both();
	first = path_to_b("tandem.lab");
	second = path_to_b("other.lab");
	cr_expect_eq(send_text(&a, &first, REQUEST), 0);
	cr_expect_eq(send_text(&a, &second, REQUEST), 0);
	rig_until(b.received == 2);
	cr_expect(!sip_flow_equal(first.flow, second.flow));
	cr_expect_eq(rig_stats(&b).connections, 2);
}

Test(tls, an_authority_that_is_not_trusted_vouches_for_nobody)
{
	static char other[96];

	pki_issue("other", NULL, "Other CA", NULL);
	snprintf(other, sizeof(other), "%s", pki_file("other", "pem"));
	config_a.ca = other;
	open_both();
	cr_expect_eq(reach(""), -EPROTO);
	config_a.verify_server = false;
	cr_assert_eq(sip_tls_reload(tls_a, other, 0), 0);
	cr_expect_eq(reach(""), 0);
}

Test(tls, clients_have_to_show_a_certificate_where_that_is_wanted)
{
	config_b.verify_client = SIP_TLS_VERIFY_REQUIRED;
	open_both();
	cr_expect_eq(reach("other.lab"), -EPROTO);
	cr_expect_eq(b.received, 0);
	rig_until(rig_stats(&b).tls_failed == 1);
	config_a.certificates = both;
	config_a.certificate_count = 1;
	cr_assert_eq(sip_tls_reload(tls_a, ca, 0), 0);
	cr_expect_eq(reach("other.lab"), 0);
}

Test(tls, sessions_are_taken_up_again)
{
	open_both();
	b.answer = RESPONSE;
	for (unsigned i = 0; i < 3; i++) {
		struct sip_path to = path_to_b("tandem.lab");

		cr_expect_eq(send_text(&a, &to, REQUEST), 0);
		rig_until(a.received == i + 1);
		/* what follows is no SIP, so b closes */
		cr_expect_eq(send_text(&a, &to, "\x01"), 0);
		rig_until(a.failures == i + 1);
	}
	cr_expect_eq(rig_stats(&b).tls_resumed, 2);
	cr_expect_eq(rig_stats(&a).tls_resumed, 2);
}

Test(tls, certificates_are_read_again_and_connections_live_on)
{
	struct sip_path to;
	char why[256] = "";

	open_both();
	to = path_to_b("tandem.lab");
	cr_expect_eq(send_text(&a, &to, REQUEST), 0);
	rig_until(b.received == 1);
	pki_issue("domain", "ca", "b", "DNS:new.lab");
	cr_expect_eq(sip_tls_reload(tls_b, why, sizeof(why)), 0, "%s", why);
	cr_expect_eq(reach("new.lab"), 0);
	cr_expect_eq(send_text(&a, &to, REQUEST), 0);
	rig_until(b.received == 3);
	cr_expect_eq(a.failures, 0);
	cr_expect_eq(rig_stats(&b).connections, 2);
	/* what is wrong changes nothing */
	snprintf(paths[1][1], sizeof(paths[1][1]), "%s", pki_file("address", "key"));
	cr_expect_eq(sip_tls_reload(tls_b, why, sizeof(why)), -EINVAL);
	cr_expect_not_null(strstr(why, "address.key"), "%s", why);
	cr_expect_eq(reach("new.lab"), 0);
}

Test(tls, who_speaks_no_tls_is_closed)
{
	int fd;

	open_both();
	bare_send(fd = bare_connect(&b, 0), REQUEST);
	rig_until(bare_is_closed(fd));
	cr_expect_eq(b.received, 0);
	cr_expect_eq(rig_stats(&b).tls_failed, 1);
	cr_expect_eq(rig_stats(&b).opening, 0);
	close(fd);
}

Test(tls, a_handshake_that_takes_too_long_is_given_up)
{
	int fd;

	open_both();
	fd = bare_connect(&b, 0);
	bare_send(fd, "\x16\x03\x01");
	rig_until(rig_stats(&b).connections == 1);
	rig_pass_time(sip_transport_limits_default.opening_ms);
	rig_until(bare_is_closed(fd));
	cr_expect_eq(rig_stats(&b).timeouts_opening, 1);
	close(fd);
}

/* Peers name domains: they are forgotten one day, and their numbers are nobody else's. */
Test(tls, names_are_bounded_and_a_forgotten_one_cannot_be_proven)
{
	struct sip_path old;
	char name[32];

	open_both();
	old = path_to_b("tandem.lab");
	for (unsigned i = 0; i < 20 * SIP_TLS_NAMES; i++) {
		snprintf(name, sizeof(name), "n%u.lab", i);
		cr_assert_neq(sip_tls_name(tls_a, slice_of(name)), 0);
		cr_assert_neq(sip_tls_name(tls_a, slice_of(name)), old.name);
		/* what is asked for stays */
		cr_assert_eq(sip_tls_name(tls_a, SLICE("other.lab")),
			     sip_tls_name(tls_a, SLICE("OTHER.lab")));
	}
	cr_expect_eq(send_text(&a, &old, REQUEST), 0);
	rig_until(a.failures == 1);
	cr_expect_eq(a.error, -EACCES);
	cr_expect_eq(reach("tandem.lab"), 0, "known again, by another number");
	cr_expect_eq(reach("other.lab"), 0);
}

/* a connects to b, which then has something for a's port. */
Test(tls, requests_go_back_to_whom_a_certificate_proves)
{
	struct sip_path to, back;

	config_b.verify_client = SIP_TLS_VERIFY_OPTIONAL;
	config_a.certificates = both;
	config_a.certificate_count = 1; /* 127.0.0.1, other.lab */
	open_both();
	to = path_to_b("other.lab");
	cr_expect_eq(send_text(&a, &to, REQUEST), 0);
	rig_until(b.received == 1);
	cr_expect_eq(sip_transport_alias(b.transport, b.from.flow, SLICE("evil.lab"), 7777, true),
		     -EACCES);
	cr_expect_eq(sip_transport_alias(b.transport, b.from.flow, SLICE("127.0.0.2"), 7777, true),
		     -EACCES);
	cr_assert_eq(sip_transport_alias(b.transport, b.from.flow, SLICE("other.lab"), 7777, false),
		     0);
	back = b.from;
	back.flow = (struct sip_flow){ 0 };
	back.remote.port = 7777;
	back.name = sip_tls_name(tls_b, SLICE("other.lab"));
	cr_expect_eq(send_text(&b, &back, REQUEST), 0);
	rig_until(a.received == 1);
	cr_expect_eq(rig_stats(&b).connections_made, 0);
	/* it has not proven to be another domain, which may be at the same address */
	back.flow = (struct sip_flow){ 0 };
	back.name = sip_tls_name(tls_b, SLICE("tandem.lab"));
	cr_expect_eq(send_text(&b, &back, REQUEST), 0);
	cr_expect_eq(rig_stats(&b).connections_made, 1);
}

Test(tls, who_shows_no_certificate_has_no_requests_back)
{
	struct sip_path to;

	config_b.verify_client = SIP_TLS_VERIFY_OPTIONAL;
	open_both();
	to = path_to_b("other.lab");
	cr_expect_eq(send_text(&a, &to, REQUEST), 0);
	rig_until(b.received == 1);
	cr_expect_eq(sip_transport_alias(b.transport, b.from.flow, SLICE("127.0.0.1"), 5061, true),
		     -EACCES);
	/* nor has who was connected to: that one is found anyway */
	cr_expect_eq(sip_transport_alias(a.transport, to.flow, SLICE("127.0.0.1"), 5061, true),
		     -ENOTCONN);
}
