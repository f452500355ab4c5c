import type { Endpoint } from '@nexus-net/sansio';
import { ADDRESS_PLAN, ETHERTYPE, encodeEthernet, encodeIpv4, encodeTcp, IP_PROTOCOL } from '@nexus-net/wire';
import type { Spoken } from '../../../dsoftbus/test/support/witnessed.js';

const { nodeA, nodeAMac, nodeB, nodeBMac } = ADDRESS_PLAN.os2vm;
export const CLIENT: Endpoint = { address: nodeA, port: 40_000 };
export const SERVER: Endpoint = { address: nodeB, port: ADDRESS_PLAN.ports.dsoftbusSessionB };
const FLAGS = { fin: false, syn: false, rst: false, psh: false, ack: true, urg: false, ece: false, cwr: false };

export interface FramesOptions {
  readonly client?: Endpoint;
  readonly server?: Endpoint;
  /** Default 100. */
  readonly mss?: number;
  readonly end?: 'fin' | 'rst';
}

/** A session as frames of TCP: SYN, SYN-ACK, at most `mss` octets in each, and a FIN or a RST. */
export function framesOf(
  spoken: Spoken,
  { client = CLIENT, server = SERVER, mss = 100, end = 'fin' }: FramesOptions = {},
): Uint8Array[] {
  const next = { client: 1_000, server: 0xffff_ff00 };
  const frames: Uint8Array[] = [];
  const send = (side: 'client' | 'server', flags: Partial<typeof FLAGS>, payload: Uint8Array = new Uint8Array(0)): void => {
    const [source, destination] = side === 'client' ? [client, server] : [server, client];
    const pseudo = { source: source.address, destination: destination.address };
    const acknowledgment = next[side === 'client' ? 'server' : 'client'];
    const segment = encodeTcp(
      {
        sourcePort: source.port,
        destinationPort: destination.port,
        sequence: next[side],
        acknowledgment: flags.syn === true && side === 'client' ? 0 : acknowledgment,
        flags: { ...FLAGS, ...flags },
        window: 60_000,
        urgentPointer: 0,
        options: [],
        payload,
      },
      pseudo,
    );
    next[side] = (next[side] + payload.length + (flags.syn === true || flags.fin === true ? 1 : 0)) >>> 0;
    frames.push(onWire(side === 'client', encodeIpv4({ protocol: IP_PROTOCOL.tcp, ...pseudo, payload: segment })));
  };
  send('client', { syn: true, ack: false });
  send('server', { syn: true });
  for (const [side, bytes] of spoken)
    for (let at = 0; at < bytes.length; at += mss) send(side, { psh: true }, bytes.subarray(at, at + mss));
  if (end === 'rst') send('client', { rst: true });
  else {
    send('client', { fin: true });
    send('server', { fin: true });
  }
  return frames;
}

function onWire(fromA: boolean, payload: Uint8Array): Uint8Array {
  const [source, destination] = fromA ? [nodeAMac, nodeBMac] : [nodeBMac, nodeAMac];
  return encodeEthernet({ source, destination, etherType: ETHERTYPE.ipv4, payload });
}
