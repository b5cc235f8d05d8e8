-- SPDX-License-Identifier: BSD-3-Clause
-- Pktgen's range mode: the streams of both sides, each packet to the next of them. In the Pktgen
-- shell: script rtp_range.lua. It sets up and starts nothing.
--
-- The payload is a pattern that reads as RTP: version 2, PCMA, and always the same sequence
-- number, so Tandem forwards all packets after a stream's first as duplicates. For media that
-- counts on use the packet templates (make_template).
package.path = package.path .. ";" .. (debug.getinfo(1, "S").source:match("^@(.*/)") or "./") .. "?.lua"
local flows = require("flows")

-- Pktgen fills the frame from its first byte with 16 bytes over and over, the last of them 0, and
-- writes the headers over it. RTP begins at byte 42, that is at byte 10 of the pattern.
--               0   1   2   3   4   5   6 … 9       10  11  12  13  14  (15)
--               timestamp   SSRC                    V=2 PT  sequence timestamp
-- One SSRC for each side: the same from both sides of a call is a loop (RFC 3550, section 8.2).
local function pattern(side)
	return "\1\1" .. string.char(side):rep(4) .. "UUUU\x80\x08\1\1\1"
end

local function range(what, port, first, step, last)
	pktgen.range[what](port, "start", first)
	pktgen.range[what](port, "inc", step)
	pktgen.range[what](port, "min", first)
	pktgen.range[what](port, "max", last)
end

local function addresses(what, port, first)
	range(what, port, first, "0.0.0.1", flows.address(first, flows.addresses - 1))
end

for number, side in ipairs(flows.sides) do
	local port = side.port

	pktgen.set_type(port, "ipv4")
	pktgen.set_proto(port, "udp")
	pktgen.range.ip_proto(port, "udp")
	range("src_mac", port, side.mac, "00:00:00:00:00:00", side.mac)
	range("dst_mac", port, side.gateway, "00:00:00:00:00:00", side.gateway)
	addresses("src_ip", port, side.phones)
	addresses("dst_ip", port, side.media)
	range("src_port", port, flows.port_first, 2, flows.port_last())
	range("dst_port", port, flows.port_first, 2, flows.port_last())
	-- Pktgen counts the FCS in.
	range("pkt_size", port, flows.frame + 4, 0, flows.frame + 4)
	pktgen.pattern(port, "user")
	pktgen.userPattern(port, pattern(number))
	pktgen.set(port, "count", 0)
	pktgen.set_range(port, "on")
end
