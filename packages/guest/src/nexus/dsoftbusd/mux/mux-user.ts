import type { BusNode } from '@nexus-net/dsoftbus';
import type { MuxUser } from './mux-protocol.js';

/** The streams of a node of dialect `bus` with one peer. */
export function muxUserOf(node: BusNode, peer: string): MuxUser {
  return {
    open: (now, stream) => {
      const opened = node.openStream(now, peer, stream);
      return opened.ok ? opened.value : undefined;
    },
    write: (now, stream, bytes) => node.write(now, peer, stream, bytes),
    read: (now, stream, octetsMax) => node.read(now, peer, stream, octetsMax),
    finish: (now, stream) => node.finish(now, peer, stream),
    reset: (now, stream) => node.resetStream(now, peer, stream),
    standing: (stream) => node.streamState(peer, stream),
  };
}

/** Octets that a node takes on a stream before it gives new credit: little, so that a writer soon has to wait for it. */
export const MUX_PROOF_WINDOW = 8_192;
