import { decodeMuxBatch } from '../../mux/index.js';
import { BN_OP } from '../../os/gateway/bn.js';
import { OS_RESPONSE_STATUS, OS_SERVICE_KIND } from '../../os/gateway/gateway.js';
import { PK_OP } from '../../os/gateway/pk.js';
import { SF_OP } from '../../os/gateway/sf.js';
import { SM_OP } from '../../os/gateway/sm.js';
import { decodeOsRequest, decodeOsResponse } from '../../os/records.js';
import { OS_LADDER_KIND } from '../../os/session/mux-ladder.js';
import type { SessionTeller, Side } from '../session-teller.js';
import { type Content, type Devices, tellEstablished } from './content.js';

/** Dialect `os`: six steps of the ladder, in turns, then the client asks and the server answers, in order. */
export class OsContent implements Content {
  readonly #teller: SessionTeller;
  readonly #devices: Devices;
  /** Steps of the ladder that came. */
  #steps = 0;
  /** Streams and senders whose first data was told: at most 6 records of 8 events. */
  readonly #told = new Set<string>();
  /** Requests without an answer; a peer that only asks is remembered so far. */
  readonly #asked: { readonly service: string; readonly operation: string; readonly correlation: number }[] = [];
  #requests = 0;
  /** Order is the only correlation, and it can't be kept any more. */
  #isLost = false;

  constructor(teller: SessionTeller, devices: Devices) {
    this.#teller = teller;
    this.#devices = devices;
  }

  record(side: Side, plaintext: Uint8Array): undefined {
    if (this.#isLost) return;
    if (this.#steps < LADDER.length) this.#step(side, plaintext);
    else if (side === 'client') this.#request(plaintext);
    else this.#response(plaintext);
  }

  #step(side: Side, plaintext: Uint8Array): void {
    const record = decodeOsRequest(plaintext);
    const due = LADDER[this.#steps++];
    if (!record.ok || record.value.head !== due || side !== (this.#steps % 2 === 1 ? 'client' : 'server')) {
      this.#teller.violation('dsoftbus.malformed-record', `step ${this.#steps} of the ladder is not what is due`);
      return;
    }
    if (due === OS_LADDER_KIND.finalAck) tellEstablished(this.#teller, this.#devices);
    if (due === OS_LADDER_KIND.finalSync || due === OS_LADDER_KIND.finalAck) return;
    const batch = decodeMuxBatch(record.value.payload);
    if (!batch.ok) {
      this.#teller.violation('dsoftbus.malformed-frame', batch.error);
      return;
    }
    const sender = this.#teller.addressOf(side);
    for (const event of batch.value) {
      const { streamId: stream, priority } = event;
      if (event.type === 'open') this.#teller.fact('dsoftbus.stream-opened', { sender, stream, name: event.name, priority });
      if (event.type !== 'data' || this.#told.has(`${side} ${stream}`)) continue;
      this.#told.add(`${side} ${stream}`);
      this.#teller.fact('dsoftbus.stream-data', { sender, stream, octets: event.length });
    }
  }

  #request(plaintext: Uint8Array): void {
    const record = decodeOsRequest(plaintext);
    if (!record.ok) {
      this.#teller.violation('dsoftbus.malformed-record', record.error);
      return;
    }
    const { head, payload } = record.value;
    const asked = { ...nameOf(head, payload[3]), correlation: ++this.#requests };
    if (this.#asked.push(asked) > ASKED_MAX) {
      this.#isLost = true;
      this.#teller.violation('dsoftbus.malformed-record', `${ASKED_MAX} requests have no answer`);
    }
    this.#teller.fact('dsoftbus.gateway-asked', { sender: this.#teller.addressOf('client'), ...asked });
  }

  #response(plaintext: Uint8Array): void {
    const record = decodeOsResponse(plaintext);
    const asked = this.#asked.shift();
    if (!record.ok || asked === undefined) {
      this.#teller.violation('dsoftbus.malformed-record', record.ok ? 'an answer that nobody asked for' : record.error);
      return;
    }
    const status =
      record.value.head === OS_RESPONSE_STATUS.ok ? 'ok' : record.value.head === 1 ? 'failed' : `${record.value.head}`;
    this.#teller.fact('dsoftbus.gateway-answered', { sender: this.#teller.addressOf('server'), ...asked, status });
  }
}

function nameOf(kind: number, op: number | undefined): { readonly service: string; readonly operation: string } {
  const service = Object.entries(OS_SERVICE_KIND).find(([, value]) => value === kind)?.[0];
  if (service === undefined) return { service: `kind ${kind}`, operation: `op ${op ?? 'none'}` };
  const operation = Object.entries(OPERATIONS[service] ?? {}).find(([, value]) => value === op)?.[0];
  return { service, operation: operation ?? `op ${op ?? 'none'}` };
}

const LADDER: readonly number[] = Object.values(OS_LADDER_KIND);
const ASKED_MAX = 64;
const OPERATIONS: Readonly<Record<string, Readonly<Record<string, number>>>> = {
  samgrd: SM_OP,
  bundlemgrd: BN_OP,
  packagefsd: PK_OP,
  statefsd: SF_OP,
};
