import { type Millis, SeededEntropy } from '@nexus-net/sansio';
import { decodeTcp, encodeTcp, IP_PROTOCOL, type TcpOption } from '@nexus-net/wire';
import { demand, drain, type FuzzLimits, FuzzScript } from '../../../sansio/test/support/fuzz.js';
import type { TcpConnection } from '../../src/index.js';
import { FRAME_HEADROOM } from '../../src/ipv4/packet-frame.js';
import { TcpLayer } from '../../src/tcp/tcp-layer.js';
import { resolveTcpLimits } from '../../src/tcp/tcp-options.js';
import { OUR_ADDRESS, PEER_ADDRESS } from '../support/tcp-lab.js';

export const limits: FuzzLimits = {
  octetsMax: 400,
  costBase: 300_000,
  costPerOctet: 30_000,
  allocatedBase: 2_000_000,
  allocatedPerOctet: 200_000,
};

const JUMPS: readonly Millis[] = [0, 1, 40, 200, 1_000, 5_000, 60_000, 400_000];

/**
 * The octets are a sequence of commands, time and segments near the numbers in use. Whatever comes: segments that leave are well formed and fit the
 * path; a segment in brings few segments out; numbers in flight stay within the buffer; buffers keep to the total; what is read was sent by the peer in
 * order; timers that are due are done; a connection that ended holds nothing.
 */
export function target(bytes: Uint8Array): void {
  const script = new FuzzScript(bytes);
  const bits = script.u8();
  const frames: Uint8Array[] = [];
  let now = 1_000;
  const layer = new TcpLayer({
    limits: resolveTcpLimits({
      handshakeCountMax: 2,
      connectionCountMax: 4,
      timeWaitCountMax: 2,
      holeCountMax: 3,
      bufferOctetsMax: 16_384,
      resetsPerSecond: 10,
    }),
    entropy: new SeededEntropy(bits),
    network: {
      sourceFor: () => OUR_ADDRESS,
      pathMtu: () => ((bits & 1) === 0 ? 1_500 : 576),
      suspectPath: () => 576,
      sendFrame: (_now, frame) => {
        frames.push(frame);
        return 'sent';
      },
      advance: (at) => {
        now = Math.max(now, at);
        return now;
      },
      count: () => undefined,
    },
  });
  const options = {
    sendBufferMax: (bits & 2) === 0 ? 2_000 : 10,
    receiveBufferMax: (bits & 4) === 0 ? 2_000 : 10,
    timestamps: (bits & 8) === 0,
    selectiveAcks: (bits & 16) === 0,
    noDelay: (bits & 32) === 0,
    ...((bits & 64) === 0 ? {} : { keepAliveMs: 5_000 }),
  };
  const listener = layer.listen(now, { port: 80, backlog: 2 }, options);
  demand(typeof listener === 'object', 'a free port can be listened on');
  const connections: TcpConnection[] = [];
  let iss = 0;
  const settle = (): void => {
    for (let count = 0; layer.pump(now); count++) demand(count < 400, 'a step brings few segments');
    for (const frame of frames.splice(0)) {
      const decoded = decodeTcp(frame.subarray(FRAME_HEADROOM), { source: OUR_ADDRESS, destination: PEER_ADDRESS });
      demand(decoded.ok, 'what is sent is well formed');
      demand(frame.length - 14 <= 1_500, 'and fits the path');
      if (decoded.value.flags.syn) iss = decoded.value.sequence;
    }
    for (const event of drain(() => layer.pollEvent(), 64))
      if (event.type === 'tcp-acceptable') {
        const accepted = event.listener.accept(now);
        if (typeof accepted === 'object') connections.push(accepted);
      }
    for (const connection of connections) {
      const { send } = connection.inspect();
      demand((send.nxt - send.una) >>> 0 <= options.sendBufferMax + 2, 'what is in flight fits the buffer');
      demand(connection.readableCount <= options.receiveBufferMax + 1, 'what can be read fits the buffer');
      if (connection.end !== undefined) demand(connection.unacknowledgedCount === 0, 'an ended connection holds nothing');
    }
    demand(layer.inspect().bufferOctets <= 16_384, 'buffers keep to the total');
  };
  while (!script.isAtEnd) {
    const connection = connections[script.u8() % Math.max(1, connections.length)];
    switch (script.u8() % 12) {
      case 0:
        now += script.pick(JUMPS);
        for (let count = 0; layer.nextTimeout() <= now; count++) {
          demand(count < 200, 'timers come to an end');
          layer.runNext(now);
          settle();
        }
        break;
      case 1: {
        const opened = layer.connect(
          now,
          { remote: { address: PEER_ADDRESS, port: 4_000 }, local: { port: 80 + (script.u8() % 2) } },
          options,
        );
        if (typeof opened === 'object') connections.push(opened);
        break;
      }
      case 2:
        connection?.send(now, new Uint8Array(script.u8() * 8), { urgent: script.u8() % 8 === 0 });
        break;
      case 3: {
        const got = connection?.receive(now, 1 + script.u8());
        if (got instanceof Uint8Array) for (const octet of got) demand(octet === 7, 'what is read was sent');
        break;
      }
      case 4:
        connection?.shutdown(now);
        break;
      case 5:
        if (script.u8() % 2 === 0) connection?.close(now);
        else connection?.abort(now);
        break;
      default:
        layer.input(now, arrival(drawSegment(script, iss)));
    }
    settle();
  }
}

function drawSegment(script: FuzzScript, iss: number): Uint8Array {
  const flags = script.u8();
  const near = (base: number): number => (base + ((script.u8() << 24) >> 24) * script.pick([1, 1, 1, 100, 20_000_000])) >>> 0;
  return encodeTcp(
    {
      sourcePort: 4_000 + (script.u8() % 4 === 0 ? 1 : 0),
      destinationPort: 80,
      sequence: near(0xffff_fff0),
      acknowledgment: near(iss + 1),
      flags: {
        fin: (flags & 1) !== 0,
        syn: (flags & 2) !== 0,
        rst: (flags & 12) === 12,
        psh: false,
        ack: (flags & 16) !== 0 || (flags & 32) !== 0,
        urg: (flags & 64) !== 0,
        ece: false,
        cwr: false,
      },
      window: script.pick([0, 1, 1_000, 65_535]),
      urgentPointer: script.u8(),
      options: drawOptions(script, iss),
      payload: new Uint8Array(script.pick([0, 0, 1, 8, 100, 600])).fill(7),
    },
    { source: PEER_ADDRESS, destination: OUR_ADDRESS },
  );
}

function drawOptions(script: FuzzScript, iss: number): TcpOption[] {
  switch (script.u8() % 6) {
    case 0:
      return [
        { type: 'mss', octets: script.pick([0, 100, 536, 1_460]) },
        { type: 'sack-permitted' },
        { type: 'window-scale', shift: script.u8() },
      ];
    case 1:
      return [{ type: 'timestamps', value: script.u8() << 8, echo: script.u8() }];
    case 2:
      return [{ type: 'sack', blocks: [{ left: (iss + script.u8()) >>> 0, right: (iss + script.u8() * 4) >>> 0 }] }];
    case 3:
      return [{ type: 'malformed', rest: script.take(4) }];
    default:
      return [];
  }
}

function arrival(payload: Uint8Array): Parameters<TcpLayer['input']>[1] {
  const packet = {
    trafficClass: 0,
    identification: 0,
    dontFragment: true,
    moreFragments: false,
    fragmentOffset: 0,
    ttl: 64,
    protocol: IP_PROTOCOL.tcp,
    source: PEER_ADDRESS,
    destination: OUR_ADDRESS,
    options: new Uint8Array(0),
    payload,
  };
  return { packet, bytes: payload, linkSource: 2 as never, reach: 'unicast' };
}

/** Handshakes both ways, text, holes, closes, time. */
export function seeds(): Uint8Array[] {
  const segment = (flags: number, seq: number, ack: number, text = 0, options = 5): number[] => [
    0,
    9,
    flags,
    1,
    seq,
    0,
    ack,
    0,
    3,
    0,
    options,
    text,
  ];
  const syn = segment(2, 0, 0, 0, 0);
  const ack = segment(16, 1, 0);
  const text = (seq: number): number[] => segment(16, seq, 0, 3);
  return [
    Uint8Array.from([8, ...syn, ...ack, ...text(1), 0, 3, 20, ...text(17), ...text(9), 0, 2, 10, 1, 0, 0, 4, 0, 4]),
    Uint8Array.from([0, 0, 1, 0, ...segment(18, 0, 0, 0, 0), 0, 2, 30, 1, 0, 0, 4, 0, 0, 5, 0, 5, 0]),
    Uint8Array.from([24, ...syn, ...ack, ...segment(17, 1, 0), 0, 4, ...segment(16, 2, 1), 0, 0, 7]),
  ];
}
