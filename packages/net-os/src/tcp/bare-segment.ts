import type { Ipv4Address } from '@nexus-net/sansio';
import {
  ETHERNET_HEADER_LENGTH,
  encodeTcp,
  IP_PROTOCOL,
  IPV4_HEADER_LENGTH,
  type TcpOption,
  writeIpv4Header,
} from '@nexus-net/wire';
import { ACK, FIN, RST, type Segment, SYN } from './segment.js';
import { type Seq, toUnsigned } from './sequence.js';

/** A segment that belongs to no control block: a reset, an acknowledgment in TIME-WAIT, a SYN cookie. */
export interface BareSegment {
  readonly source: Ipv4Address;
  readonly destination: Ipv4Address;
  readonly sourcePort: number;
  readonly destinationPort: number;
  readonly sequence: Seq;
  readonly acknowledgment: Seq;
  readonly flags: number;
  readonly window: number;
  readonly options: readonly TcpOption[];
}

/** The frame, its first 14 octets free. */
export function buildBare(segment: BareSegment): Uint8Array {
  const { source, destination, sourcePort, destinationPort, flags, window, options } = segment;
  const bytes = encodeTcp(
    {
      sourcePort,
      destinationPort,
      sequence: toUnsigned(segment.sequence),
      acknowledgment: toUnsigned(segment.acknowledgment),
      flags: {
        fin: (flags & FIN) !== 0,
        syn: (flags & SYN) !== 0,
        rst: (flags & RST) !== 0,
        psh: false,
        ack: (flags & ACK) !== 0,
        urg: false,
        ece: false,
        cwr: false,
      },
      window,
      urgentPointer: 0,
      options,
      payload: NO_BYTES,
    },
    { source, destination },
  );
  const frame = new Uint8Array(ETHERNET_HEADER_LENGTH + IPV4_HEADER_LENGTH + bytes.length);
  writeIpv4Header(frame, ETHERNET_HEADER_LENGTH, { source, destination, protocol: IP_PROTOCOL.tcp, dontFragment: true });
  frame.set(bytes, ETHERNET_HEADER_LENGTH + IPV4_HEADER_LENGTH);
  return frame;
}

/** What every answer to `segment` shares. */
export function answerTo(segment: Segment): Pick<BareSegment, 'source' | 'destination' | 'sourcePort' | 'destinationPort'> {
  return {
    source: segment.destination,
    destination: segment.source,
    sourcePort: segment.destinationPort,
    destinationPort: segment.sourcePort,
  };
}

const NO_BYTES = new Uint8Array(0);
