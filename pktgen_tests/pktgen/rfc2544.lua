-- SPDX-License-Identifier: BSD-3-Clause
-- The highest rate without loss (RFC 2544, section 26.1) in both directions at once, by halving,
-- and the round trips at 10, 50 and 90 % of it where this Pktgen measures latency.
--
-- Set the streams up first: script rtp_range.lua, or start Pktgen with packet templates and
-- TEMPLATES = true here. The result goes to rfc2544.json.
package.path = package.path .. ";" .. (debug.getinfo(1, "S").source:match("^@(.*/)") or "./") .. "?.lua"
local flows = require("flows")

local TEMPLATES = TEMPLATES or false
local TRIAL_MS = 10000
local CONFIRM_MS = 60000 -- RFC 2544, section 24
local SETTLE_MS = 2000
local RESOLUTION = 0.1 -- per cent of the line rate
local RESULT = RESULT or "rfc2544.json"

local ports = flows.sides[1].port .. "," .. flows.sides[2].port

local function counts()
	local sent, received, missed = 0, 0, 0

	for _, side in ipairs(flows.sides) do
		local stats = pktgen.portStats(side.port, "port")[tonumber(side.port)]
		sent = sent + stats.opackets
		received = received + stats.ipackets
		missed = missed + (stats.imissed or 0) + (stats.rx_nombuf or 0)
	end
	return sent, received, missed
end

-- Sends at a rate (per cent of the line) for a time. What Pktgen itself missed is no loss of
-- Tandem's, but the trial says nothing then and fails.
local function trial(rate, milliseconds)
	pktgen.clr()
	pktgen.set(ports, "rate", rate)
	pktgen.start(ports)
	pktgen.delay(milliseconds)
	pktgen.stop(ports)
	pktgen.delay(SETTLE_MS)

	local sent, received, missed = counts()
	local result = {
		rate = rate,
		pps = sent * 1000 / milliseconds,
		lost = sent - received,
		missed = missed,
		passed = sent > 0 and received >= sent,
	}
	print(string.format("rfc2544: %8.3f %% %12.0f packets/s  lost %d, missed by Pktgen %d: %s",
		result.rate, result.pps, result.lost, result.missed,
		result.passed and "carried" or "not carried"))
	return result
end

local function search()
	local low, high = 0, 100
	local best = trial(high, TRIAL_MS)

	if best.passed then
		return best
	end
	best = nil
	while high - low > RESOLUTION do
		local rate = (low + high) / 2
		local result = trial(rate, TRIAL_MS)
		if result.passed then
			low, best = rate, result
		else
			high = rate
		end
	end
	return best
end

-- A rate that does not hold for a minute gives way to a lower one.
local function confirmed(best)
	while best do
		local long = trial(best.rate, CONFIRM_MS)
		if long.passed then
			return long
		end
		best = best.rate > RESOLUTION and { rate = best.rate - RESOLUTION } or nil
	end
	return nil
end

-- Versions differ in what they tell: nothing is said where there is nothing.
local function latency(rate)
	if not pktgen.pktStats or not pktgen.latency then
		return nil
	end
	pktgen.latency(ports, "on")
	trial(rate, TRIAL_MS)
	local ok, stats = pcall(function()
		return pktgen.pktStats(flows.sides[1].port)[tonumber(flows.sides[1].port)].latency
	end)
	pktgen.latency(ports, "off")
	if not ok or type(stats) ~= "table" then
		return nil
	end
	return { min = stats.min_us, average = stats.avg_us, max = stats.max_us }
end

local function json(value)
	if type(value) ~= "table" then
		return type(value) == "string" and string.format("%q", value) or tostring(value)
	end
	local parts = {}
	for key, item in pairs(value) do
		parts[#parts + 1] = string.format("%q: %s", tostring(key), json(item))
	end
	table.sort(parts)
	return "{" .. table.concat(parts, ", ") .. "}"
end

pktgen.screen("off")
if TEMPLATES then
	pktgen.pcap(ports, "on")
end
local best = confirmed(search())
local result = { lossless_pps = best and best.pps or 0, line_percent = best and best.rate or 0 }
if best then
	for _, share in ipairs({ 10, 50, 90 }) do
		result["latency_us_at_" .. share] = latency(best.rate * share / 100)
	end
end
local file = assert(io.open(RESULT, "w"))
file:write(json(result), "\n")
file:close()
print("rfc2544: " .. json(result))
