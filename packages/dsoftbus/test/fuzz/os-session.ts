import { SeededEntropy } from '@nexus-net/sansio';
import { demand, drain, type FuzzLimits, FuzzScript, isSame } from '../../../sansio/test/support/fuzz.js';
import { nodeCrypto } from '../../src/crypto-node.js';
import { InMemoryStatefs } from '../../src/os/gateway/in-memory.js';
import { resolveOsKeys } from '../../src/os/keys.js';
import { decodeOsRequest, decodeOsResponse, encodeOsRequest, encodeOsResponse } from '../../src/os/records.js';
import { OsSession } from '../../src/os/session/session.js';
import type { OsSessionEvent } from '../../src/os/session/session-event.js';
import { PUBLICLY_KNOWN_TEST_KEYS } from '../../src/os/test-keys.js';

export const limits: FuzzLimits = { octetsMax: 1_200, costBase: 200_000, costPerOctet: 2_000, allocatedPerOctet: 2_000 };

const { nodeA, nodeB } = PUBLICLY_KNOWN_TEST_KEYS.crossVm;
const KEYS = { type: 'publicly-known-test-keys', ephemeral: 'publicly-known' } as const;

/**
 * Records: what is read is written as the same payload. Sessions: two that are connected, with octets of the script thrown in on the way
 * to the responder at a step of its choice. Each ends at most once, serves nothing after a bad octet, and any cut gives the same events.
 */
export function target(bytes: Uint8Array): void {
  for (const [decode, encode, length] of [
    [decodeOsRequest, encodeOsRequest, 259],
    [decodeOsResponse, encodeOsResponse, 515],
  ] as const) {
    const plaintext = new Uint8Array(length);
    plaintext.set(bytes.subarray(0, length));
    const read = decode(plaintext);
    if (read.ok) demand(isSame(decode(encode(read.value)), read), 'a record is the same after encode and decode');
  }
  const script = new FuzzScript(bytes);
  const step = script.u8() % 8;
  const cut = 1 + script.u8();
  const junk = script.rest();
  const whole = run(step, junk, 1 << 20);
  demand(isSame(whole, run(step, junk, cut)), 'any cut of the stream gives the same events');
  demand(whole.filter((type) => type === 'closed').length <= 1, 'a session ends once');
}

/** Event types of the responder. */
function run(step: number, junk: Uint8Array, pieceMax: number): string[] {
  const statefs = new InMemoryStatefs();
  const session = (role: 'initiator' | 'responder'): OsSession => {
    const isA = role === 'initiator';
    const keys = resolveOsKeys(nodeCrypto, KEYS, isA ? { own: nodeA, peer: nodeB } : { own: nodeB, peer: nodeA });
    const entropy = new SeededEntropy(role);
    return new OsSession(
      { role, provider: nodeCrypto, entropy, keys, peerId: isA ? 'node-b' : 'node-a', services: { statefs } },
      0,
    );
  };
  const a = session('initiator');
  const b = session('responder');
  const events: string[] = [];
  for (let turn = 0; turn < 8; turn++) {
    if (turn === step) for (let at = 0; at < junk.length; at += pieceMax) b.handleBytes(turn, junk.subarray(at, at + pieceMax));
    for (const out of drain(() => a.pollTransmit())) b.handleBytes(turn, out);
    for (const out of drain(() => b.pollTransmit())) a.handleBytes(turn, out);
    for (const { type } of drain<OsSessionEvent>(() => b.pollEvent())) events.push(type);
    drain(() => a.pollEvent());
    if (a.isReady) a.request(turn, 4, Uint8Array.of(0x53, 0x46, 1, 5));
  }
  b.handleTimeout(100_000);
  for (const { type } of drain<OsSessionEvent>(() => b.pollEvent())) events.push(type);
  demand(statefs.changes === 0, 'nothing is written that nobody asked for');
  return events;
}

export function seeds(): Uint8Array[] {
  return [
    Uint8Array.of(0, 0),
    Uint8Array.of(0, 3, 9),
    Uint8Array.of(1, 7, ...new Uint8Array(64)),
    Uint8Array.of(5, 40, ...new Uint8Array(275)),
  ];
}
