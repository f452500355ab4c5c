import { describe, expect, test } from 'vitest';
import { places } from '../../../sansio/test/support/runs.js';
import { resolveTcpOptions } from '../../src/tcp/tcp-options.js';
import { Lab, mss, PEER_ADDRESS, PLAIN, sack, stamps, text } from '../support/tcp-lab.js';
import { A_IP, B_IP, StreamSink, StreamSource, streamOf, TcpPair, transfer } from '../support/tcp-pair.js';

const PERMITTED = [mss(1_000), { type: 'sack-permitted' as const }];
/** The long suite takes the sizes that the catalogue names. */
const FACTOR = Number(process.env['NEXUS_RUNS_FACTOR'] ?? '1');
const PATIENT = { userTimeoutMs: 1e12, connectTimeoutMs: 2 ** 40 };

describe('section T of the catalogue of faults', () => {
  test('fault/T01 land: a packet from ourselves to ourselves on the wire is dropped', () => {
    const pair = new TcpPair();
    pair.listen(80);
    let syn: Uint8Array | undefined;
    pair.onFrame = (_now, _from, frame) => {
      syn ??= frame.slice();
    };
    pair.connect(80, {}, 80);
    pair.run({ until: 10 });
    const land = syn as unknown as Uint8Array;
    land.copyWithin(26, 30, 34); // source = destination = b
    land[24] = 0;
    land[25] = 0;
    let sum = 0;
    for (let i = 14; i < 34; i += 2) sum += ((land[i] as number) << 8) | (land[i + 1] as number);
    while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
    land[24] = (~sum >>> 8) & 0xff;
    land[25] = ~sum & 0xff;
    const before = pair.b.inspect();
    pair.inject('b', land);
    expect(pair.b.inspect().drops['ipv4-own-source']).toBe(1);
    expect(pair.b.inspect().tcp).toEqual(before.tcp);
  });

  test('fault/T02 a flood of spoofed SYNs: bounded, and an honest client connects at the first try', () => {
    const lab = new Lab({ limits: { handshakeCountMax: 64 } });
    const listener = lab.listen(PLAIN, 8);
    let most = 0;
    const count = FACTOR > 1 ? 100_000 : 1_000;
    for (let i = 0; i < count; i++) {
      lab.peerPort = 1 + (i % 65_535);
      lab.irs = Math.imul(i, 0x9e3779b1) >>> 0;
      if (i % 50 === 0) lab.send({ flags: 'S', seq: 0 });
      else lab.layer.input(lab.now, floodOf(i));
      if (i % 500 === 0) lab.discard();
      if (i % 500 === 0) most = Math.max(most, lab.layer.inspect().connections);
    }
    lab.discard();
    expect(most).toBeLessThanOrEqual(64);
    expect(lab.layer.inspect()).toMatchObject({ connections: 64, bufferOctets: 0 });
    lab.peerPort = 9;
    lab.irs = 5_555;
    expect(lab.ask({ flags: 'S', seq: 0, options: [mss(1_200)] })).toEqual(['SA 0:1']);
    expect(lab.send({ flags: 'A', seq: 1, ack: 1, text: 'hello' })).toBeUndefined();
    const connection = listener.accept(lab.now);
    expect(typeof connection === 'string' ? connection : connection.receive(lab.now)).toEqual(new TextEncoder().encode('hello'));
    expect(typeof connection === 'string' ? 0 : connection.inspect().send.mss).toBe(1_200);
  });

  test('fault/T02 a cookie that was never given opens nothing', () => {
    const lab = new Lab({ limits: { handshakeCountMax: 1 } });
    lab.listen(PLAIN);
    lab.ask({ flags: 'S', seq: 0 });
    lab.peerPort = 5;
    lab.ask({ flags: 'S', seq: 0 });
    for (const ack of [2, 100, -7]) expect(lab.ask({ flags: 'A', seq: 1, ack })).toEqual([`R ${ack}`]);
    lab.wait(200_000);
    expect(lab.ask({ flags: 'A', seq: 1, ack: 1 })).toEqual(['R 1']);
  });

  test('fault/T03 a reset exactly at RCV.NXT resets', () => {
    const lab = new Lab();
    const connection = lab.established(PLAIN);
    lab.send({ flags: 'R', seq: 1 });
    expect(connection.end).toBe('reset');
  });

  test('fault/T04 a reset elsewhere in the window is challenged', () => {
    const lab = new Lab();
    const connection = lab.established(PLAIN);
    expect(lab.ask({ flags: 'R', seq: 2 })).toEqual(['A 1:1']);
    expect(connection.state).toBe('ESTABLISHED');
  });

  test('fault/T05 a reset outside of the window is dropped in silence', () => {
    const lab = new Lab();
    const connection = lab.established(PLAIN);
    expect(lab.ask({ flags: 'R', seq: 100_000 })).toEqual([]);
    expect(connection.state).toBe('ESTABLISHED');
  });

  test('fault/T06 a SYN on a connection that stands is challenged', () => {
    const lab = new Lab();
    const connection = lab.established(PLAIN);
    expect(lab.ask({ flags: 'S', seq: 77 })).toEqual(['A 1:1']);
    expect(connection.state).toBe('ESTABLISHED');
  });

  test('fault/T07 an acknowledgment outside of SND.UNA - MAX.SND.WND .. SND.NXT: its text is dropped, and it is answered', () => {
    const lab = new Lab();
    const connection = lab.established(PLAIN);
    for (const ack of [2, 70_000, -65_535, -1e9]) {
      expect(lab.ask({ flags: 'A', seq: 1, ack, text: 'evil' })).toEqual(['A 1:1']);
      lab.wait(600);
    }
    expect(connection.receive(lab.now)).toBe('would-block');
    expect(lab.send({ flags: 'A', seq: 1, ack: -65_534, text: 'fine' })).toBeUndefined();
  });

  test('fault/T08 a storm of challenges: a few for each connection, a random number for all', () => {
    const lab = new Lab();
    lab.established(PLAIN);
    let answers = 0;
    for (let i = 0; i < 1_000; i++) answers += lab.ask({ flags: 'R', seq: 2 }).length;
    expect(answers).toBe(10);
    const totals = new Set<number>();
    for (let seed = 0; seed < 5; seed++) {
      const many = new Lab({ seed: `T08 ${seed}`, limits: { challengesPerSecond: 100 } });
      const listener = many.listen(PLAIN, 64);
      let sum = 0;
      for (let port = 1; port <= 40; port++) {
        many.peerPort = port;
        many.ask({ flags: 'S', seq: 0 });
        many.ask({ flags: 'A', seq: 1, ack: 1 });
        listener.accept(many.now);
        for (let i = 0; i < 10; i++) sum += many.ask({ flags: 'R', seq: 2 }).length;
      }
      totals.add(sum);
      expect(sum).toBeGreaterThanOrEqual(50);
      expect(sum).toBeLessThanOrEqual(100);
    }
    expect(totals.size).toBeGreaterThan(2);
  });

  test('fault/T09 two confused ends do not answer each other for ever; segments with text are always answered', () => {
    const lab = new Lab();
    lab.established(PLAIN);
    let answers = 0;
    for (let i = 0; i < 100; i++) answers += lab.ask({ flags: 'A', seq: -3, ack: 1 }).length;
    expect(answers).toBe(1);
    for (let i = 0; i < 10; i++) expect(lab.ask({ flags: 'A', seq: -3, ack: 1, text: 'ab' })).toEqual(['A 1:1']);
  });

  test('fault/T10 initial sequence numbers: keyed by the connection, on a clock of 4 µs, without visible structure', () => {
    const isns = (seed: string, count: number): number[] => {
      const lab = new Lab({ seed, limits: { connectionCountMax: 1, handshakeCountMax: 1 } });
      return Array.from({ length: count }, (_, i) => {
        const connection = lab.layer.connect(lab.now, {
          remote: { address: PEER_ADDRESS, port: 1 + (i % 60_000) },
          local: { port: 1 + Math.floor(i / 60_000) },
        });
        if (typeof connection === 'string') throw new Error(connection);
        const { una } = connection.inspect().send;
        connection.close(lab.now);
        return una;
      });
    };
    const count = FACTOR > 1 ? 1_000_000 : 2_560;
    const drawn = isns('one', count);
    // Every octet takes every value about equally often: chi-squared with 255 degrees of freedom, far beyond 5 sigma is 400.
    for (const shift of [0, 8, 16, 24]) {
      const seen = new Array<number>(256).fill(0);
      for (const isn of drawn) seen[(isn >>> shift) & 0xff] = (seen[(isn >>> shift) & 0xff] as number) + 1;
      const expected = count / 256;
      expect(seen.reduce((sum, n) => sum + (n - expected) ** 2 / expected, 0)).toBeLessThan(400);
    }
    expect(new Set(drawn.slice(1).map((isn, i) => (isn - (drawn[i] as number)) >>> 0)).size).toBeGreaterThan(count * 0.99);
    expect(isns('two', 3)).not.toEqual(isns('one', 3));
    const clock = new Lab();
    const at = (): number => {
      const connection = clock.connect(PLAIN);
      const { una } = connection.inspect().send;
      connection.close(clock.now);
      return una;
    };
    const first = at();
    clock.now += 10;
    expect((at() - first) >>> 0).toBe(2_500);
  });

  test('fault/T11 the wrap at 2^32 in every variable: streams that cross it are exact', () => {
    // Our initial numbers lie a few octets before the wrap on both sides: seeds are tried until they do for ours, the peer's is free.
    const lab = new Lab();
    lab.irs = 2 ** 32 - 10;
    const connection = lab.established(PLAIN);
    const parts: string[] = [];
    for (let seq = 1; seq < 40; seq += 3) {
      lab.send({ flags: 'A', seq: seq + 3, ack: 1, text: 'def' });
      lab.send({ flags: 'A', seq, ack: 1, text: 'abc' });
      const bytes = connection.receive(lab.now);
      if (typeof bytes !== 'string') parts.push(new TextDecoder().decode(bytes));
    }
    expect(parts.join('')).toMatch(/^abcdef/);
    const wrapped = new Lab();
    wrapped.now = Math.floor((2 ** 32 - (isnAtZero() % 2 ** 32)) / 250); // the clock carries our number to the wrap
    const sender = wrapped.established({ ...PLAIN, noDelay: true, sendBufferMax: 60_000 }, [mss(1_000)]);
    expect(wrapped.iss).toBeGreaterThan(2 ** 32 - 300);
    expect(sender.send(wrapped.now, text(5_000))).toBe(5_000);
    expect(wrapped.sent()).toHaveLength(5);
    expect(wrapped.ask({ flags: 'A', seq: 1, ack: 3_001 })).toEqual([]);
    expect(sender.unacknowledgedCount).toBe(2_000);
  });

  test('fault/T12 PAWS: an old duplicate in the window is dropped, and answered', () => {
    const lab = new Lab();
    const connection = lab.established({ ...PLAIN, timestamps: true }, [mss(1_460), stamps(1_000)]);
    lab.send({ flags: 'A', seq: 1, ack: 1, text: 'new', options: [stamps(2_000)] });
    lab.take();
    expect(lab.send({ flags: 'A', seq: 4, ack: 1, text: 'old', options: [stamps(1_500)] })).toBe('tcp-old-timestamp');
    expect(lab.sent()).toHaveLength(1);
    expect(connection.readableCount).toBe(3);
  });

  test('fault/T13 a shut window: probes with backoff, for as long as they are answered; it goes on when the window opens', () => {
    const lab = new Lab();
    const connection = lab.established({ ...PLAIN, noDelay: true }, [mss(1_000)], 1_000);
    connection.send(lab.now, text(3_000));
    expect(lab.sent()).toEqual(['A 1:1 +1000']);
    lab.ask({ flags: 'A', seq: 1, ack: 1_001, win: 0 });
    const times: number[] = [];
    const end = lab.now + 3_600_000;
    while (lab.now < end) {
      for (const line of lab.until(Math.min(end, lab.layer.nextTimeout()))) {
        times.push(Number.parseInt(line, 10));
        expect(line).toMatch(/A 1001:1 "x"$/);
        lab.send({ flags: 'A', seq: 1, ack: 1_001, win: 0 });
      }
    }
    expect(connection.end).toBeUndefined();
    expect(times.slice(0, 7)).toEqual([1_000, 3_000, 7_000, 15_000, 31_000, 63_000, 123_000]);
    // The update was lost; the next probe learns of the open window.
    lab.until(lab.layer.nextTimeout());
    const resumed = lab.ask({ flags: 'A', seq: 1, ack: 1_001, win: 5_000 });
    expect(resumed).toEqual(['A 1001:1 +1000', 'A 2001:1 +1000']);
  });

  test('fault/T13 a probe octet that is taken counts', () => {
    const lab = new Lab();
    const connection = lab.established({ ...PLAIN, noDelay: true }, [mss(1_000)], 1_000);
    connection.send(lab.now, text(1_500));
    lab.take();
    lab.ask({ flags: 'A', seq: 1, ack: 1_001, win: 0 });
    lab.wait(1_000);
    expect(lab.ask({ flags: 'A', seq: 1, ack: 1_002, win: 5_000 })).toEqual(['A 1002:1 +499']);
  });

  test('fault/T14 a window held shut for ever: the user may set a bound, and memory pressure ends the oldest', () => {
    const lab = new Lab();
    const connection = lab.established({ ...PLAIN, noDelay: true, zeroWindowTimeoutMs: 20_000 }, [mss(1_000)], 1_000);
    connection.send(lab.now, text(3_000));
    lab.take();
    lab.ask({ flags: 'A', seq: 1, ack: 1_001, win: 0 });
    for (let i = 0; i < 30 && connection.end === undefined; i++) {
      lab.wait(1_000);
      lab.send({ flags: 'A', seq: 1, ack: 1_001, win: 0 });
    }
    expect(connection.end).toBe('timed-out');

    const poor = new Lab({ limits: { bufferOctetsMax: 4_096 } });
    const listener = poor.listen(PLAIN, 8);
    const connections = [1, 2, 3].map((port) => {
      poor.peerPort = port;
      poor.ask({ flags: 'S', seq: 0, win: 10 });
      poor.ask({ flags: 'A', seq: 1, ack: 1, win: 10 });
      const accepted = listener.accept(poor.now);
      if (typeof accepted === 'string') throw new Error(accepted);
      if (port < 3) {
        accepted.send(poor.now, text(2_000));
        poor.ask({ flags: 'A', seq: 1, ack: 1, win: 0 });
        poor.wait(100);
      }
      return accepted;
    });
    expect(connections[2]?.send(poor.now, text(100))).toBe(100);
    expect(connections.map((c) => c.end)).toEqual(['no-buffers', undefined, undefined]);
  });

  test('fault/T15 the peer takes its window back: nothing breaks, nothing new goes, what is out is repaired', () => {
    const lab = new Lab();
    const connection = lab.established({ ...PLAIN, noDelay: true }, [mss(1_000)], 10_000);
    connection.send(lab.now, text(8_000));
    expect(lab.sent()).toHaveLength(8);
    expect(lab.ask({ flags: 'A', seq: 1, ack: 1_001, win: 500 })).toEqual([]);
    connection.send(lab.now, text(1_000));
    expect(lab.sent()).toEqual([]);
    expect(lab.wait(1_000)).toEqual(['1000 A 1001:1 +1000']);
    expect(lab.ask({ flags: 'A', seq: 1, ack: 8_001, win: 10_000 })).toEqual(['A 8001:1 +1000']);
  });

  test('fault/T16 silly windows: the sender waits for a segment or half a window, the receiver offers no crumbs', () => {
    const lab = new Lab();
    const connection = lab.established({ ...PLAIN, noDelay: true }, [mss(1_000)], 2_000);
    connection.send(lab.now, text(10_000));
    lab.take();
    lab.ask({ flags: 'A', seq: 1, ack: 2_001, win: 0 });
    for (let win = 1; win < 1_000; win += 111) expect(lab.ask({ flags: 'A', seq: 1, ack: 2_001, win })).toEqual([]);
    expect(lab.ask({ flags: 'A', seq: 1, ack: 2_001, win: 1_000 })).toEqual(['A 2001:1 +1000']);
    const reader = new Lab();
    const slow = reader.established({ ...PLAIN, receiveBufferMax: 2_000 }, [mss(536)]);
    reader.send({ flags: 'A', seq: 1, ack: 1, text: text(2_000) });
    reader.take();
    const windows: number[] = [];
    for (let i = 0; i < 2_000; i++) {
      slow.receiveInto(reader.now, new Uint8Array(1));
      for (const { window } of reader.take()) windows.push(window);
    }
    expect(windows.every((window, i) => window - (windows[i - 1] ?? 0) >= 536)).toBe(true);
    expect(windows.length).toBeGreaterThan(0);
  });

  test('fault/T17 an MSS of 0, 1 or 47 is floored: packets for each octet are bounded', () => {
    for (const octets of [0, 1, 47]) {
      const lab = new Lab();
      const connection = lab.established({ ...PLAIN, noDelay: true }, [mss(octets)]);
      connection.send(lab.now, text(480));
      expect(lab.sent()).toHaveLength(10);
    }
  });

  test('fault/T18 odd SACK blocks are ignored: reversed, empty, beyond SND.NXT, below SND.UNA, across the wrap, of half the space', () => {
    const lab = new Lab();
    const connection = lab.established({ ...PLAIN, sendBufferMax: 60_000 }, PERMITTED);
    connection.send(lab.now, text(10_000));
    lab.take();
    for (const edges of [
      [5_000, 2_000],
      [3_000, 3_000],
      [9_000, 20_001],
      [-5, 1],
      [0, 1],
      [1, 2_001],
      [2_001, 2_001 + 2 ** 31],
      [-(2 ** 31), 5_000],
      [10_002, 10_003],
    ])
      lab.send({ flags: 'A', seq: 1, ack: 1, options: [sack(lab, edges as unknown as [number, number])] });
    expect(lab.sent()).toEqual([]);
    expect(connection.inspect().counts.duplicateAcks).toBe(0);
    lab.send({ flags: 'A', seq: 1, ack: 1, options: [sack(lab, [2_001, 6_001], [3_001, 5_001], [2_001, 6_001])] });
    expect(lab.sent()[0]).toBe('A 1:1 +1000');
  });

  test('fault/T19 tiny segments beyond holes: their number is bounded, and the stream is exact', () => {
    const lab = new Lab({ limits: { holeCountMax: 16 } });
    const connection = lab.established(PLAIN);
    let dropped = 0;
    for (let seq = 3; seq < 2_003; seq += 2)
      if (lab.send({ flags: 'A', seq, ack: 1, text: 'x' }) === 'tcp-too-many-holes') dropped += 1;
    expect(connection.inspect().receive.holes).toBe(16);
    expect(dropped).toBe(1_000 - 16);
    lab.send({ flags: 'A', seq: 1, ack: 1, text: text(2_002) });
    expect(connection.readableCount).toBe(2_002);
    expect(connection.inspect().receive.holes).toBe(0);
  });

  test('fault/T20 optimistic, divided and invented acknowledgments gain nothing', () => {
    const lab = new Lab();
    const connection = lab.established({ ...PLAIN, sendBufferMax: 200_000, congestion: 'newreno', selectiveAcks: false }, [
      mss(1_000),
    ]);
    connection.send(lab.now, text(100_000));
    lab.take();
    expect(lab.send({ flags: 'A', seq: 1, ack: 50_000 })).toBe('tcp-bad-ack'); // never sent
    const { window } = connection.inspect().congestion;
    for (let ack = 11; ack <= 1_001; ack += 10) lab.send({ flags: 'A', seq: 1, ack }); // one segment in a hundred pieces
    expect(connection.inspect().congestion.window - window).toBeLessThanOrEqual(1_000);
    lab.take();
    for (let i = 0; i < 1_000; i++) lab.send({ flags: 'A', seq: 1, ack: 1_001 }); // duplicates without end
    expect(lab.sent().length).toBeLessThan(20);
  });

  test('fault/T21 urgent pointers of 0, past the text and without text: no underflow, everything in line', () => {
    const lab = new Lab();
    const connection = lab.established(PLAIN);
    lab.send({ flags: 'UA', seq: 1, ack: 1, text: 'ab', urg: 0 });
    expect(connection.urgentCount).toBe(0);
    lab.send({ flags: 'UA', seq: 3, ack: 1, text: 'cd', urg: 65_535 });
    lab.send({ flags: 'UA', seq: 5, ack: 1, urg: 1 });
    expect(connection.receive(lab.now)).toEqual(new TextEncoder().encode('abcd'));
    expect(connection.urgentCount).toBe(65_533);
  });

  test('fault/T22 a FIN beyond a hole, with text, into a shut window, twice: taken once, in order', () => {
    const lab = new Lab();
    const connection = lab.established({ ...PLAIN, receiveBufferMax: 6 });
    lab.send({ flags: 'FA', seq: 4, ack: 1, text: 'def' });
    expect(connection.state).toBe('ESTABLISHED');
    lab.send({ flags: 'A', seq: 1, ack: 1, text: 'abc' });
    expect(connection.state).toBe('CLOSE-WAIT');
    lab.send({ flags: 'FA', seq: 4, ack: 1, text: 'def' });
    expect(connection.receive(lab.now)).toEqual(new TextEncoder().encode('abcdef'));
    expect(connection.receive(lab.now)).toBe('eof');
    const full = new Lab();
    const shut = full.established({ ...PLAIN, receiveBufferMax: 3 });
    expect(full.ask({ flags: 'A', seq: 1, ack: 1, text: 'abc' })).toEqual([]);
    full.wait(50);
    expect(full.ask({ flags: 'FA', seq: 4, ack: 1 })).toEqual(['A 1:5 w0']);
    expect(shut.state).toBe('CLOSE-WAIT');
  });

  test('fault/T23 simultaneous open between two hosts, and a connection to itself', () => {
    const pair = new TcpPair({ cable: { delayMs: 10 } });
    const a = pair.a.tcp.connect(0, { remote: { address: B_IP, port: 2_000 }, local: { port: 1_000 } });
    const b = pair.b.tcp.connect(0, { remote: { address: A_IP, port: 1_000 }, local: { port: 2_000 } });
    pair.run({ until: 1_000 });
    if (typeof a === 'string' || typeof b === 'string') throw new Error('refused');
    expect([a.state, b.state]).toEqual(['ESTABLISHED', 'ESTABLISHED']);
    expect(pair.events.filter(({ event }) => event.type === 'tcp-connected')).toHaveLength(2);
    const self = pair.a.tcp.connect(pair.now, { remote: { address: A_IP, port: 3_000 }, local: { port: 3_000 } });
    if (typeof self === 'string') throw new Error(self);
    pair.run({ until: pair.now + 1_000 });
    expect(self.state).toBe('ESTABLISHED');
    self.send(pair.now, streamOf(0, 100));
    pair.run({ until: pair.now + 1_000 });
    expect(self.receive(pair.now)).toEqual(streamOf(0, 100));
  });

  test('fault/T24 simultaneous close, and half a close with octets flowing back', () => {
    const pair = new TcpPair({ cable: { delayMs: 10 } });
    const { client, server } = pair.open();
    client.close(pair.now);
    server.close(pair.now);
    pair.run({ until: pair.now + 100 });
    expect([client.state, server.state]).toEqual(['TIME-WAIT', 'TIME-WAIT']);
    const half = new TcpPair({ cable: { delayMs: 10 } });
    const both = half.open();
    both.client.shutdown(half.now);
    half.run({ until: half.now + 100 });
    expect([both.client.state, both.server.state]).toEqual(['FIN-WAIT-2', 'CLOSE-WAIT']);
    const source = new StreamSource(both.server, 100_000);
    const sink = new StreamSink(both.client);
    half.onStep = () => {
      source.push(half.now);
      sink.pull(half.now);
    };
    half.run({ until: half.now + 100_000, stop: () => sink.isAtEnd });
    expect(sink).toMatchObject({ received: 100_000, isExact: true });
    expect(both.client.state).toBe('TIME-WAIT');
  });

  test('fault/T25 TIME-WAIT is not ended by a reset; a newer SYN may begin again', () => {
    const lab = new Lab();
    const connection = lab.established(PLAIN);
    connection.close(lab.now);
    lab.take();
    lab.ask({ flags: 'FA', seq: 1, ack: 2 });
    for (const seq of [2, 3, 1]) expect(lab.ask({ flags: 'R', seq })).toEqual([]);
    expect(lab.layer.inspect().timeWait).toBe(1);
    const before = lab.iss;
    expect(lab.ask({ flags: 'S', seq: 100 })).toEqual(['SA 0:101']);
    expect((lab.iss - before) | 0).toBeGreaterThan(2); // behind the old incarnation
    expect(lab.layer.inspect().timeWait).toBe(0);
  });

  test('fault/T26 a duplicate acknowledgment in LAST-ACK is no acknowledgment of our FIN; an impossible one is challenged', () => {
    const lab = new Lab();
    const connection = lab.established(PLAIN);
    lab.ask({ flags: 'FA', seq: 1, ack: 1 });
    connection.close(lab.now);
    lab.take();
    expect(lab.ask({ flags: 'A', seq: 2, ack: 1 })).toEqual([]);
    expect(lab.ask({ flags: 'A', seq: 2, ack: 3 })).toEqual(['A 2:2 w65534']);
    expect(connection.state).toBe('LAST-ACK');
  });

  test('fault/T27 a reset to a listener, and a SYN from 0.0.0.0: nothing', () => {
    const lab = new Lab();
    lab.listen(PLAIN);
    expect(lab.ask({ flags: 'R', seq: 0 })).toEqual([]);
    const pair = new TcpPair();
    pair.listen(80);
    pair.onFrame = (_now, from, frame) => {
      if (from !== 'a') return;
      const copy = frame.slice();
      copy.fill(0, 26, 30);
      copy.fill(0, 24, 26);
      let sum = 0;
      for (let i = 14; i < 34; i += 2) sum += ((copy[i] as number) << 8) | (copy[i + 1] as number);
      while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
      copy[24] = (~sum >>> 8) & 0xff;
      copy[25] = ~sum & 0xff;
      pair.inject('b', copy);
    };
    pair.cable = { loss: 1 };
    pair.connect(80);
    pair.run({ until: 10 });
    expect(pair.b.inspect().drops['ipv4-bad-source']).toBe(1);
    expect(pair.b.inspect().tcp.connections).toBe(0);
  });

  test('fault/T28 RTO: a second at first, doubled, a minute at most; R2 five minutes for octets, three for SYN', () => {
    const { rtoInitialMs, rtoMaxMs, connectTimeoutMs } = resolveTcpOptions();
    expect([rtoInitialMs, rtoMaxMs, connectTimeoutMs]).toEqual([1_000, 60_000, 180_000]);
    const lab = new Lab();
    const connection = lab.established({ ...PLAIN, noDelay: true });
    connection.send(lab.now, text(1));
    const at = lab.wait(400_000).map((line) => Number.parseInt(line, 10));
    expect(at).toEqual([0, 1_000, 3_000, 7_000, 15_000, 31_000, 63_000, 123_000, 183_000, 243_000]);
    expect(connection.end).toBe('timed-out');
    const syn = new TcpPair({ cable: { delayMs: 10, drop: (_frame, number, from) => from === 'a' && number === 1 } });
    syn.listen(80);
    const client = syn.connect(80);
    syn.run({ until: 5_000, stop: () => client.state === 'ESTABLISHED' });
    expect(syn.now).toBe(1_020);
  });

  test('fault/T29 the n-th segment lost, for every n and both directions: octets, FIN and its acknowledgment get through', () => {
    for (const from of ['a', 'b'] as const) {
      for (const lost of places(14, 3).map((place) => place + 1)) {
        const pair = new TcpPair({ cable: { delayMs: 10, drop: (_frame, number, who) => who === from && number === lost } });
        const { sink, client } = transfer(pair, { total: 9_000 });
        expect(`${from} ${lost} ${sink.received} ${sink.isExact} ${sink.isAtEnd} ${client.end}`).toBe(
          `${from} ${lost} 9000 true true closed`,
        );
      }
    }
  });

  test('fault/T31 text in SYN, in SYN,ACK, FIN in SYN: never delivered before ESTABLISHED', () => {
    const lab = new Lab();
    const listener = lab.listen(PLAIN);
    expect(lab.ask({ flags: 'SF', seq: 0, text: 'early' })).toEqual(['SA 0:1']);
    expect(listener.accept(lab.now)).toBe('would-block');
    lab.send({ flags: 'A', seq: 1, ack: 1, text: 'early' });
    const connection = listener.accept(lab.now);
    expect(typeof connection === 'string' ? connection : connection.receive(lab.now)).toEqual(new TextEncoder().encode('early'));
    const client = new Lab();
    const opened = client.connect(PLAIN);
    client.take();
    client.ask({ flags: 'SA', seq: 0, ack: 1, text: 'early' });
    expect(opened.receive(client.now)).toBe('would-block');
  });

  test('fault/T32 ports run out with a word for it, and nothing is left over after TIME-WAIT', () => {
    const lab = new Lab({ limits: { ephemeralPortMin: 50_000, ephemeralPortMax: 50_099 } });
    const open = (): string | number => {
      const connection = lab.layer.connect(lab.now, { remote: { address: PEER_ADDRESS, port: 4_000 } }, PLAIN);
      return typeof connection === 'string' ? connection : connection.local.port;
    };
    const ports = new Set(Array.from({ length: 100 }, open));
    expect(ports.size).toBe(100);
    expect(open()).toBe('no-ports');
    lab.take();
    lab.wait(180_000);
    expect(lab.layer.inspect()).toMatchObject({ connections: 0, timeWait: 0, bufferOctets: 0 });
    expect(open()).not.toBe('no-ports');
    const full = new Lab({ limits: { connectionCountMax: 5 } });
    for (let i = 0; i < 5; i++) full.connect(PLAIN, {});
    expect(full.layer.connect(full.now, { remote: { address: PEER_ADDRESS, port: 4_000 } })).toBe('no-buffers');
  });

  test('fault/T33 a user who never reads, and one who never stops: the window shuts at the bound, memory stays', () => {
    const pair = new TcpPair({ cable: { delayMs: 5 } });
    const limits = { sendBufferMax: 20_000, receiveBufferMax: 30_000, ...PATIENT };
    const { client, server } = pair.open(limits, limits);
    let accepted = 0;
    pair.onStep = () => {
      for (;;) {
        const count = client.send(pair.now, streamOf(accepted, 4_000));
        if (typeof count !== 'number') break;
        accepted += count;
      }
    };
    pair.run({ until: 600_000 });
    expect(accepted).toBe(50_000);
    expect(server.readableCount).toBe(30_000);
    expect(client.inspect().send.wnd).toBe(0);
    expect(pair.a.inspect().tcp.bufferOctets).toBe(32_768);
    expect(pair.b.inspect().tcp.bufferOctets).toBe(32_768);
    const sink = new StreamSink(server);
    pair.onStep = () => sink.pull(pair.now);
    pair.run({ until: 1_200_000, stop: () => sink.received === 50_000 });
    expect(sink).toMatchObject({ received: 50_000, isExact: true });
  });
});

/** Our initial number of the lab's first passive connection if its clock stood at zero. */
function isnAtZero(): number {
  const lab = new Lab();
  lab.established({ ...PLAIN, noDelay: true }, [mss(1_000)]);
  return (lab.iss - Math.floor(1_000 * 250)) >>> 0;
}

function floodOf(i: number): Parameters<Lab['layer']['input']>[1] {
  const lab = FLOOD;
  lab.peerPort = 1 + (i % 65_535);
  lab.irs = Math.imul(i, 0x85ebca6b) >>> 0;
  return lab.arrival({ flags: 'S', seq: 0 }, (0xc0000000 + i) >>> 0);
}

const FLOOD = new Lab();
