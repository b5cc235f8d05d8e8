-- SPDX-License-Identifier: BSD-3-Clause
-- A Pktgen that is none: two ports with something between them that carries CARRIED packets a
-- second each way and loses the rest, and a clock that pktgen.delay() moves. For the test of the
-- scripts here: lua -e 'CARRIED = 1e6' mock.lua SCRIPT…
local LINE_PPS = 10e6

local ports = {
	["0"] = { rate = 100, sent = 0 },
	["1"] = { rate = 100, sent = 0 },
}
local calls = {}

local function each(list, action)
	for name in list:gmatch("[^,]+") do
		action(assert(ports[name], "port " .. name))
	end
end

local function noted(name)
	return function(...)
		calls[#calls + 1] = name .. "(" .. table.concat({ ... }, ", ") .. ")"
	end
end

pktgen = {
	range = setmetatable({}, { __index = function(_, name) return noted("range." .. name) end }),
	screen = noted("screen"), pcap = noted("pcap"), set_type = noted("set_type"),
	set_proto = noted("set_proto"), set_range = noted("set_range"), pattern = noted("pattern"),
	latency = noted("latency"),
}

function pktgen.userPattern(_, text)
	assert(#text == 15 and not text:find("\0"), "15 bytes, none of them 0")
	-- As Pktgen lays it under a frame: RTP begins at byte 42.
	local frame = (text .. "\0"):rep(4)
	local version, payload_type = frame:byte(43, 44)
	assert(version == 0x80 and payload_type == 8, "the pattern does not read as RTP")
end

function pktgen.set(list, what, value)
	each(list, function(port) port[what] = value end)
end

function pktgen.clr()
	each("0,1", function(port) port.sent, port.received = 0, 0 end)
end

function pktgen.start(list)
	each(list, function(port) port.sending = true end)
end

function pktgen.stop(list)
	each(list, function(port) port.sending = false end)
end

function pktgen.delay(milliseconds)
	for name, port in pairs(ports) do
		if port.sending then
			local offered = LINE_PPS * port.rate / 100
			local other = ports[name == "0" and "1" or "0"]
			port.sent = port.sent + offered * milliseconds // 1000
			other.received = (other.received or 0)
				+ math.min(offered, CARRIED) * milliseconds // 1000
		end
	end
end

function pktgen.portStats(name)
	local port = ports[name]
	return { [tonumber(name)] = { opackets = port.sent, ipackets = port.received or 0, imissed = 0 } }
end

function pktgen.pktStats(name)
	return { [tonumber(name)] = { latency = { min_us = 1, avg_us = 2, max_us = 3 } } }
end

for _, script in ipairs(arg) do
	dofile(script)
end
for _, call in ipairs(calls) do
	if call:match("^range") then
		print(call)
	end
end
