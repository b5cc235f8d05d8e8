/* SPDX-License-Identifier: BSD-3-Clause */
/* The tables. A new key is a field in config.h and a row here, and `tandemctl config doc`. */
#include "config/schema.h"

#include "config/config.h"

#define FIELD(s, f) .offset = offsetof(struct s, f)
#define LIST(s, f)  .offset = offsetof(struct s, f), .count_offset = offsetof(struct s, f##_count)
#define NUMBER(s, f, lo, hi)                                                                  \
	.type = SCHEMA_NUMBER, .width = sizeof(((struct s *)0)->f), FIELD(s, f), .min = (lo), \
	.max = (hi)
#define STRING(s, f, lo, hi) .type = SCHEMA_STRING, FIELD(s, f), .min = (lo), .max = (hi)
#define CHOICE(s, f, words)  .type = SCHEMA_CHOICE, FIELD(s, f), .choices = words
#define BOOL(s, f)           .type = SCHEMA_BOOL, FIELD(s, f)

static const struct schema_key log_keys[] = {
	{ "level", "What is logged: this and what is more severe.", "info",
	  CHOICE(config_log, level, "error | warn | info | debug") },
	{ "format", "One line per event, for people or for machines.", "text",
	  CHOICE(config_log, format, "text | json") },
	{ 0 },
};
static const struct schema_section log_section = {
	"Log lines of both processes, on standard error. A place in the code logs at most 100 lines a second, and tells how many it left out; `debug` has no limit.",
	log_keys, sizeof(struct config_log)
};

static const struct schema_key port_keys[] = {
	{ "name", "For people: CLI, logs, counters.", NULL, STRING(config_port, name, 1, 31),
	  .form = schema_form_name },
	{ "device",
	  "PCI address (`0000:3b:00.0`), name and arguments of a DPDK device (`net_memif0,…`), or a "
	  "kernel interface (`eth0`).",
	  NULL, STRING(config_port, device, 1, 255) },
	{ "driver", "How a kernel interface is driven. Of no effect on other devices.", "af_packet",
	  CHOICE(config_port, driver, "af_packet | af_xdp") },
	{ "tap",
	  "Kernel interface that carries everything but media to the kernel and back. Without it "
	  "`tandem0` for the first port, `tandem1` for the second…",
	  SCHEMA_ABSENT, STRING(config_port, tap, 1, 15), .form = schema_form_interface },
	{ "addresses",
	  "Addresses with prefix length that are put on the TAP. Leave it out where `ip`, "
	  "networkd or FRR does that.",
	  SCHEMA_ABSENT, .type = SCHEMA_STRINGS, LIST(config_port, addresses), .min = 1, .max = 49,
	  .count_max = 64, .form = schema_form_prefix },
	{ "mtu", "Bytes of an IP packet.", "1500", NUMBER(config_port, mtu, 576, 9216) },
	{ "vlan", "VLAN (802.1Q) of its addresses, and of realms that name none; 0: untagged.", "0",
	  NUMBER(config_port, vlan, 0, 4094) },
	{ "outer_vlan", "Service VLAN (802.1ad) around it; 0: none.", "0",
	  NUMBER(config_port, outer_vlan, 0, 4094) },
	{ 0 },
};
static const struct schema_section port_section = { "Network ports of the dataplane.", port_keys,
						    sizeof(struct config_port) };

static const struct schema_key media_keys[] = {
	{ "address", "Local IP address of RTP and RTCP.", NULL,
	  STRING(config_media, address, 2, 45), .form = schema_form_ip },
	{ "port_first", "First UDP port; even, because RTP takes the even port of a pair.", "16384",
	  NUMBER(config_media, port_first, 1024, 65534) },
	{ "port_last", "Last UDP port; odd, RTCP's of the last pair.", "32767",
	  NUMBER(config_media, port_last, 1025, 65535) },
	{ "realm", "The realm that it belongs to. Without it the first.", SCHEMA_ABSENT,
	  STRING(config_media, realm, 1, 31), .form = schema_form_name },
	{ 0 },
};
static const struct schema_section media_section = {
	"Addresses that carry media, each with its range of ports.", media_keys,
	sizeof(struct config_media)
};

static const struct schema_key realm_keys[] = {
	{ "name", "For listeners, trunks and people.", NULL, STRING(config_realm, name, 1, 31),
	  .form = schema_form_name },
	{ "port", "Name of the port that it is reached by. Without it the first.", SCHEMA_ABSENT,
	  STRING(config_realm, port, 1, 31), .form = schema_form_name },
	{ "vlan", "VLAN (802.1Q); 0: the port's.", "0", NUMBER(config_realm, vlan, 0, 4094) },
	{ "outer_vlan", "Service VLAN (802.1ad) around it; 0: the port's.", "0",
	  NUMBER(config_realm, outer_vlan, 0, 4094) },
	{ "addresses", "Addresses with prefix length that are put on the interface of its VLAN.",
	  SCHEMA_ABSENT, .type = SCHEMA_STRINGS, LIST(config_realm, addresses), .min = 1, .max = 49,
	  .count_max = 64, .form = schema_form_prefix },
	{ "dscp", "Code point of the media packets sent; 46 is EF (RFC 4594).", "46",
	  NUMBER(config_realm, dscp, 0, 63) },
	{ 0 },
};
static const struct schema_section realm_section = {
	"Networks that media is exchanged with. Without any there is one, `default`: the first "
	"port.",
	realm_keys, sizeof(struct config_realm)
};

static const struct schema_key quality_keys[] = {
	{ "interval_s", "Seconds that are judged at a time.", "5",
	  NUMBER(config_quality, interval_s, 1, 300) },
	{ "mos_min",
	  "An event when the MOS (ITU-T G.107) of an interval is lower, in hundredths; 0: never.",
	  "360", NUMBER(config_quality, mos_min, 0, 450) },
	{ "loss_max_percent",
	  "An event when more is lost or too late in an interval, in per cent; 0: never.", "5",
	  NUMBER(config_quality, loss_max_percent, 0, 100) },
	{ "jitter_max_ms", "An event when jitter is higher, in ms; 0: never.", "50",
	  NUMBER(config_quality, jitter_max_ms, 0, 10000) },
	{ 0 },
};
static const struct schema_section quality_section = {
	"Thresholds of the quality of media received.", quality_keys, sizeof(struct config_quality)
};

static const struct schema_key dataplane_keys[] = {
	{ "ports", NULL, NULL, .type = SCHEMA_SECTIONS, LIST(config_dataplane, ports),
	  .count_max = 16, .section = &port_section },
	{ "media", NULL, NULL, .type = SCHEMA_SECTIONS, LIST(config_dataplane, media),
	  .count_max = 64, .section = &media_section },
	{ "realms", NULL, SCHEMA_ABSENT, .type = SCHEMA_SECTIONS, LIST(config_dataplane, realms),
	  .count_max = 16, .section = &realm_section },
	{ "quality", NULL, SCHEMA_ABSENT, .type = SCHEMA_SECTION, FIELD(config_dataplane, quality),
	  .section = &quality_section },
	{ "reclaim_after_s",
	  "Contexts (calls) that no live client claims and that carry no media for so many seconds "
	  "are removed; 0: never.",
	  "3600", NUMBER(config_dataplane, reclaim_after_s, 0, 604800) },
	{ "workers", "Threads that poll, each on a core of its own.", "1",
	  NUMBER(config_dataplane, workers, 1, 32) },
	{ "cores",
	  "Cores of the workers, one each. Without it the last ones of the machine are taken.",
	  SCHEMA_ABSENT, .type = SCHEMA_NUMBERS, LIST(config_dataplane, cores), .max = 1023,
	  .count_max = 32 },
	{ "idle",
	  "`poll`: workers never sleep, for cores of their own. `adaptive`: they sleep a "
	  "millisecond when they find less than a burst, for small machines.",
	  "poll", CHOICE(config_dataplane, idle, "poll | adaptive") },
	{ "terminations_max", "RTP end points at a time; a call of two parties has two.", "8192",
	  NUMBER(config_dataplane, terminations_max, 2, 1u << 20) },
	{ "memory_mb", "Megabytes for packet buffers and tables.", "256",
	  NUMBER(config_dataplane, memory_mb, 64, 1u << 20) },
	{ "hugepages", "Use hugepages where there are enough of them.", "true",
	  BOOL(config_dataplane, hugepages) },
	{ 0 },
};
static const struct schema_section dataplane_section = { "The process that moves the packets.",
							 dataplane_keys,
							 sizeof(struct config_dataplane) };

static const struct schema_key listener_keys[] = {
	{ "transport", "Transport protocol.", "udp",

	  CHOICE(config_listener, transport, "udp | tcp | tls | ws | wss") },
	{ "address", "Local IP address. Peers are told it in Via and Contact, so not a wildcard.",
	  NULL, STRING(config_listener, address, 2, 45), .form = schema_form_ip },
	{ "port", "Local port.", "5060", NUMBER(config_listener, port, 1, 65535) },
	{ "realm", "Realm of the media of calls over it. Without it the first.", SCHEMA_ABSENT,
	  STRING(config_listener, realm, 1, 31), .form = schema_form_name },
	{ "unauthenticated",
	  "Whoever sends here is believed to be the user that it names, without a password. For tests "
	  "alone: each use is an event.",
	  "false", BOOL(config_listener, unauthenticated) },
	{ "nat_keepalive",
	  "As `sip.nat_keepalive`, for phones that have registered here. Without it that.",
	  SCHEMA_ABSENT, CHOICE(config_listener, nat_keepalive, "crlf | stun | options") },
	{ 0 },
};
static const struct schema_section listener_section = { "Sockets that SIP is received on.",
							listener_keys,
							sizeof(struct config_listener) };

static const struct schema_key connections_keys[] = {
	{ "max", "Connections at a time; above, new ones are closed at once.", "100000",
	  NUMBER(config_connections, max, 1, 1000000) },
	{ "source_max",
	  "Of them, from one IP address (IPv6: one /64). Many phones may be behind one.", "1000",
	  NUMBER(config_connections, source_max, 1, 1000000) },
	{ "opening_max", "Of a shard: those that have not sent a message yet.", "4096",
	  NUMBER(config_connections, opening_max, 1, 1000000) },
	{ "opening_timeout_s",
	  "Seconds for connecting, for the handshake with the first message, and for the rest of a "
	  "message that has begun.",
	  "10", NUMBER(config_connections, opening_timeout_s, 1, 300) },
	{ "idle_timeout_s",
	  "Seconds without a byte from the other side; 0: for ever. Longer than phones register "
	  "for, unless they send keep-alives.",
	  "4000", NUMBER(config_connections, idle_timeout_s, 0, 604800) },
	{ "sending_timeout_s", "Seconds without the other side taking a byte of what waits for it.",
	  "20", NUMBER(config_connections, sending_timeout_s, 1, 300) },
	{ "queue_max", "Bytes that may wait for one connection; above, messages to it fail.",
	  "1048576", NUMBER(config_connections, queue_max, 65535, 1u << 26) },
	{ "tcp_alias",
	  "Requests to a trunk or to a host of `sip.guard.trusted` go back over the TCP connection "
	  "that it has opened, if its Via says `alias` (RFC 5923). Over TLS it is its certificate "
	  "that counts.",
	  "false", BOOL(config_connections, tcp_alias) },
	{ 0 },
};
static const struct schema_section connections_section = {
	"Connections of TCP, and what runs over it.", connections_keys,
	sizeof(struct config_connections)
};

static const struct schema_key guard_keys[] = {
	{ "trusted",
	  "Networks whose hosts are never banned and have no limits of their own. The addresses of "
	  "trunks need not be named, nor those that their `uri` leads to.",
	  SCHEMA_ABSENT, .type = SCHEMA_STRINGS, LIST(config_guard, trusted), .min = 1, .max = 49,
	  .count_max = 64, .form = schema_form_prefix },
	{ "messages_per_s",
	  "Messages a second that a source (an IPv4 address, an IPv6 /64) may send; more are "
	  "dropped; 0: no limit.",
	  "5000", NUMBER(config_guard, messages_per_s, 0, 1000000) },
	{ "requests_per_s", "Likewise, requests outside dialogs: calls, registrations.", "1000",
	  NUMBER(config_guard, requests_per_s, 0, 1000000) },
	{ "connections_per_s", "Likewise, connections.", "200",
	  NUMBER(config_guard, connections_per_s, 0, 1000000) },
	{ "keepalives_per_s",
	  "Likewise, STUN requests over UDP that are answered: so many go to whom somebody forges.",
	  "100", NUMBER(config_guard, keepalives_per_s, 0, 1000000) },
	{ "transactions_max",
	  "Requests of a source that may be unfinished at a time; above, 503; 0: no limit.", "2000",
	  NUMBER(config_guard, transactions_max, 0, 1000000) },
	{ "ban_after",
	  "Wrong passwords and unknown users in `ban_window_s` after which a source is banned; 0: "
	  "never.",
	  "20", NUMBER(config_guard, ban_after, 0, 100000) },
	{ "ban_window_s", "Seconds in which they are counted.", "600",
	  NUMBER(config_guard, ban_window_s, 1, 86400) },
	{ "ban_s",
	  "Seconds of the first ban of a source; each one after it is twice as long; 0: nobody is "
	  "banned.",
	  "300", NUMBER(config_guard, ban_s, 0, 604800) },
	{ "ban_max_s", "Seconds of a ban at most.", "86400",
	  NUMBER(config_guard, ban_max_s, 1, 2592000) },
	{ "wait_target_ms",
	  "Under overload so many new requests are let in that messages wait for so long, in ms.",
	  "25", NUMBER(config_guard, wait_target_ms, 5, 1000) },
	{ "stale_ms",
	  "A request that comes by UDP, opens something, and has waited for so many ms is dropped: "
	  "its sender has sent it again; 0: never.",
	  "500", NUMBER(config_guard, stale_ms, 0, 60000) },
	{ "scanners",
	  "Texts in User-Agent or From of tools that look for weak servers: such messages are "
	  "dropped without an answer, and their source is banned if it has connected (that of a "
	  "datagram may be forged). In any case.",
	  "friendly-scanner, friendly-request, sipvicious, sipcli, sundayddr, sip-scan, "
	  "siparmyknife, VaxSIPUserAgent, VaxIPUserAgent, pplsip, iWar, smap, svwar, svcrack",
	  .type = SCHEMA_STRINGS, LIST(config_guard, scanners), .min = 3, .max = 63,
	  .count_max = 64 },
	{ "emergency",
	  "What emergency calls are made to: services (RFC 5031) and numbers. They are never "
	  "shed.",
	  "urn:service:sos, 112", .type = SCHEMA_STRINGS, LIST(config_guard, emergency), .min = 1,
	  .max = 63, .count_max = 64 },
	{ "sources", "Sources that are remembered, at 72 bytes.", "65536",
	  NUMBER(config_guard, sources, 1024, 16777216) },
	{ 0 },
};
static const struct schema_section guard_section = {
	"What is kept away from the SIP stack: floods, scanners, guessing of passwords; and what is "
	"shed under overload.",
	guard_keys, sizeof(struct config_guard)
};

static const struct schema_key dns_keys[] = {
	{ "servers",
	  "Name servers: addresses, with a port if it is not 53 (`198.18.0.53:5353`, "
	  "`[2001:2::53]:5353`). Without any those of the system.",
	  SCHEMA_ABSENT, .type = SCHEMA_STRINGS, LIST(config_dns, servers), .min = 2, .max = 63,
	  .count_max = 8, .form = schema_form_server },
	{ "timeout_ms", "Milliseconds that the first try of a question waits.", "2000",
	  NUMBER(config_dns, timeout_ms, 100, 30000) },
	{ "tries", "How often each server is asked.", "2", NUMBER(config_dns, tries, 1, 10) },
	{ "failover_ms",
	  "A target of a name that sends nothing for so many milliseconds is left for the next "
	  "one; 0: only after 64 times T1.",
	  "4000", NUMBER(config_dns, failover_ms, 0, 32000) },
	{ "dead_s", "Seconds for which such a target is tried after all others.", "30",
	  NUMBER(config_dns, dead_s, 1, 3600) },
	{ 0 },
};
static const struct schema_section dns_section = { "How names of peers are found (RFC 3263).",
						   dns_keys, sizeof(struct config_dns) };

static const struct schema_key certificate_keys[] = {
	{ "certificate", "PEM file, with the chain behind the certificate.", NULL,
	  STRING(config_certificate, certificate, 1, 255) },
	{ "private_key", "PEM file.", NULL, STRING(config_certificate, private_key, 1, 255) },
	{ 0 },
};
static const struct schema_section certificate_section = {
	"What we prove with who we are. A client that names a server (SNI) is shown the one that is "
	"for it, others the first. Read again on SIGHUP; connections that are there live on.",
	certificate_keys, sizeof(struct config_certificate)
};

static const struct schema_key tls_keys[] = {
	{ "certificates", NULL, SCHEMA_ABSENT, .type = SCHEMA_SECTIONS,
	  LIST(config_tls, certificates), .count_max = 64, .section = &certificate_section },
	{ "ca", "PEM file of those who vouch for peers. Without it the system's.", SCHEMA_ABSENT,
	  STRING(config_tls, ca, 1, 255) },
	{ "verify_client",
	  "Certificates of who connects to us. `optional`: one that is shown has to be good.",
	  "none", CHOICE(config_tls, verify_client, "none | optional | required") },
	{ "verify_server",
	  "Whom we connect to has to prove that it is the domain, or the address, that we want "
	  "(RFC 5922).",
	  "true", BOOL(config_tls, verify_server) },
	{ "version_min", "Oldest version of TLS.", "1.2",
	  CHOICE(config_tls, version_min, "1.2 | 1.3") },
	{ 0 },
};
static const struct schema_section tls_section = { "TLS.", tls_keys, sizeof(struct config_tls) };

static const struct schema_key limits_keys[] = {
#define X(name, value, least, most, meaning) \
	{ #name, meaning ".", #value, NUMBER(sip_limits, name, least, most) },
	SIP_LIMITS(X)
#undef X
		{ 0 },
};
static const struct schema_section limits_section = {
	"What a SIP message may hold; what is beyond is refused, and never cut off.", limits_keys,
	sizeof(struct sip_limits)
};

static const struct schema_key sip_keys[] = {
	{ "domains", "Domains that we are registrar for; each is the realm of its users' digests.",
	  NULL, .type = SCHEMA_STRINGS, LIST(config_sip, domains), .min = 1, .max = 127,
	  .count_max = 64, .form = schema_form_domain },
	{ "listeners", NULL, NULL, .type = SCHEMA_SECTIONS, LIST(config_sip, listeners),
	  .count_max = 64, .section = &listener_section },
	{ "dns", NULL, SCHEMA_ABSENT, .type = SCHEMA_SECTION, FIELD(config_sip, dns),
	  .section = &dns_section },
	{ "connections", NULL, SCHEMA_ABSENT, .type = SCHEMA_SECTION,
	  FIELD(config_sip, connections), .section = &connections_section },
	{ "tls", NULL, SCHEMA_ABSENT, .type = SCHEMA_SECTION, FIELD(config_sip, tls),
	  .section = &tls_section },
	{ "ws_origins",
	  "Origins whose pages may open a WebSocket, such as `https://phone.example.com`. Without "
	  "it all.",
	  SCHEMA_ABSENT, .type = SCHEMA_STRINGS, LIST(config_sip, ws_origins), .min = 1, .max = 255,
	  .count_max = 64 },
	{ "digest", "Digest algorithms that phones are offered, the preferred one first.",
	  "SHA-256, MD5", .type = SCHEMA_CHOICES, LIST(config_sip, digest), .count_max = 3,
	  .choices = "SHA-512-256 | SHA-256 | MD5" },
	{ "auth_int",
	  "Offer `auth-int` beside `auth`: digests that cover bodies too (RFC 7616). Phones behind "
	  "routers that rewrite SDP fail with it.",
	  "false", BOOL(config_sip, auth_int) },
	{ "user_hash", "Take names of users as hashes (RFC 7616).", "false",
	  BOOL(config_sip, user_hash) },
	{ "authentication_info",
	  "Prove the password to the phone as well, in the answer to a REGISTER (RFC 7616), and hand "
	  "out the next nonce when one grows old.",
	  "false", BOOL(config_sip, authentication_info) },
	{ "md5_only_agents",
	  "How the User-Agent of phones begins that fail on a SHA-256 challenge instead of passing "
	  "it over (RFC 8760): they are offered MD5 alone.",
	  "baresip v1., baresip v0.", .type = SCHEMA_STRINGS, LIST(config_sip, md5_only_agents),
	  .min = 1, .max = 63, .count_max = 64 },
	{ "nonce_lifetime_s", "Seconds that a nonce is good for.", "300",
	  NUMBER(config_sip, nonce_lifetime_s, 10, 86400) },
	{ "registration_min_s", "Seconds; who registers for less is refused with 423.", "60",
	  NUMBER(config_sip, registration_min_s, 1, 3600) },
	{ "registration_max_s", "Seconds; who registers for longer gets this.", "3600",
	  NUMBER(config_sip, registration_max_s, 1, 604800) },
	{ "registration_default_s", "Seconds for who names no time.", "3600",
	  NUMBER(config_sip, registration_default_s, 1, 604800) },
	{ "contacts_max", "Contacts that a user may have at a time.", "10",
	  NUMBER(config_sip, contacts_max, 1, 64) },
	{ "service_route",
	  "Value of the Service-Route (RFC 3608) that phones are told when they register: the way "
	  "that their requests take. Without it none.",
	  SCHEMA_ABSENT, STRING(config_sip, service_route, 1, 511) },
	{ "flow_timer_s",
	  "Seconds within which phones that register with outbound (RFC 5626) ping us; 0: that is "
	  "left to them.",
	  "120", NUMBER(config_sip, flow_timer_s, 0, 3600) },
	{ "nat_keepalive_s",
	  "Seconds between two packets to a phone behind a NAT that is registered over UDP, so that "
	  "the NAT keeps the way to it open; 0: none are sent.",
	  "25", NUMBER(config_sip, nat_keepalive_s, 0, 3600) },
	{ "nat_keepalive",
	  "What these packets are. `crlf`: an empty line, which wants no answer. `stun`: a Binding "
	  "request (RFC 5626). `options`: a request of SIP. A phone that has answered them once and "
	  "then stops is not called any more until it answers or registers again.",
	  "crlf", CHOICE(config_sip, nat_keepalive, "crlf | stun | options") },
	{ "nat_keepalive_missed", "After how many without an answer; 0: never.", "3",
	  NUMBER(config_sip, nat_keepalive_missed, 0, 100) },
	{ "limits", NULL, SCHEMA_ABSENT, .type = SCHEMA_SECTION, FIELD(config_sip, limits),
	  .section = &limits_section },
	{ "t1_ms", "T1 of RFC 3261, the estimate of the round trip, in milliseconds.", "500",
	  NUMBER(config_sip, t1_ms, 50, 5000) },
	{ "session_expires_s",
	  "After how long a call without a sign of life is over (session timers, RFC 4028), in "
	  "seconds; 0: only if the other side asks for it.",
	  "1800", NUMBER(config_sip, session_expires_s, 0, 86400) },
	{ "session_min_s", "The shortest such time that is accepted (Min-SE), in seconds.", "90",
	  NUMBER(config_sip, session_min_s, 90, 3600) },
	{ "user_agent", "Server and User-Agent header.", "Tandem",
	  STRING(config_sip, user_agent, 1, 127) },
	{ "guard", NULL, SCHEMA_ABSENT, .type = SCHEMA_SECTION, FIELD(config_sip, guard),
	  .section = &guard_section },
	{ 0 },
};
static const struct schema_section sip_section = { "Signalling.", sip_keys,
						   sizeof(struct config_sip) };

static const struct schema_key user_keys[] = {
	{ "name", "User part of the address of record.", NULL, STRING(config_user, name, 1, 64),
	  .form = schema_form_user },
	{ "password", "Clear text, for digest authentication.", NULL,
	  STRING(config_user, password, 1, 128) },
	{ "domain", "One of `sip.domains`. Without it the first of them.", SCHEMA_ABSENT,
	  STRING(config_user, domain, 1, 127), .form = schema_form_domain },
	{ "display_name", "For people.", SCHEMA_ABSENT, STRING(config_user, display_name, 1, 127) },
	{ 0 },
};
static const struct schema_section user_section = { "Who may register, call and be called.",
						    user_keys, sizeof(struct config_user) };

static const struct schema_key trunk_keys[] = {
	{ "name", "For people: CLI, logs, CDRs.", NULL, STRING(config_trunk, name, 1, 63),
	  .form = schema_form_name },
	{ "addresses",
	  "IP addresses of the peer. Calls to it go to the first that a listener of ours has the "
	  "family of, unless it has a `uri`; calls from any of them need no digest.",
	  SCHEMA_ABSENT, .type = SCHEMA_STRINGS, LIST(config_trunk, addresses), .min = 2, .max = 45,
	  .count_max = 16, .form = schema_form_ip },
	{ "uri",
	  "Where calls to it go, as a name that is looked up (RFC 3263): `sip:carrier.example`, "
	  "`sip:pbx.example:5070;transport=tcp`, `sips:carrier.example`. Its targets are tried in "
	  "their order until one answers.",
	  SCHEMA_ABSENT, STRING(config_trunk, uri, 5, 255), .form = schema_form_sip_uri },
	{ "port", "Port of its addresses.", "5060", NUMBER(config_trunk, port, 1, 65535) },
	{ "prefix",
	  "Numbers that begin so go out here; the longest prefix that fits wins. Without it no call "
	  "goes out.",
	  SCHEMA_ABSENT, STRING(config_trunk, prefix, 0, 31), .form = schema_form_dial },
	{ "strip_prefix", "Take the prefix off the number that the peer gets.", "false",
	  BOOL(config_trunk, strip_prefix) },
	{ "inbound", "The peer may call in by its address.", "true", BOOL(config_trunk, inbound) },
	{ "calls_max", "Calls at a time, in and out; 0: no limit.", "0",
	  NUMBER(config_trunk, calls_max, 0, 1000000) },
	{ "realm",
	  "Realm of the listener that it is called from, and of its media. Without it the first.",
	  SCHEMA_ABSENT, STRING(config_trunk, realm, 1, 31), .form = schema_form_name },
	{ "trusted",
	  "The peer is believed in who it says is calling (P-Asserted-Identity, RFC 3325), and is "
	  "told who calls when the caller wants that withheld from others.",
	  "false", BOOL(config_trunk, trusted) },
	{ "emergency",
	  "Emergency calls (`sip.guard.emergency`) go out here, whatever the prefix, and over every "
	  "limit. Without such a peer they go where their number goes.",
	  "false", BOOL(config_trunk, emergency) },
	{ "username",
	  "Our name at the peer, for its challenges (digest). Without it none is answered.",
	  SCHEMA_ABSENT, STRING(config_trunk, username, 1, 64), .form = schema_form_user },
	{ "password", "Clear text, beside `username`.", SCHEMA_ABSENT,
	  STRING(config_trunk, password, 1, 128) },
	{ "auth_realm",
	  "The realm whose challenges are answered. Without it any that the peer names; whatever the "
	  "realm, where the peer's `addresses` and `uri` lead to and nowhere else.",
	  SCHEMA_ABSENT, STRING(config_trunk, auth_realm, 1, 127) },
	{ "auth_algorithms",
	  "Digest algorithms that we prove the password with; of those that the peer offers the "
	  "strongest. Leave MD5 out where the peer has better: nobody on the way can then make us use "
	  "it.",
	  "SHA-512-256, SHA-256, MD5", .type = SCHEMA_CHOICES, LIST(config_trunk, auth_algorithms),
	  .count_max = 3, .choices = "SHA-512-256 | SHA-256 | MD5" },
	{ "register_s", "Seconds that we register for at the peer, under `username`; 0: we do not.",
	  "0", NUMBER(config_trunk, register_s, 0, 86400) },
	{ "domain", "The domain that we register in there. Without it the peer's address.",
	  SCHEMA_ABSENT, STRING(config_trunk, domain, 1, 127), .form = schema_form_domain },
	{ 0 },
};
static const struct schema_section trunk_section = { "Peers that calls are exchanged with.",
						     trunk_keys, sizeof(struct config_trunk) };

static const struct schema_key rule_keys[] = {
	{ "name", "For people: logs, events.", SCHEMA_ABSENT, STRING(config_rule, name, 1, 63),
	  .form = schema_form_name },
	{ "from",
	  "Who calls, as a pattern with `*`, `?` and `[…]`: an address of record "
	  "(`alice@tandem.lab`), its user part (`alice`, `10*`), or `trunk:NAME`. Without it anybody.",
	  SCHEMA_ABSENT, STRING(config_rule, from, 1, 191) },
	{ "to",
	  "Who or what is called, likewise: an address of record, or a user part or number as it is "
	  "dialed, without visual separators. Without it anything.",
	  SCHEMA_ABSENT, STRING(config_rule, to, 1, 191) },
	{ "realm", "Realm of the listener that the call comes by. Without it any.", SCHEMA_ABSENT,
	  STRING(config_rule, realm, 1, 31), .form = schema_form_name },
	{ "trunk", "Trunk that the call would go out by. Without it any way.", SCHEMA_ABSENT,
	  STRING(config_rule, trunk, 1, 63), .form = schema_form_name },
	{ "action", "`deny`: 403, a counter and an event.", "deny",
	  CHOICE(config_rule, action, "deny | allow") },
	{ 0 },
};
static const struct schema_section rule_section = {
	"Who may call whom, in order: the first that fits decides, and what none fits is allowed. "
	"Whoever asks for a transfer needs to be allowed to call its target. Emergency calls are never "
	"denied.",
	rule_keys, sizeof(struct config_rule)
};

static const struct schema_key calls_keys[] = {
	{ "calls_max", "Calls at a time; above, 503.", "100000",
	  NUMBER(config_calls, calls_max, 1, 1000000) },
	{ "ring_timeout_s", "Seconds without an answer until a call is given up.", "180",
	  NUMBER(config_calls, ring_timeout_s, 5, 3600) },
	{ "fork_next_s",
	  "Contacts of a user ring in the order of their `q`, those of the same `q` at once. Seconds "
	  "without an answer until those that ring are given up for those of the next lower `q`; all "
	  "together have `ring_timeout_s`.",
	  "20", NUMBER(config_calls, fork_next_s, 1, 3600) },
	{ "media_timeout_s",
	  "A call whose media stays away for so many seconds is ended; 0: never.", "60",
	  NUMBER(config_calls, media_timeout_s, 0, 86400) },
	{ "packet_rate_max",
	  "RTP packets a second that a party of a call may send, at least 16; what is more is "
	  "dropped; 0: no limit. For RTCP the same again.",
	  "1000", NUMBER(config_calls, packet_rate_max, 0, 1000000) },
	{ "rtcp",
	  "`relay`: reports of the parties are passed on. `own`: they end here, and each party gets "
	  "reports of our own, so neither learns of the other's CNAME.",
	  "relay", CHOICE(config_calls, rtcp, "relay | own") },
	{ "media_source",
	  "Whose media a party's is. `strict`: only what comes from the address and port of its SDP. "
	  "`learn`: the first source that proves itself with two packets in sequence, as behind a "
	  "NAT; the address of the SDP takes its place as soon as it speaks. `auto`: where the SDP "
	  "names the IP address that the party's SIP comes from, there is no NAT between, so only "
	  "that host is learnt from, on any port; else `learn`. A party whose media comes from "
	  "another host than it says needs `learn`.",
	  "auto", CHOICE(config_calls, media_source, "auto | learn | strict") },
	{ "transfer",
	  "Who may transfer calls by REFER. `users`: who has proven to be a user of ours, each the "
	  "calls that it is in. `all`: trunks as well. `off`: nobody (403); operators may with "
	  "`tandemctl call transfer`.",
	  "users", CHOICE(config_calls, transfer, "users | all | off") },
	{ "message_types",
	  "Types of the bodies of INFO and MESSAGE that cross from one side of a call to the other; "
	  "others get 415.",
	  "application/dtmf-relay, application/dtmf, application/media_control+xml, "
	  "application/im-iscomposing+xml, text/plain",
	  .type = SCHEMA_STRINGS, LIST(config_calls, message_types), .min = 3, .max = 127,
	  .count_max = 64 },
	{ "message_max", "Bytes of such a body; larger ones get 413; 0: none crosses.", "4096",
	  NUMBER(config_calls, message_max, 0, 65535) },
	{ "dataplane_retry_after_s",
	  "Retry-After, in seconds, of the 503 that new calls get while there is no dataplane.",
	  "5", NUMBER(config_calls, dataplane_retry_after_s, 1, 3600) },
	{ 0 },
};
static const struct schema_section calls_section = { "Limits of calls.", calls_keys,
						     sizeof(struct config_calls) };

static const struct schema_key controlplane_keys[] = {
	{ "shards", "Threads that calls are spread over.", "1",
	  NUMBER(config_controlplane, shards, 1, 16) },
	{ "state_dir",
	  "Directory of the database: registrations, calls in progress, CDRs. "
	  "TANDEM_STATE_DIR in the environment comes first.",
	  CONFIG_STATE_DIR_DEFAULT, STRING(config_controlplane, state_dir, 1, 200),
	  .form = schema_form_path },
	{ 0 },
};
static const struct schema_section controlplane_section = { "The process that makes the calls.",
							    controlplane_keys,
							    sizeof(struct config_controlplane) };

static const struct schema_key hep_keys[] = {
	{ "address", "IP address of a collector of HEPv3 over UDP, such as Homer. Without it none.",
	  SCHEMA_ABSENT, STRING(config_hep, address, 2, 45), .form = schema_form_ip },
	{ "port", "Its port.", "9060", NUMBER(config_hep, port, 1, 65535) },
	{ "capture_id", "What it knows this system by.", "2001",
	  NUMBER(config_hep, capture_id, 0, UINT32_MAX) },
	{ "password", "Sent with each packet, as it stands here.", SCHEMA_ABSENT,
	  STRING(config_hep, password, 1, 64) },
	{ 0 },
};
static const struct schema_section hep_section = {
	"Copies of all SIP messages for a collector, without secrets.", hep_keys,
	sizeof(struct config_hep)
};

static const struct schema_key sip_pcap_keys[] = {
	{ "file", "File for all SIP messages, as pcapng, without secrets. Without it none.",
	  SCHEMA_ABSENT, STRING(config_sip_pcap, file, 1, 200), .form = schema_form_path },
	{ "size_mb", "Megabytes; then it becomes FILE.1 in place of the one before.", "100",
	  NUMBER(config_sip_pcap, size_mb, 1, 1000000) },
	{ 0 },
};
static const struct schema_section sip_pcap_section = { "Copies of all SIP messages in a file.",
							sip_pcap_keys,
							sizeof(struct config_sip_pcap) };

static const struct schema_key monitor_keys[] = {
	{ "hep", NULL, SCHEMA_ABSENT, .type = SCHEMA_SECTION, FIELD(config_monitor, hep),
	  .section = &hep_section },
	{ "sip_pcap", NULL, SCHEMA_ABSENT, .type = SCHEMA_SECTION, FIELD(config_monitor, sip_pcap),
	  .section = &sip_pcap_section },
	{ 0 },
};
static const struct schema_section monitor_section = { "Who is told what happens.", monitor_keys,
						       sizeof(struct config_monitor) };

static const struct schema_key root_keys[] = {
	/* 80: room for the names below it in the 108 bytes of a UNIX socket's address */
	{ "run_dir",
	  "Directory of the sockets between the processes. TANDEM_RUN_DIR in the environment comes "
	  "first.",
	  CONFIG_RUN_DIR_DEFAULT, STRING(config, run_dir, 1, 80), .form = schema_form_path },
	{ "log", NULL, SCHEMA_ABSENT, .type = SCHEMA_SECTION, FIELD(config, log),
	  .section = &log_section },
	{ "dataplane", NULL, NULL, .type = SCHEMA_SECTION, FIELD(config, dataplane),
	  .section = &dataplane_section },
	{ "sip", NULL, NULL, .type = SCHEMA_SECTION, FIELD(config, sip), .section = &sip_section },
	{ "users", NULL, SCHEMA_ABSENT, .type = SCHEMA_SECTIONS, LIST(config, users),
	  .count_max = 200000, .section = &user_section },
	{ "trunks", NULL, SCHEMA_ABSENT, .type = SCHEMA_SECTIONS, LIST(config, trunks),
	  .count_max = 1000, .section = &trunk_section },
	{ "rules", NULL, SCHEMA_ABSENT, .type = SCHEMA_SECTIONS, LIST(config, rules),
	  .count_max = 1000, .section = &rule_section },
	{ "calls", NULL, SCHEMA_ABSENT, .type = SCHEMA_SECTION, FIELD(config, calls),
	  .section = &calls_section },
	{ "controlplane", NULL, SCHEMA_ABSENT, .type = SCHEMA_SECTION, FIELD(config, controlplane),
	  .section = &controlplane_section },
	{ "monitor", NULL, SCHEMA_ABSENT, .type = SCHEMA_SECTION, FIELD(config, monitor),
	  .section = &monitor_section },
	{ 0 },
};
const struct schema_section schema_root = { "The file.", root_keys, sizeof(struct config) };
