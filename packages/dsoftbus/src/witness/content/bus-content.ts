import { readU16, readU32 } from '@nexus-net/sansio';
import { RECORD } from '../../bus/wire.js';
import { GATEWAY_STREAM, MessageReader } from '../../gateway/messages.js';
import { GATEWAY_STATUS, operationOf } from '../../gateway/operations.js';
import { EXTENSION_KIND_MIN, FRAME, FRAME_HEADER_OCTETS } from '../../mux/bus/frame.js';
import { decodeUtf8 } from '../../utf8.js';
import type { SessionTeller, Side } from '../session-teller.js';
import { type Content, type Devices, tellEstablished } from './content.js';

interface GatewayStream {
  readonly requests: MessageReader;
  readonly replies: MessageReader;
  /** By correlation id. */
  readonly asked: Map<number, { readonly service: string; readonly operation: string }>;
}

interface Stream {
  readonly opener: Side;
  readonly octets: Record<Side, number>;
  readonly closed: Record<Side, boolean>;
  readonly gateway: GatewayStream | undefined;
}

/** Dialect `bus`: accept, mux, gateway, goodbye. Bounded whatever the two sides do to each other. */
export class BusContent implements Content {
  readonly #teller: SessionTeller;
  readonly #devices: Devices;
  readonly #accepted: Record<Side, boolean> = { client: false, server: false };
  readonly #streams = new Map<number, Stream>();
  #gateways = 0;

  constructor(teller: SessionTeller, devices: Devices) {
    this.#teller = teller;
    this.#devices = devices;
  }

  record(side: Side, plaintext: Uint8Array): 'rekey' | undefined {
    const [type] = plaintext;
    const body = plaintext.subarray(1);
    const { client, server } = this.#accepted;
    switch (type) {
      case RECORD.accept:
        if (this.#accepted[side]) this.#teller.violation('dsoftbus.malformed-record', `a second ACCEPT of the ${side}`);
        this.#accepted[side] = true;
        if (!(client && server) && this.#accepted.client && this.#accepted.server) tellEstablished(this.#teller, this.#devices);
        return undefined;
      case RECORD.rekey:
        return 'rekey';
      case RECORD.goodbye:
        this.#goodbye(side, body);
        return undefined;
      case RECORD.mux:
        // The peer may take it only after both: a sender that has sent and received ACCEPT.
        if (client && server) this.#frames(side, body);
        else this.#teller.violation('dsoftbus.early-record', `mux frames of the ${side} before both have accepted`);
        return undefined;
      case RECORD.pairing:
      case RECORD.rekeyed:
        return undefined;
      default:
        this.#teller.violation('dsoftbus.malformed-record', `type ${type}`);
        return undefined;
    }
  }

  #goodbye(side: Side, body: Uint8Array): void {
    const detail = decodeUtf8(body.subarray(5));
    if (body.length < 5 || detail === undefined) this.#teller.violation('dsoftbus.malformed-record', 'goodbye');
    else this.#teller.fact('dsoftbus.goodbye', { sender: this.#teller.addressOf(side), code: body[4] as number, detail });
  }

  #frames(side: Side, record: Uint8Array): void {
    for (let at = 0; at < record.length; ) {
      const end = at + FRAME_HEADER_OCTETS + readU16(record, at + 6);
      if (record.length - at < FRAME_HEADER_OCTETS || end > record.length) {
        this.#teller.violation('dsoftbus.malformed-frame', 'a frame is cut');
        return;
      }
      this.#frame(side, record.subarray(at, end));
      at = end;
    }
  }

  #frame(side: Side, frame: Uint8Array): void {
    const [kind = 0, priority = 0] = frame;
    const id = readU32(frame, 2);
    const body = frame.subarray(FRAME_HEADER_OCTETS);
    const stream = this.#streams.get(id);
    switch (kind) {
      case FRAME.open:
        this.#open(side, { id, priority, name: decodeUtf8(body) });
        return;
      case FRAME.data:
        if (stream !== undefined) this.#data(side, id, stream, body);
        return;
      case FRAME.close:
        if (stream === undefined) return;
        stream.closed[side] = true;
        if (stream.closed.client && stream.closed.server) this.#over(id, stream, 'closed');
        return;
      case FRAME.reset:
        if (stream !== undefined) this.#over(id, stream, 'reset');
        return;
      default:
        if (kind === 0 || (kind > FRAME.goAway && kind < EXTENSION_KIND_MIN))
          this.#teller.violation('dsoftbus.malformed-frame', `kind ${kind}`);
    }
  }

  #open(
    side: Side,
    { id, priority, name }: { readonly id: number; readonly priority: number; readonly name: string | undefined },
  ): void {
    if (name === undefined || name === '' || this.#streams.has(id)) {
      this.#teller.violation('dsoftbus.malformed-frame', `stream ${id} can't be opened so`);
      return;
    }
    // More than a peer may have open, and no room here: the stream is told and not followed.
    if (this.#streams.size < STREAMS_MAX) {
      const isGateway = name === GATEWAY_STREAM && this.#gateways < GATEWAYS_MAX;
      if (isGateway) this.#gateways++;
      this.#streams.set(id, {
        opener: side,
        octets: { client: 0, server: 0 },
        closed: { client: false, server: false },
        gateway: isGateway
          ? { requests: new MessageReader('request'), replies: new MessageReader('reply'), asked: new Map() }
          : undefined,
      });
    }
    this.#teller.fact('dsoftbus.stream-opened', { sender: this.#teller.addressOf(side), stream: id, name, priority });
  }

  #data(side: Side, id: number, stream: Stream, body: Uint8Array): void {
    const sender = this.#teller.addressOf(side);
    if (stream.octets[side] === 0) this.#teller.fact('dsoftbus.stream-data', { sender, stream: id, octets: body.length });
    stream.octets[side] += body.length;
    if (stream.gateway === undefined) return;
    const { requests, replies, asked } = stream.gateway;
    for (const message of (side === stream.opener ? requests : replies).read(body)) {
      if (message.type === 'broken') {
        this.#teller.violation('dsoftbus.malformed-frame', `the gateway stream ${id} is out of step`);
        continue;
      }
      const { correlation } = message;
      if (message.type === 'request') {
        const known = operationOf(message.service, message.operation);
        const named = known ?? { service: `service ${message.service}`, operation: `operation ${message.operation}` };
        if (asked.size < ASKED_MAX) asked.set(correlation, named);
        this.#teller.fact('dsoftbus.gateway-asked', { sender, correlation, ...named });
        continue;
      }
      const named = asked.get(correlation);
      asked.delete(correlation);
      if (named === undefined) {
        this.#teller.violation('dsoftbus.malformed-frame', `an answer to ${correlation}, which nobody asked`);
        continue;
      }
      this.#teller.fact('dsoftbus.gateway-answered', { sender, correlation, ...named, status: statusName(message.status) });
    }
  }

  #over(id: number, stream: Stream, how: string): void {
    this.#streams.delete(id);
    if (stream.gateway !== undefined) this.#gateways--;
    const { client: clientOctets, server: serverOctets } = stream.octets;
    this.#teller.fact('dsoftbus.stream-closed', { stream: id, how, clientOctets, serverOctets });
  }
}

function statusName(code: number): string {
  return Object.entries(GATEWAY_STATUS).find(([, value]) => value === code)?.[0] ?? `status ${code}`;
}

const STREAMS_MAX = 256;
/** Of both sides together: each may have four. */
const GATEWAYS_MAX = 8;
const ASKED_MAX = 64;
