-- DSoftBus for Wireshark: announce v1, the sessions of the dialects `bus`, `host` and `os` as far as the wire shows them without keys, and the
-- OS's QD datagrams. See README.md beside this file.
--
-- Every octet is looked at only after its length was checked, against what was captured: a hostile or cut packet is an expert item, never an
-- error of Lua. Written in what Lua 5.2 (Wireshark 4.0) and 5.4 have in common.

local dsoftbus = Proto("dsoftbus", "DSoftBus")

local F = {
  announce = ProtoField.none("dsoftbus.announce", "Announce"),
  announce_version = ProtoField.uint8("dsoftbus.announce.version", "Version"),
  announce_device_id = ProtoField.string("dsoftbus.announce.device_id", "Device id"),
  announce_port = ProtoField.uint16("dsoftbus.announce.port", "Session port", base.DEC),
  announce_key = ProtoField.bytes("dsoftbus.announce.key", "X25519 static public key"),
  announce_service_count = ProtoField.uint8("dsoftbus.announce.service_count", "Services"),
  announce_service = ProtoField.string("dsoftbus.announce.service", "Service"),
  announce_trailing = ProtoField.bytes("dsoftbus.announce.trailing", "Octets behind the last service, ignored"),
  session_dialect = ProtoField.string("dsoftbus.session.dialect", "Dialect"),
  session_side = ProtoField.string("dsoftbus.session.side", "Sent by"),
  handshake = ProtoField.none("dsoftbus.handshake", "Handshake message"),
  handshake_number = ProtoField.uint8("dsoftbus.handshake.number", "Message"),
  handshake_version = ProtoField.uint8("dsoftbus.handshake.version", "Version"),
  handshake_length = ProtoField.uint32("dsoftbus.handshake.length", "Octets on the wire, header included"),
  handshake_ephemeral = ProtoField.bytes("dsoftbus.handshake.ephemeral", "X25519 ephemeral public key"),
  handshake_static = ProtoField.bytes("dsoftbus.handshake.static", "Static public key, sealed"),
  handshake_payload = ProtoField.bytes("dsoftbus.handshake.payload", "Payload, sealed"),
  record = ProtoField.none("dsoftbus.record", "Record"),
  record_number = ProtoField.uint32("dsoftbus.record.number", "Number within its direction, from 1"),
  record_length = ProtoField.uint32("dsoftbus.record.length", "Octets on the wire, header included"),
  record_sealed = ProtoField.bytes("dsoftbus.record.sealed", "Ciphertext and tag"),
  record_plaintext_length = ProtoField.uint32("dsoftbus.record.plaintext_length", "Octets of plaintext"),
  record_form = ProtoField.string("dsoftbus.record.form", "Form"),
  undissected = ProtoField.bytes("dsoftbus.undissected", "Octets without a meaning"),
  qd = ProtoField.none("dsoftbus.qd", "QD datagram"),
  qd_version = ProtoField.uint8("dsoftbus.qd.version", "Version"),
  qd_opcode = ProtoField.uint8("dsoftbus.qd.opcode", "Opcode", base.DEC,
    { [1] = "MSG1", [2] = "MSG2", [3] = "MSG3", [4] = "PING", [5] = "PONG" }),
  qd_nonce = ProtoField.uint32("dsoftbus.qd.nonce", "Session nonce", base.HEX),
  qd_length = ProtoField.uint16("dsoftbus.qd.length", "Payload length", base.DEC),
  qd_payload = ProtoField.bytes("dsoftbus.qd.payload", "Payload"),
  qd_trailing = ProtoField.bytes("dsoftbus.qd.trailing", "Octets behind the payload, ignored"),
  reject = ProtoField.string("dsoftbus.reject", "Refused"),
}
dsoftbus.fields = F

local E = {
  malformed = ProtoExpert.new("dsoftbus.malformed", "What no end would take", expert.group.MALFORMED, expert.severity.ERROR),
  cut = ProtoExpert.new("dsoftbus.cut", "The capture has not all of it", expert.group.UNDECODED, expert.severity.WARN),
  ignored = ProtoExpert.new("dsoftbus.ignored", "Octets that a receiver ignores", expert.group.UNDECODED, expert.severity.NOTE),
  cleartext = ProtoExpert.new("dsoftbus.cleartext", "Sent in clear, and proves nothing", expert.group.SECURITY, expert.severity.NOTE),
}
dsoftbus.experts = { E.malformed, E.cut, E.ignored, E.cleartext }

local tcp_stream = Field.new("tcp.stream")

local DISCOVERY_PORT = 37020
local QD_PORTS = { [34567] = true, [34569] = true }
-- Sessions are listened for at these, and at those that are announced.
local SESSION_PORTS = { [34567] = true, [34568] = true }
local TAG = 16
local KEY = 32

-- What a capture has taught so far; forgotten with it.
local announced, sessions, seen

local function forget()
  announced, sessions, seen = {}, {}, {}
end
dsoftbus.init = forget
forget()

-- Says why a packet is refused, under the name that the decoders of nexus-net have for it.
local function refuse(tree, label, text)
  tree:add(F.reject, label):set_generated()
  tree:add_proto_expert_info(E.malformed, text or label)
end

-- Strict UTF-8 (RFC 3629): no overlong forms, no surrogates, nothing above U+10FFFF.
local function is_utf8(text)
  local i, n = 1, #text
  while i <= n do
    local a, b = text:byte(i), text:byte(i + 1)
    local more, low, high = nil, 0x80, 0xbf
    if a < 0x80 then more = 0
    elseif a >= 0xc2 and a <= 0xdf then more = 1
    elseif a >= 0xe0 and a <= 0xef then
      more = 2
      if a == 0xe0 then low = 0xa0 elseif a == 0xed then high = 0x9f end
    elseif a >= 0xf0 and a <= 0xf4 then
      more = 3
      if a == 0xf0 then low = 0x90 elseif a == 0xf4 then high = 0x8f end
    end
    if more == nil or i + more > n then return false end
    if more > 0 and (b < low or b > high) then return false end
    for j = i + 2, i + more do
      local c = text:byte(j)
      if c < 0x80 or c > 0xbf then return false end
    end
    i = i + more + 1
  end
  return true
end

-- A name of 1..=64 octets behind its length; the offset behind it, or nothing and why it is none.
local function add_name(tvb, tree, at, field, bad_length)
  if tvb:len() < at + 1 then return nil, "truncated" end
  local length = tvb(at, 1):uint()
  if length == 0 or length > 64 then return nil, bad_length end
  if tvb:len() < at + 1 + length then return nil, "truncated" end
  local range = tvb(at + 1, length)
  if not is_utf8(range:raw()) then return nil, "bad-utf8" end
  tree:add_packet_field(field, range, ENC_UTF_8)
  return at + 1 + length, range:string(ENC_UTF_8)
end

-- The checks come in the order in which the OS has them. Returns a text for the info column, or nothing and why it is no announce.
local function announce_fields(tvb, tree)
  local n = tvb:len()
  if n < 4 then return nil, "truncated" end
  if tvb(0, 4):raw() ~= "NXSB" then return nil, "bad-magic" end
  if n < 5 then return nil, "truncated" end
  tree:add(F.announce_version, tvb(4, 1))
  if tvb(4, 1):uint() ~= 1 then return nil, "unsupported-version" end
  local at, id = add_name(tvb, tree, 5, F.announce_device_id, "bad-device-id-length")
  if at == nil then return nil, id end
  if n < at + 2 + KEY + 1 then return nil, "truncated" end
  local port = tvb(at, 2):uint()
  tree:add(F.announce_port, tvb(at, 2))
  tree:add(F.announce_key, tvb(at + 2, KEY))
  at = at + 2 + KEY
  local count = tvb(at, 1):uint()
  tree:add(F.announce_service_count, tvb(at, 1))
  if count > 16 then return nil, "bad-service-count" end
  at = at + 1
  for _ = 1, count do
    local next_at, why = add_name(tvb, tree, at, F.announce_service, "bad-service-name-length")
    if next_at == nil then return nil, why end
    at = next_at
  end
  if at < n then
    tree:add(F.announce_trailing, tvb(at))
    tree:add_proto_expert_info(E.ignored)
  end
  announced[port] = true
  return string.format("Announce %s, sessions at %d, services: %d", id, port, count)
end

local function dissect_announce(tvb, pinfo, root)
  pinfo.cols.protocol = "DSoftBus"
  local tree = root:add(dsoftbus, tvb(), "DSoftBus announce")
  if tvb:len() > 0 then tree:add(F.announce, tvb()) end
  local info, why = announce_fields(tvb, tree)
  pinfo.cols.info = info or ("Announce refused: " .. why)
  if info == nil then refuse(tree, why) end
  return tvb:len()
end

-- "QD", version 1, opcode, nonce u32 LE, length u16 LE, payload of at most 246 octets.
local function qd_fields(tvb, tree)
  local n = tvb:len()
  if n < 10 then return nil, "truncated" end
  if tvb(0, 2):raw() ~= "QD" then return nil, "bad-magic" end
  tree:add(F.qd_version, tvb(2, 1))
  if tvb(2, 1):uint() ~= 1 then return nil, "unsupported-version" end
  local opcode, length = tvb(3, 1):uint(), tvb(8, 2):le_uint()
  tree:add(F.qd_opcode, tvb(3, 1))
  tree:add_le(F.qd_nonce, tvb(4, 4))
  tree:add_le(F.qd_length, tvb(8, 2))
  if 10 + length > n then return nil, "truncated" end
  if length > 0 then tree:add(F.qd_payload, tvb(10, length)) end
  if opcode == 4 or opcode == 5 then tree:add_proto_expert_info(E.cleartext) end
  if 10 + length < n then
    tree:add(F.qd_trailing, tvb(10 + length))
    tree:add_proto_expert_info(E.ignored)
  end
  local names = { "MSG1", "MSG2", "MSG3", "PING", "PONG" }
  return string.format("QD %s, %d octets", names[opcode] or ("opcode " .. opcode), length)
end

local function dissect_qd(tvb, pinfo, root)
  pinfo.cols.protocol = "DSoftBus"
  local tree = root:add(dsoftbus, tvb(), "DSoftBus QD datagram")
  tree:add(F.session_dialect, "qd"):set_generated()
  if tvb:len() > 0 then tree:add(F.qd, tvb()) end
  local info, why = qd_fields(tvb, tree)
  pinfo.cols.info = info or ("QD refused: " .. why)
  if info == nil then refuse(tree, why) end
  return tvb:len()
end

-- Where the messages of a dialect end. `header` is of the octets that it asked for; the length is that of the whole message.
-- `place` is { handshake = 1..3 } or { side = .., record = 1.. }.
local FRAMINGS = {}

FRAMINGS.bus = {
  header = function(place) return place.handshake and 6 or 2 end,
  length = function(header, place)
    if place.handshake == nil then
      local n = header:uint()
      if n < 17 then return nil, "bad-record-length" end
      return 2 + n
    end
    if header(0, 2):raw() ~= "NB" then return nil, "bad-magic" end
    if header(2, 1):uint() ~= 1 then return nil, "unsupported-version" end
    if header(3, 1):uint() ~= place.handshake then return nil, "bad-message-number" end
    local n = header(4, 2):uint()
    if n < 48 or n > (place.handshake == 1 and 48 or 512) then return nil, "bad-handshake-length" end
    return 6 + n
  end,
}

FRAMINGS.host = {
  header = function() return 4 end,
  length = function(header)
    local n = header:uint()
    if n > 65535 then return nil, "oversize-message" end
    return 4 + n
  end,
}

-- No lengths on the wire: a message is as long as its place says. The server answers three steps of the ladder, then requests.
FRAMINGS.os = {
  header = function() return 0 end,
  length = function(_, place)
    if place.handshake then return ({ 32, 96, 64 })[place.handshake] end
    return (place.side == "server" and place.record > 3) and 531 or 275
  end,
}

local function dialect_of(first)
  if first:raw() == "NB\1\1" then return "bus" end
  return first:uint() == 48 and "host" or "os"
end

-- A public key, a sealed one and a sealed payload, as far as they are there.
local function add_handshake(tree, body, dialect, number)
  local at = 0
  local function part(field, length)
    if length > 0 and at + length <= body:len() then
      tree:add(field, body(at, length))
      at = at + length
    end
  end
  if number < 3 then part(F.handshake_ephemeral, KEY) end
  if number == 3 or (number == 2 and dialect == "os") then part(F.handshake_static, KEY + TAG) end
  part(F.handshake_payload, body:len() - at)
end

local function add_message(tvb, tree, message)
  local dialect, place, header = message.dialect, message.place, message.header
  local whole = tvb(message.at, message.length)
  local body = message.length > header and tvb(message.at + header, message.length - header) or nil
  if place.handshake then
    local item = tree:add(F.handshake, whole)
    item:append_text(string.format(" %d of 3, %d octets", place.handshake, message.length))
    if dialect == "bus" then item:add(F.handshake_version, tvb(message.at + 2, 1)) end
    item:add(F.handshake_number, place.handshake):set_generated()
    item:add(F.handshake_length, message.length):set_generated()
    if body then add_handshake(item, body, dialect, place.handshake) end
    return string.format("%s handshake %d", dialect, place.handshake)
  end
  local item = tree:add(F.record, whole)
  item:append_text(string.format(" %d of the %s, %d octets", place.record, place.side, message.length))
  item:add(F.record_number, place.record):set_generated()
  item:add(F.record_length, message.length):set_generated()
  if dialect == "os" then
    local form = message.length == 531 and "response" or (place.record <= 3 and "mux control" or "request")
    item:add(F.record_form, form):set_generated()
  end
  if body then
    item:add(F.record_sealed, body)
    if body:len() >= TAG then item:add(F.record_plaintext_length, body:len() - TAG):set_generated() end
  end
  return string.format("%s record %d of the %s", dialect, place.record, place.side)
end

local function is_session_port(port)
  return announced[port] or SESSION_PORTS[port]
end

local function session_of(pinfo)
  local stream = tcp_stream()
  local key = stream and stream.value or 0
  local session = sessions[key]
  if session == nil then
    -- The client is who speaks to a session port; where that tells nothing, who speaks first.
    local from_client = is_session_port(pinfo.dst_port) or not is_session_port(pinfo.src_port)
    session = {
      client_port = from_client and pinfo.src_port or pinfo.dst_port,
      handshakes = 0,
      records = { client = 0, server = 0 },
    }
    sessions[key] = session
  end
  return session
end

-- Cuts what has come of one direction into messages, as far as it goes. Changes the session.
local function cut(tvb, session, side)
  local result = { messages = {} }
  local at, n = 0, tvb:len()
  local function stop(label)
    session.broken = true
    result.reject, result.rest = label, at
    return result
  end
  if session.broken then
    result.rest = 0
    return result
  end
  if session.dialect == nil then
    if side == "server" then return stop("out-of-turn") end
    if n < 4 then
      result.wants, result.from = true, 0
      return result
    end
    session.dialect = dialect_of(tvb(0, 4))
  end
  result.dialect = session.dialect
  local framing = FRAMINGS[session.dialect]
  while at < n do
    local place
    if session.handshakes < 3 then
      place = { handshake = session.handshakes + 1, side = side }
      if side ~= (place.handshake == 2 and "server" or "client") then return stop("out-of-turn") end
    else
      place = { side = side, record = session.records[side] + 1 }
    end
    local header = framing.header(place)
    local length, why
    if at + header <= n then
      length, why = framing.length(header > 0 and tvb(at, header) or nil, place)
      if length == nil then return stop(why) end
    end
    if length == nil or at + length > n then
      result.wants, result.from = length and (at + length - n) or true, at
      return result
    end
    if place.handshake then session.handshakes = place.handshake else session.records[side] = place.record end
    result.messages[#result.messages + 1] =
      { at = at, length = length, header = header, place = place, dialect = session.dialect }
    at = at + length
  end
  return result
end

-- Each piece of a stream is cut once, in the order of the capture, and remembered: a packet that is looked at again shows the same.
local function cut_once(tvb, pinfo, session, side)
  local calls = (tonumber(pinfo.private["dsoftbus.calls"]) or 0) + 1
  pinfo.private["dsoftbus.calls"] = tostring(calls)
  local key = pinfo.number .. "/" .. calls
  if seen[key] == nil or seen[key].octets ~= tvb:len() then
    local result = cut(tvb, session, side)
    result.octets = tvb:len()
    seen[key] = result
  end
  return seen[key]
end

local function dissect_session(tvb, pinfo, root)
  local session = session_of(pinfo)
  local side = pinfo.src_port == session.client_port and "client" or "server"
  local result = cut_once(tvb, pinfo, session, side)
  pinfo.cols.protocol = "DSoftBus"
  local tree = root:add(dsoftbus, tvb(), "DSoftBus session")
  tree:add(F.session_side, side):set_generated()
  if result.dialect then tree:add(F.session_dialect, result.dialect):set_generated() end
  local infos = {}
  for _, message in ipairs(result.messages) do infos[#infos + 1] = add_message(tvb, tree, message) end
  if result.reject then
    infos[#infos + 1] = "refused: " .. result.reject
    refuse(tree, result.reject)
  end
  if result.rest and result.rest < tvb:len() then tree:add(F.undissected, tvb(result.rest)) end
  if result.wants then
    if pinfo.can_desegment > 0 then
      pinfo.desegment_offset = result.from
      pinfo.desegment_len = result.wants == true and DESEGMENT_ONE_MORE_SEGMENT or result.wants
    else
      if result.from < tvb:len() then tree:add(F.undissected, tvb(result.from)) end
      tree:add_proto_expert_info(E.cut)
      session.broken = true
    end
  end
  if #infos > 0 then pinfo.cols.info = table.concat(infos, ", ") end
  return tvb:len()
end

function dsoftbus.dissector(tvb, pinfo, root)
  if tvb:len() == 0 then return 0 end
  if pinfo.port_type ~= 3 then return dissect_session(tvb, pinfo, root) end
  if pinfo.dst_port == DISCOVERY_PORT or pinfo.src_port == DISCOVERY_PORT then return dissect_announce(tvb, pinfo, root) end
  if QD_PORTS[pinfo.dst_port] or QD_PORTS[pinfo.src_port] then return dissect_qd(tvb, pinfo, root) end
  if tvb:len() >= 4 and tvb(0, 4):raw() == "NXSB" then return dissect_announce(tvb, pinfo, root) end
  return dissect_qd(tvb, pinfo, root)
end

-- On other UDP ports: by the magic.
local function is_datagram(tvb)
  if tvb:len() >= 42 and tvb(0, 5):raw() == "NXSB\1" then return true end
  return tvb:len() >= 10 and tvb(0, 3):raw() == "QD\1" and tvb(3, 1):uint() >= 1 and tvb(3, 1):uint() <= 5
    and 10 + tvb(8, 2):le_uint() <= tvb:len()
end

dsoftbus:register_heuristic("udp", function(tvb, pinfo, root)
  if not is_datagram(tvb) then return false end
  dsoftbus.dissector(tvb, pinfo, root)
  return true
end)

-- On other TCP ports: those that were announced, and a session that begins with the magic of `bus`.
dsoftbus:register_heuristic("tcp", function(tvb, pinfo, root)
  local is_bus = tvb:len() >= 6 and tvb(0, 6):raw() == "NB\1\1\0\48"
  if not (is_bus or announced[pinfo.dst_port] or announced[pinfo.src_port]) then return false end
  pinfo.conversation = dsoftbus
  dsoftbus.dissector(tvb, pinfo, root)
  return true
end)

local udp = DissectorTable.get("udp.port")
udp:add(DISCOVERY_PORT, dsoftbus)
for port in pairs(QD_PORTS) do udp:add(port, dsoftbus) end
local tcp = DissectorTable.get("tcp.port")
for port in pairs(SESSION_PORTS) do tcp:add(port, dsoftbus) end
