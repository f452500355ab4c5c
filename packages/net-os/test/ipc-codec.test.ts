import { fromHex, ipv4, toHex, UsageError } from '@nexus-net/sansio';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { runs } from '../../sansio/test/support/runs.js';
import {
  decodeIpcReply,
  decodeIpcRequest,
  encodeIpcReply,
  encodeIpcRequest,
  type IpcOutcome,
  type IpcRequest,
} from '../src/index.js';
import { outcomes, requests } from './support/ipc.js';

const NONCE = fromHex('01 02 03 04 05 06 07 08');
const ADDRESS = ipv4(10, 0, 2, 15);

/** Octets by hand, after the table of operations: header `4e 53 01 op`, little-endian integers, addresses as written. */
const REQUESTS: readonly (readonly [string, IpcRequest])[] = [
  ['4e530101 28a0', { type: 'listen', port: 41_000 }],
  ['4e530101 0a00020f 28a0', { type: 'listen', address: ADDRESS, port: 41_000 }],
  ['4e530102 01000000', { type: 'accept', id: 1 }],
  ['4e530103 0a00020f 0787', { type: 'connect', remote: { address: ADDRESS, port: 34_567 } }],
  ['4e530104 02010000 e001', { type: 'read', id: 0x102, octetsMax: 480 }],
  ['4e530105 03000000 0200 abcd', { type: 'write', id: 3, bytes: fromHex('abcd') }],
  ['4e530106 9c90', { type: 'udp-bind', port: 37_020 }],
  ['4e530106 00000000 9c90', { type: 'udp-bind', address: ipv4(0, 0, 0, 0), port: 37_020 }],
  [
    '4e530107 04000000 0a00020f 0787 0100 ff',
    { type: 'udp-send-to', id: 4, to: { address: ADDRESS, port: 34_567 }, payload: fromHex('ff') },
  ],
  ['4e530108 ffffffff cc01', { type: 'udp-receive-from', id: 0xffffffff, octetsMax: 460 }],
  ['4e530109 0a00020f e803', { type: 'ping', destination: ADDRESS, timeoutMs: 1_000 }],
  ['4e53010a', { type: 'local-address' }],
  ['4e53010b 05000000', { type: 'close', id: 5 }],
  ['4e53010c 06000000', { type: 'wait-writable', id: 6 }],
  ['4e53010d 07000000', { type: 'close-listener', id: 7 }],
  ['4e53010e 08000000', { type: 'udp-close', id: 8 }],
  ['4e53010f 09000000', { type: 'shutdown', id: 9 }],
];

const OUTCOMES: readonly (readonly [string, IpcOutcome])[] = [
  ['4e530181 00 01000000', { type: 'listen', id: 1 }],
  ['4e530182 00 02000000', { type: 'accept', id: 2 }],
  ['4e530183 00 03000000', { type: 'connect', id: 3 }],
  ['4e530184 00 0200 abcd', { type: 'read', bytes: fromHex('abcd') }],
  ['4e530185 00 ee01', { type: 'write', count: 494 }],
  ['4e530186 00 04000000', { type: 'udp-bind', id: 4 }],
  ['4e530187 00 e801', { type: 'udp-send-to', count: 488 }],
  [
    '4e530188 00 0100 0a00020f 0787 ff',
    { type: 'udp-receive-from', from: { address: ADDRESS, port: 34_567 }, payload: fromHex('ff') },
  ],
  ['4e530189 00 ffff', { type: 'ping', roundTripMs: 65_535 }],
  ['4e53018a 00 0a00020f 18', { type: 'local-address', address: ADDRESS, prefixLength: 24 }],
  ['4e53018b 00', { type: 'close' }],
  ['4e53018c 00', { type: 'wait-writable' }],
];

describe('requests', () => {
  test.each(REQUESTS)('%s, with and without a nonce', (hex, request) => {
    const bytes = fromHex(hex);
    const withNonce = fromHex(hex + toHex(NONCE));
    expect(encodeIpcRequest({ request })).toEqual(bytes);
    expect(encodeIpcRequest({ request, nonce: NONCE })).toEqual(withNonce);
    expect(decodeIpcRequest(bytes)).toEqual({ ok: true, value: { request } });
    expect(decodeIpcRequest(withNonce)).toEqual({ ok: true, value: { request, nonce: NONCE } });
  });

  test.each([
    ['', 'bad-header'],
    ['4e5301', 'bad-header'],
    ['4e540101 28a0', 'bad-header'],
    ['4e530201 28a0', 'bad-header'],
    ['4e530100', 'unknown-operation'],
    ['4e530110', 'unknown-operation'],
    ['4e530181', 'unknown-operation'],
    ['4e530101 28', 'bad-length'],
    ['4e530102 010000', 'bad-length'],
    ['4e530105 03000000 0200 ab', 'bad-length'],
    ['4e530105 03000000', 'bad-length'],
    ['4e530107 04000000 0a00020f 0787 01', 'bad-length'],
    ['4e53010a 0102030405060708 09', 'bad-length'],
  ])('%s is no request: %s', (hex, error) => {
    expect(decodeIpcRequest(fromHex(hex))).toEqual({ ok: false, error });
  });

  test('512 octets fit, 513 do not', () => {
    const write = (length: number): Uint8Array =>
      encodeIpcRequest({ request: { type: 'write', id: 1, bytes: new Uint8Array(length) }, nonce: NONCE });
    expect(decodeIpcRequest(write(494))).toMatchObject({ ok: true });
    expect(() => write(495)).toThrow(UsageError);
    expect(decodeIpcRequest(new Uint8Array(513))).toEqual({ ok: false, error: 'oversize' });
    expect(() => encodeIpcRequest({ request: { type: 'local-address' }, nonce: NONCE.subarray(1) })).toThrow('8 octets');
  });
});

describe('replies', () => {
  test.each(OUTCOMES)('%s, with and without a nonce', (hex, outcome) => {
    const bytes = fromHex(hex);
    const withNonce = fromHex(hex + toHex(NONCE));
    expect(encodeIpcReply({ ok: true, outcome })).toEqual(bytes);
    expect(encodeIpcReply({ ok: true, outcome, nonce: NONCE })).toEqual(withNonce);
    expect(decodeIpcReply(bytes)).toEqual({ ok: true, value: { ok: true, outcome } });
    expect(decodeIpcReply(withNonce)).toEqual({ ok: true, value: { ok: true, outcome, nonce: NONCE } });
  });

  test.each([
    ['4e530184 01', 4, 'not-found'],
    ['4e530180 02', 0, 'malformed'],
    ['4e5301fe 02', 126, 'malformed'],
    ['4e530184 03', 4, 'would-block'],
    ['4e530184 04', 4, 'io'],
    ['4e530189 05', 9, 'timed-out'],
  ] as const)('%s says %s %s', (hex, code, status) => {
    expect(encodeIpcReply({ ok: false, code, status })).toEqual(fromHex(hex));
    expect(decodeIpcReply(fromHex(hex))).toEqual({ ok: true, value: { ok: false, code, status } });
  });

  test.each([
    ['4e530104 00', 'bad-header'],
    ['4e530184', 'bad-header'],
    ['4e530180 00', 'bad-header'],
    ['4e530184 06', 'bad-status'],
    ['4e530184 00 0200 ab', 'bad-length'],
    ['4e53018b 00 01', 'bad-length'],
  ])('%s is no reply: %s', (hex, error) => {
    expect(decodeIpcReply(fromHex(hex))).toEqual({ ok: false, error });
  });
});

test('property: what is written is read again, with its nonce', () => {
  const nonce = fc.option(fc.uint8Array({ minLength: 8, maxLength: 8 }), { nil: undefined });
  fc.assert(
    fc.property(requests, outcomes, nonce, (request, outcome, octets) => {
      const tail = octets === undefined ? {} : { nonce: octets };
      expect(decodeIpcRequest(encodeIpcRequest({ request, ...tail }))).toEqual({ ok: true, value: { request, ...tail } });
      const reply = { ok: true, outcome, ...tail } as const;
      expect(decodeIpcReply(encodeIpcReply(reply))).toEqual({ ok: true, value: reply });
    }),
    { numRuns: runs(30) },
  );
});
