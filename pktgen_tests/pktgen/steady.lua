-- SPDX-License-Identifier: BSD-3-Clause
-- All streams at their own rate (20 ms: 50 packets/s each) for some seconds, and what was lost:
-- 100,000 calls are 5 million packets/s each way on either port.
package.path = package.path .. ";" .. (debug.getinfo(1, "S").source:match("^@(.*/)") or "./") .. "?.lua"
local flows = require("flows")

local SECONDS = SECONDS or 60
local LINE_GBPS = LINE_GBPS or 25 -- of each port
local WIRE_OVERHEAD = 24 -- preamble, start, FCS, gap

local pps = flows.addresses * flows.ports * flows.packets_per_second
local percent = 100 * pps * (flows.frame + WIRE_OVERHEAD) * 8 / (LINE_GBPS * 1e9)
assert(percent <= 100, string.format("%.0f packets/s are %.0f %% of the line", pps, percent))

local ports = flows.sides[1].port .. "," .. flows.sides[2].port
pktgen.screen("off")
pktgen.clr()
pktgen.set(ports, "rate", percent)
print(string.format("steady: %.0f packets/s on each port, %.2f %% of the line, for %d s", pps, percent,
	SECONDS))
pktgen.start(ports)
pktgen.delay(SECONDS * 1000)
pktgen.stop(ports)
pktgen.delay(2000)
for i, side in ipairs(flows.sides) do
	local other = flows.sides[3 - i]
	local sent = pktgen.portStats(side.port, "port")[tonumber(side.port)].opackets
	local received = pktgen.portStats(other.port, "port")[tonumber(other.port)].ipackets
	print(string.format("steady: port %s to port %s: sent %d, received %d, lost %d", side.port,
		other.port, sent, received, sent - received))
end
