import { bytesEqual, SeededEntropy, toHex } from '@nexus-net/sansio';
import * as $ from 'capnp-es';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  decodeConnectRequest,
  decodeConnectResponse,
  decodeHostFrame,
  encodeConnectRequest,
  encodeHostFrame,
  MessageSplitter,
} from '../../src/host/index.js';
import { decodeProof, encodeProof } from '../../src/host/proof.js';

/** `Frame { chan @0 :UInt32; bytes @1 :Data; }` for the other implementation. */
class Frame extends $.Struct {
  static override readonly _capnp = { displayName: 'Frame', id: 'fab90d8ab062b6c0', size: new $.ObjectSize(8, 1) };

  static write(channel: number, payload: Uint8Array): Uint8Array {
    const message = new $.Message();
    const frame = message.initRoot(Frame);
    $.utils.setUint32(0, channel, frame);
    $.utils.initData(0, payload.length, frame).copyBuffer(payload);
    return new Uint8Array(message.toArrayBuffer());
  }

  static read(bytes: Uint8Array): { readonly channel: number; readonly payload: Uint8Array } {
    const frame = new $.Message(bytes, false).getRoot(Frame);
    return { channel: $.utils.getUint32(0, frame), payload: $.utils.getData(0, frame).toUint8Array() };
  }
}

const frame = fc.record({ channel: fc.nat(0xffff_ffff), payload: fc.uint8Array({ maxLength: 300 }) });

test('property: what is written here is read by capnp-es, and the other way round', () => {
  fc.assert(
    fc.property(frame, ({ channel, payload }) => {
      const ours = encodeHostFrame({ channel, payload });
      const theirs = Frame.read(ours);
      expect(theirs.channel).toBe(channel);
      expect(bytesEqual(theirs.payload, payload)).toBe(true);
      expect(decodeHostFrame(Frame.write(channel, payload))).toEqual({ ok: true, value: { channel, payload } });
    }),
    { numRuns: 50 },
  );
});

test('a payload that needs a second segment is read by capnp-es', () => {
  const payload = new Uint8Array(20_000).map((_, i) => i);
  expect(bytesEqual(Frame.read(encodeHostFrame({ channel: 5, payload })).payload, payload)).toBe(true);
});

test('property: any octets are a message or a refusal, and what is read was there', () => {
  // Words that look like pointers, so that some of them lead somewhere.
  const word = fc.oneof(
    fc.tuple(
      fc.constantFrom(0, 1, 2, 3, 4, 6, 10, 0xffff_fffc, 0xffff_fffd),
      fc.constantFrom(0, 1, 2, 0x0001_0001, 0x22, 0x25, 0x27, 0xffff_fffa),
    ),
    fc.tuple(fc.nat(0xffff_ffff), fc.nat(0xffff_ffff)),
  );
  fc.assert(
    fc.property(fc.array(word, { maxLength: 12 }), fc.array(fc.nat(4), { minLength: 1, maxLength: 4 }), (words, sizes) => {
      const table = [sizes.length - 1, ...sizes];
      if (table.length % 2 === 1) table.push(0);
      const bytes = new Uint8Array(Uint32Array.from([...table, ...words.flat()]).buffer);
      for (const decode of [decodeHostFrame, decodeConnectRequest, decodeConnectResponse]) {
        const read = decode(bytes);
        if (read.ok && typeof read.value === 'object') expect(read.value.payload.length).toBeLessThanOrEqual(bytes.length);
        else if (read.ok && typeof read.value === 'string') expect(read.value.length).toBeLessThanOrEqual(bytes.length);
        else if (!read.ok)
          expect(read.error).toMatch(/^(truncated|too-many-segments|pointer-out-of-bounds|wrong-pointer|bad-text)$/);
      }
    }),
    { numRuns: 200 * Number(process.env['NEXUS_RUNS_FACTOR'] ?? '1') },
  );
});

const words = (...values: (readonly [number, number])[]): Uint8Array => new Uint8Array(Uint32Array.from(values.flat()).buffer);

test.each([
  ['a far pointer to itself', words([0, 1], [2, 0]), 'wrong-pointer'],
  ['a far pointer to a far pointer', words([1, 1], [1, 0], [2, 1], [2, 0]), 'wrong-pointer'],
  ['a double far pointer whose pad is no far pointer', words([0, 3], [6, 0], [0, 0], [0, 0]), 'wrong-pointer'],
  ['a double far pointer whose tag is a far pointer', words([0, 3], [14, 0], [2, 0], [2, 0]), 'wrong-pointer'],
  ['a far pointer to a segment that is not there', words([0, 1], [2, 7]), 'pointer-out-of-bounds'],
  ['512 segments', words([511, 0]), 'too-many-segments'],
  ['sixteen million segments in eight octets', words([0xff_ffff, 0]), 'too-many-segments'],
  ['a segment of 2^32 - 1 words', words([0, 0xffff_ffff], [0, 0]), 'truncated'],
  ['a list of half a gigabyte', words([0, 4], [0, 0x0001_0001], [1, 0], [1, 0xffff_fffa], [0, 0]), 'pointer-out-of-bounds'],
  ['a list of words where octets are due', words([0, 4], [0, 0x0001_0001], [1, 0], [1, 0x0d], [0, 0]), 'wrong-pointer'],
  ['a struct before its segment', words([0, 1], [0xffff_fff0, 0x0001_0001]), 'pointer-out-of-bounds'],
  ['a capability', words([0, 1], [3, 0]), 'wrong-pointer'],
])('hostile: %s', (_what, bytes, error) => {
  expect(decodeHostFrame(bytes)).toEqual({ ok: false, error });
});

test('a double far pointer is followed', () => {
  // Segment 0: root, a double far pointer to segment 1; its pad: far pointer to segment 2, tag of a struct; segment 2: the struct.
  const message = words([2, 1], [2, 3], [6, 1], [2, 2], [0, 0x0001_0001], [9, 0], [1, 0x1a], [0x00636261, 0]);
  expect(decodeHostFrame(message)).toEqual({ ok: true, value: { channel: 9, payload: Uint8Array.of(0x61, 0x62, 0x63) } });
});

test('text: absent is empty; without its NUL, or not in UTF-8, it is refused', () => {
  const request = encodeConnectRequest('né');
  expect(decodeConnectRequest(request)).toEqual({ ok: true, value: 'né' });
  const spoiled = request.map((octet) => (octet === 0xa9 ? 0xff : octet));
  expect(decodeConnectRequest(spoiled)).toEqual({ ok: false, error: 'bad-text' });
  expect(decodeConnectRequest(words([0, 2], [0, 0x0001_0000], [0, 0]))).toEqual({ ok: true, value: '' });
  expect(decodeConnectRequest(words([0, 2], [0, 0x0001_0000], [1, 2]))).toEqual({ ok: false, error: 'bad-text' });
});

test('property: a proof is read as it was written; any cut or change of it is a proof or none', () => {
  fc.assert(
    fc.property(fc.string(), fc.nat(), (deviceId, seed) => {
      const [verifyingKey, signature] = [new Uint8Array(32), new Uint8Array(64)];
      new SeededEntropy(seed).fill(verifyingKey);
      new SeededEntropy(seed + 1).fill(signature);
      const text = encodeProof({ deviceId, verifyingKey, signature });
      const read = decodeProof(text);
      expect(read?.deviceId).toBe(deviceId);
      expect(toHex(read?.verifyingKey as Uint8Array)).toBe(toHex(verifyingKey));
      expect(toHex(read?.signature as Uint8Array)).toBe(toHex(signature));
      const at = seed % text.length;
      expect(decodeProof(text.subarray(0, at))).toBeUndefined();
      decodeProof(text.map((octet, i) => (i === at ? octet ^ 1 : octet)));
    }),
    { numRuns: 50 },
  );
});

test.each([
  [
    'white space, another order, other fields',
    '{ "x": {"device_id": [1]}, "signature": [1], "verifying_key": [ ],\n"device_id": "a" }',
    true,
  ],
  ['an escaped name', '{"device\\u005fid":"a","verifying_key":[],"signature":[]}', true],
  ['a field twice', '{"device_id":"a","device_id":"b","verifying_key":[],"signature":[]}', false],
  ['a field twice, once escaped', '{"device_id":"a","device\\u005fid":"b","verifying_key":[],"signature":[]}', false],
  ['another field twice', '{"x":1,"x":2,"device_id":"a","verifying_key":[],"signature":[]}', true],
  ['a name in a text', '{"device_id":"\\"device_id\\":","verifying_key":[],"signature":[]}', true],
  ['a field missing', '{"device_id":"a","verifying_key":[]}', false],
  ['an octet of 256', '{"device_id":"a","verifying_key":[256],"signature":[]}', false],
  ['half an octet', '{"device_id":"a","verifying_key":[0.5],"signature":[]}', false],
  ['no object', '[]', false],
  ['more behind it', '{"device_id":"a","verifying_key":[],"signature":[]}x', false],
  ['deep', '['.repeat(4000), false],
])('proof: %s', (_what, text, isProof) => {
  expect(decodeProof(new TextEncoder().encode(text)) !== undefined).toBe(isProof);
});

test('property: any split of the stream gives the same messages', () => {
  fc.assert(
    fc.property(
      fc.array(fc.uint8Array({ maxLength: 80 }), { maxLength: 6 }),
      fc.array(fc.integer({ min: 1, max: 50 }), { minLength: 1 }),
      (messages, cuts) => {
        const stream = Uint8Array.from(messages.flatMap((message) => [0, 0, 0, message.length, ...message]));
        const splitter = new MessageSplitter(80);
        const seen: Uint8Array[] = [];
        for (let at = 0, i = 0; at < stream.length; at += cuts[i++ % cuts.length] as number)
          splitter.push(stream.subarray(at, at + (cuts[i % cuts.length] as number)), (message) => seen.push(message.slice()) > 0);
        expect(seen).toEqual(messages);
        expect(splitter.pending).toBe(0);
      },
    ),
    { numRuns: 100 },
  );
});
