# SPDX-License-Identifier: BSD-3-Clause
"""What the end-to-end tests and the demo are made of.

lab     the network namespaces, Tandem in them, and its CLI
ua      a SIP user agent that does what a test wants, proper or not
rtp     an RTP endpoint: plays a tone, keeps what it receives
phone   a baresip phone
linphone, browser   phones too: linphonec, JsSIP in Chromium
kamailio, names     a proxy, a name server
tls     certificates
sipp    sipp scenarios
tone    WAV files, G.711, and which frequency one hears
"""
