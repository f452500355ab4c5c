import type { Host, TcpConnection, TcpListener } from '@nexus-net/net-os';
import { parseIpv4, parseMac, readU16, readU32, writeU16, writeU32 } from '@nexus-net/sansio';
import {
  dissect,
  ETHERNET_HEADER_LENGTH,
  ETHERTYPE,
  encodeEthernet,
  encodeIpv4,
  encodeTcp,
  IP_PROTOCOL,
  IPV4_HEADER_LENGTH,
  internetChecksum,
  pseudoHeaderSum,
  type TcpSegment,
} from '@nexus-net/wire';

/** The TCP that a case begins with. */
export interface TcpFixture {
  readonly listener: TcpListener;
  readonly connection?: TcpConnection;
  /** The first sequence number that we send after the handshake; the cases call it 9000. */
  readonly firstSent?: number;
  /** The frame of a case, with our sequence number in place of 9000. */
  translate(frame: Uint8Array): Uint8Array;
}

const OURS = { address: parseIpv4('10.1.0.1'), port: 80 };
const PEER = { address: parseIpv4('10.1.0.2'), port: 40_000 };
const OUR_MAC = parseMac('02:00:00:00:00:01');
const PEER_MAC = parseMac('02:00:00:00:00:02');
/** What the cases take our next sequence number for. */
const ASSUMED = 9_000;
const NOW = 60_500;

/** A listener on port 80, where the case wants one. */
export function listening(host: Host, pre: string): TcpFixture | undefined {
  if (!pre.includes('listener')) return undefined;
  const listener = host.tcp.listen(NOW, { port: OURS.port });
  if (typeof listener === 'string') throw new Error(listener);
  return { listener, translate: (frame) => frame };
}

/** 10.1.0.1:80 <-> 10.1.0.2:40000, established: the next octet from there is 5000, the window 1000, theirs 65535. */
export function establish(host: Host): TcpFixture {
  const listener = host.tcp.listen(NOW, { port: OURS.port }, { receiveBufferMax: 1_000 });
  if (typeof listener === 'string') throw new Error(listener);
  host.handleFrame(NOW, segment({ sequence: 4_999, flags: { ...NO_FLAGS, syn: true } }));
  let firstSent = 0;
  for (let frame = host.pollTransmit(); frame !== undefined; frame = host.pollTransmit()) {
    const { tcp } = dissect(frame);
    if (tcp?.flags.syn === true) firstSent = (tcp.sequence + 1) >>> 0;
  }
  host.handleFrame(NOW, segment({ sequence: 5_000, acknowledgment: firstSent, flags: { ...NO_FLAGS, ack: true } }));
  const connection = listener.accept(NOW);
  if (typeof connection === 'string') throw new Error(connection);
  while (host.pollEvent() !== undefined);
  return { listener, connection, firstSent, translate: (frame) => translate(frame, firstSent) };
}

const NO_FLAGS: TcpSegment['flags'] = {
  fin: false,
  syn: false,
  rst: false,
  psh: false,
  ack: false,
  urg: false,
  ece: false,
  cwr: false,
};

function segment(fields: Partial<TcpSegment>): Uint8Array {
  const whole: TcpSegment = {
    sourcePort: PEER.port,
    destinationPort: OURS.port,
    sequence: 0,
    acknowledgment: 0,
    flags: NO_FLAGS,
    window: 65_535,
    urgentPointer: 0,
    options: [],
    payload: new Uint8Array(0),
    ...fields,
  };
  const ends = { source: PEER.address, destination: OURS.address };
  const payload = encodeIpv4({ ...ends, protocol: IP_PROTOCOL.tcp, payload: encodeTcp(whole, ends) });
  return encodeEthernet({ source: PEER_MAC, destination: OUR_MAC, etherType: ETHERTYPE.ipv4, payload });
}

/** Moves an acknowledgment of a segment, or the sequence number that an ICMP error quotes, from 9000 to where we are. */
function translate(frame: Uint8Array, firstSent: number): Uint8Array {
  const bytes = frame.slice();
  const at = ETHERNET_HEADER_LENGTH + IPV4_HEADER_LENGTH;
  const isTcp = bytes[ETHERNET_HEADER_LENGTH + 9] === IP_PROTOCOL.tcp;
  const moved = isTcp ? at + 8 : at + 8 + IPV4_HEADER_LENGTH + 4;
  const value = readU32(bytes, moved);
  if (value === 0) return bytes; // no acknowledgment
  writeU32(bytes, moved, (firstSent + value - ASSUMED) >>> 0);
  const checksum = isTcp ? at + 16 : at + 2;
  writeU16(bytes, checksum, 0);
  const end = ETHERNET_HEADER_LENGTH + readU16(bytes, ETHERNET_HEADER_LENGTH + 2);
  const part = bytes.subarray(at, end);
  const ends = { source: PEER.address, destination: OURS.address };
  const initial = isTcp ? pseudoHeaderSum(ends, { protocol: IP_PROTOCOL.tcp, length: part.length }) : 0;
  writeU16(bytes, checksum, internetChecksum(part, initial));
  return bytes;
}
