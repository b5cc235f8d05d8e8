-- SPDX-License-Identifier: BSD-3-Clause
-- What the scripts here agree on with each other and with the calls in Tandem. Change it here.
--
-- A side is a port of Pktgen and the phones behind it. Each of `addresses` media addresses has
-- `ports` RTP ports, two numbers apart, and a call has one of them on either side. Range mode
-- steps address and port together at each packet, so all pairs of them are met only if the two
-- numbers have no divisor in common (5 and 20002: 100,010 calls).
local flows = {
	addresses = 5,
	ports = 20002,
	port_first = 16384,
	frame = 214, -- bytes without FCS: 20 ms of G.711 in RTP, UDP, IPv4, Ethernet
	packets_per_second = 50, -- of each stream
	sides = {
		{
			port = "0", -- of Pktgen
			mac = "02:00:00:00:00:0a", -- its own
			gateway = "02:00:00:00:00:01", -- Tandem's port opposite
			phones = "198.18.128.1", -- the first; the others count on
			media = "198.18.0.1", -- Tandem's, likewise
		},
		{
			port = "1",
			mac = "02:00:00:00:00:0b",
			gateway = "02:00:00:00:00:02",
			phones = "198.19.128.1",
			media = "198.19.0.1",
		},
	},
}

-- The address n after one.
function flows.address(first, n)
	local a, b, c, d = first:match("^(%d+)%.(%d+)%.(%d+)%.(%d+)$")
	local value = ((a * 256 + b) * 256 + c) * 256 + d + n
	return string.format("%d.%d.%d.%d", value >> 24 & 255, value >> 16 & 255, value >> 8 & 255,
		value & 255)
end

function flows.port_last()
	return flows.port_first + 2 * (flows.ports - 1)
end

local function divisor(a, b)
	while b > 0 do
		a, b = b, a % b
	end
	return a
end
assert(divisor(flows.addresses, flows.ports) == 1, "range mode would leave flows out")

return flows
