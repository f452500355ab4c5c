import type { Ipv4Address } from '@nexus-net/sansio';
import { encodeTcp, type TcpOption } from '@nexus-net/wire';
import { frameOf } from '../ipv4/packet-frame.js';
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

/** In a frame, behind the room for the headers below. */
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
  return frameOf(bytes);
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
