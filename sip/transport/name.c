/* SPDX-License-Identifier: BSD-3-Clause */
#include "sip/transport/transport.h"

const char *sip_transport_name(enum sip_transport_kind kind)
{
	static const char *const names[SIP_TRANSPORT_KINDS] = {
		[SIP_UDP] = "udp", [SIP_TCP] = "tcp", [SIP_TLS] = "tls",
		[SIP_WS] = "ws",   [SIP_WSS] = "wss",
	};

	return names[kind];
}
