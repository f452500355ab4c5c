import { describe, expect, test } from 'vitest';
import type { TcpConnection, TcpOptions } from '../../src/index.js';
import { Lab, mss, PLAIN, sack, text } from '../support/tcp-lab.js';

const QUICK: TcpOptions = { ...PLAIN, noDelay: true };
const SACKED: TcpOptions = { ...PLAIN, selectiveAcks: true };
const PERMITTED = [mss(1_000), { type: 'sack-permitted' as const }];

function read(connection: TcpConnection, now = 1_000): string {
  const bytes = connection.receive(now);
  return typeof bytes === 'string' ? bytes : new TextDecoder().decode(bytes);
}

describe('receiving', () => {
  test('text in order is read once, and acknowledged', () => {
    const lab = new Lab();
    const connection = lab.established(PLAIN);
    lab.send({ flags: 'A', seq: 1, ack: 1, text: 'hello' });
    expect(lab.events()).toEqual(['readable']);
    expect(read(connection)).toBe('hello');
    expect(read(connection)).toBe('would-block');
  });

  test('text beyond a hole waits for the hole', () => {
    const lab = new Lab();
    const connection = lab.established(PLAIN);
    expect(lab.ask({ flags: 'A', seq: 4, ack: 1, text: 'def' })).toEqual(['A 1:1']);
    expect(lab.events()).toEqual([]);
    expect(lab.ask({ flags: 'A', seq: 1, ack: 1, text: 'abc' })).toEqual(['A 1:7 w65529']);
    expect(read(connection)).toBe('abcdef');
  });

  test.each<[string, [number, string][], string]>([
    [
      'overlap on the left',
      [
        [1, 'abc'],
        [2, 'bcdef'],
      ],
      'abcdef',
    ],
    [
      'overlap on the right',
      [
        [4, 'def'],
        [1, 'abcde'],
      ],
      'abcdef',
    ],
    [
      'a segment within another',
      [
        [1, 'abcdef'],
        [3, 'cd'],
      ],
      'abcdef',
    ],
    [
      'one that covers two holes',
      [
        [3, 'c'],
        [5, 'e'],
        [1, 'abcdef'],
      ],
      'abcdef',
    ],
    [
      'three in reverse',
      [
        [5, 'ef'],
        [3, 'cd'],
        [1, 'ab'],
      ],
      'abcdef',
    ],
    [
      'a duplicate of everything',
      [
        [1, 'abcdef'],
        [1, 'abcdef'],
      ],
      'abcdef',
    ],
    [
      'touching pieces beyond the hole',
      [
        [3, 'cd'],
        [5, 'ef'],
        [1, 'ab'],
      ],
      'abcdef',
    ],
    [
      'from before the beginning',
      [
        [0, 'zabc'],
        [4, 'def'],
      ],
      'abcdef',
    ],
  ])('%s', (_, pieces, whole) => {
    const lab = new Lab();
    const connection = lab.established(PLAIN);
    for (const [seq, piece] of pieces) lab.send({ flags: 'A', seq, ack: 1, text: piece });
    expect(read(connection)).toBe(whole);
  });

  test('one segment waits for company at most 40 ms, two do not wait (MUST-40)', () => {
    const lab = new Lab();
    lab.established(PLAIN);
    expect(lab.ask({ flags: 'A', seq: 1, ack: 1, text: 'a' })).toEqual([]);
    expect(lab.wait(100)).toEqual(['40 A 1:2 w65534']);
    expect(lab.ask({ flags: 'A', seq: 2, ack: 1, text: 'b' })).toEqual([]);
    expect(lab.ask({ flags: 'A', seq: 3, ack: 1, text: 'c' })).toEqual(['A 1:4 w65532']);
  });

  test('one acknowledgment for what came at once (MUST-58, MUST-59)', () => {
    const lab = new Lab();
    lab.established(PLAIN);
    for (let seq = 1; seq < 40; seq += 4) lab.send({ flags: 'A', seq, ack: 1, text: 'abcd' });
    expect(lab.sent()).toEqual(['A 1:41 w65495']);
  });

  test('delayedAckMs 0: nothing waits', () => {
    const lab = new Lab();
    lab.established({ ...PLAIN, delayedAckMs: 0 });
    expect(lab.ask({ flags: 'A', seq: 1, ack: 1, text: 'a' })).toEqual(['A 1:2 w65534']);
  });

  test('an acknowledgment that waits goes with text of ours', () => {
    const lab = new Lab();
    const connection = lab.established(PLAIN);
    lab.send({ flags: 'A', seq: 1, ack: 1, text: 'a' });
    connection.send(lab.now, text(2));
    expect(lab.sent()).toEqual(['A 1:2 w65534 "xx"']);
    expect(lab.wait(400)).toEqual([]);
  });

  test('what exceeds the window is cut off at its edge', () => {
    const lab = new Lab();
    const connection = lab.established({ ...PLAIN, receiveBufferMax: 4 });
    lab.send({ flags: 'A', seq: 1, ack: 1, text: 'abcdef' });
    expect(lab.sent()).toEqual(['A 1:5 w0']);
    expect(read(connection)).toBe('abcd');
  });

  test('a shut window takes acknowledgments (MUST-66), and no text', () => {
    const lab = new Lab();
    const connection = lab.established({ ...QUICK, receiveBufferMax: 4 });
    connection.send(lab.now, text(3));
    lab.take();
    lab.send({ flags: 'A', seq: 1, ack: 1, text: 'abcd' });
    lab.take();
    lab.send({ flags: 'A', seq: 5, ack: 4, text: 'e' });
    expect(connection.unacknowledgedCount).toBe(0);
    expect(lab.sent()).toEqual(['A 4:5 w0']);
  });

  test('the window opens by a segment or half of the buffer at least (SWS, §3.8.6.2.2)', () => {
    const lab = new Lab();
    const connection = lab.established({ ...PLAIN, receiveBufferMax: 1_000 });
    lab.send({ flags: 'A', seq: 1, ack: 1, text: text(1_000) });
    lab.take();
    const told: string[] = [];
    for (let i = 0; i < 10; i++) {
      connection.receiveInto(lab.now, new Uint8Array(100));
      told.push(...lab.sent());
    }
    expect(told).toEqual(['A 1:1001 w500', 'A 1:1001 w1000']);
  });

  test('where the peer has no room for two segments, room for one is told (§3.8.6.2.2)', () => {
    const lab = new Lab();
    const connection = lab.established({ ...PLAIN, receiveBufferMax: 4_096, delayedAckMs: 0 });
    expect(lab.ask({ flags: 'A', seq: 1, ack: 1, text: text(1_448) })).toEqual(['A 1:1449 w2648']);
    connection.receiveInto(lab.now, new Uint8Array(1_448));
    expect(lab.sent()).toEqual(['A 1:1449 w4096']);
  });

  test('eof comes after the last octet, and again', () => {
    const lab = new Lab();
    const connection = lab.established(PLAIN);
    lab.send({ flags: 'FA', seq: 1, ack: 1, text: 'bye' });
    expect(lab.events()).toEqual(['readable', 'peer-closed']);
    expect([read(connection), read(connection), read(connection)]).toEqual(['bye', 'eof', 'eof']);
  });

  test('a reset throws away what was not read', () => {
    const lab = new Lab();
    const connection = lab.established(PLAIN);
    lab.send({ flags: 'A', seq: 1, ack: 1, text: 'lost' });
    lab.send({ flags: 'R', seq: 5 });
    expect(read(connection)).toBe('reset');
    expect(connection.send(lab.now, text(1))).toBe('reset');
  });
});

describe('sending', () => {
  test('full segments go, the rest waits for acknowledgment (Nagle)', () => {
    const lab = new Lab();
    const connection = lab.established(PLAIN, [mss(1_000)]);
    connection.send(lab.now, text(2_500));
    expect(lab.sent()).toEqual(['A 1:1 +1000', 'A 1001:1 +1000']);
    expect(lab.ask({ flags: 'A', seq: 1, ack: 2_001 })).toEqual(['A 2001:1 +500']);
  });

  test('the first small segment goes at once, further ones together', () => {
    const lab = new Lab();
    const connection = lab.established(PLAIN);
    for (const letter of ['a', 'b', 'c']) connection.send(lab.now, new TextEncoder().encode(letter));
    expect(lab.sent()).toEqual(['A 1:1 "abc"']);
    connection.send(lab.now, text(1));
    connection.send(lab.now, text(1));
    expect(lab.sent()).toEqual([]);
    expect(lab.ask({ flags: 'A', seq: 1, ack: 4 })).toEqual(['A 4:1 "xx"']);
  });

  test('noDelay: every send is a segment (MUST-17)', () => {
    const lab = new Lab();
    const connection = lab.established(QUICK);
    connection.send(lab.now, text(1));
    expect(lab.sent()).toEqual(['A 1:1 "x"']);
    connection.send(lab.now, text(1));
    expect(lab.sent()).toEqual(['A 2:1 "x"']);
  });

  test('the peer’s window is a bound', () => {
    const lab = new Lab();
    const connection = lab.established(QUICK, [mss(1_000)], 1_500);
    connection.send(lab.now, text(4_000));
    expect(lab.sent()).toEqual(['A 1:1 +1000']);
    expect(lab.ask({ flags: 'A', seq: 1, ack: 1_001, win: 3_000 })).toEqual([
      'A 1001:1 +1000',
      'A 2001:1 +1000',
      'A 3001:1 +1000',
    ]);
  });

  test('an older segment does not change the window (SND.WL1, SND.WL2)', () => {
    const lab = new Lab();
    const connection = lab.established(QUICK);
    lab.send({ flags: 'A', seq: 1, ack: 1, text: 'ab' });
    lab.send({ flags: 'A', seq: 3, ack: 1, win: 5_000, text: 'c' });
    lab.send({ flags: 'A', seq: 1, ack: 1, win: 9, text: 'abcd' });
    expect(connection.inspect().send.wnd).toBe(5_000);
  });

  test('send takes what fits, then blocks, and says when there is room', () => {
    const lab = new Lab();
    const connection = lab.established({ ...PLAIN, sendBufferMax: 1_000 }, [mss(1_000)]);
    expect(connection.send(lab.now, text(1_500))).toBe(1_000);
    expect(connection.send(lab.now, text(1))).toBe('would-block');
    expect(connection.writableCount).toBe(0);
    lab.take();
    expect(lab.events()).toEqual([]);
    lab.send({ flags: 'A', seq: 1, ack: 1_001 });
    expect(lab.events()).toEqual(['writable']);
    expect(connection.writableCount).toBe(1_000);
  });

  test('nothing to send is nothing sent', () => {
    const lab = new Lab();
    expect(lab.established(PLAIN).send(lab.now, text(0))).toBe(0);
    expect(lab.sent()).toEqual([]);
  });

  test('the last octets carry PSH (MUST-61)', () => {
    const lab = new Lab();
    const connection = lab.established(PLAIN, [mss(1_000)]);
    connection.send(lab.now, text(2_000));
    expect(lab.take().map(({ flags }) => flags.psh)).toEqual([false, true]);
  });

  test('FIN goes with the last octets', () => {
    const lab = new Lab();
    const connection = lab.established(PLAIN, [mss(1_000)]);
    connection.send(lab.now, text(1_200));
    connection.shutdown(lab.now);
    expect(lab.sent()).toEqual(['A 1:1 +1000', 'FA 1001:1 +200']);
    expect(connection.send(lab.now, text(1))).toBe('closed');
  });

  test('a smaller window than a segment: it goes when half of the largest window is free', () => {
    const lab = new Lab();
    const connection = lab.established(QUICK, [mss(1_000)], 800);
    connection.send(lab.now, text(3_000));
    expect(lab.sent()).toEqual(['A 1:1 +800']);
    expect(lab.ask({ flags: 'A', seq: 1, ack: 801, win: 100 })).toEqual([]);
    expect(lab.ask({ flags: 'A', seq: 1, ack: 801, win: 400 })).toEqual(['A 801:1 +400']);
  });
});

describe('urgent octets (RFC 9293 §3.8.5, RFC 6093)', () => {
  test('URG and a pointer to the octet after them (MUST-30, MUST-62)', () => {
    const lab = new Lab();
    const connection = lab.established(QUICK);
    connection.send(lab.now, text(3), { urgent: true });
    expect(lab.sent()).toEqual(['UA 1:1 "xxx" u3']);
    connection.send(lab.now, text(2));
    expect(lab.sent()).toEqual(['A 4:1 "xx"']);
  });

  test('the user is told, and how much is left (MUST-32, MUST-33)', () => {
    const lab = new Lab();
    const connection = lab.established(PLAIN);
    lab.send({ flags: 'UA', seq: 1, ack: 1, text: 'abcd', urg: 3 });
    expect(lab.events()).toEqual(['urgent', 'readable']);
    expect(connection.urgentCount).toBe(3);
    connection.receiveInto(lab.now, new Uint8Array(2));
    expect(connection.urgentCount).toBe(1);
    connection.receiveInto(lab.now, new Uint8Array(2));
    expect(connection.urgentCount).toBe(0);
  });

  test('of any length (MUST-31): a pointer ahead of the segment', () => {
    const lab = new Lab();
    const connection = lab.established(PLAIN);
    lab.send({ flags: 'UA', seq: 1, ack: 1, text: 'ab', urg: 60_000 });
    expect(connection.urgentCount).toBe(60_000);
  });

  test.each([0, 1])('a pointer of %d that leads to nothing new tells nothing', (urg) => {
    const lab = new Lab();
    const connection = lab.established(PLAIN);
    lab.send({ flags: 'A', seq: 1, ack: 1, text: 'abc' });
    connection.receive(lab.now);
    lab.events();
    lab.send({ flags: 'UA', seq: 4, ack: 1, text: '', urg: urg - urg });
    expect(connection.urgentCount).toBe(0);
    expect(lab.events()).toEqual([]);
  });
});

describe('retransmission (RFC 6298)', () => {
  test('the first timeout is a second, then ever twice as long, to a minute', () => {
    const lab = new Lab();
    lab.connect(PLAIN);
    const at = lab.wait(200_000).map((line) => Number.parseInt(line, 10));
    expect(at).toEqual([0, 1_000, 3_000, 7_000, 15_000, 31_000, 63_000, 123_000]);
  });

  test('SYN is given up after three minutes (MUST-23), as timed out', () => {
    const lab = new Lab();
    const connection = lab.connect(PLAIN);
    lab.wait(179_999);
    expect(connection.end).toBeUndefined();
    lab.wait(1);
    expect(connection.end).toBe('timed-out');
    expect(lab.layer.nextTimeout()).toBe(Number.POSITIVE_INFINITY);
  });

  test('octets are sent again after RTO, from the first one not acknowledged', () => {
    const lab = new Lab();
    const connection = lab.established(QUICK, [mss(1_000)]);
    connection.send(lab.now, text(2_000));
    lab.take();
    expect(lab.wait(1_000)).toEqual(['1000 A 1:1 +1000']);
    expect(lab.ask({ flags: 'A', seq: 1, ack: 1_001 })).toEqual(['A 1001:1 +1000']);
  });

  test('a measured round trip sets RTO, never below a second', () => {
    const lab = new Lab();
    const connection = lab.established(QUICK);
    for (const ms of [400, 400, 400]) {
      const before = connection.inspect().send.nxt;
      connection.send(lab.now, text(1));
      lab.take();
      lab.wait(ms);
      lab.send({ flags: 'A', seq: 1, ack: (before + 1 - lab.iss) >>> 0 });
    }
    expect(connection.inspect().rttMs.timeout).toBe(1_000);
    // RFC 6298 (2.3) by hand: 0 (handshake), then three of 400: SRTT 0, 50, 93.75, 132.03; RTTVAR 0, 100, 162.5, 198.4
    expect(connection.inspect().rttMs.smoothed).toBeCloseTo(132.03, 1);
    expect(connection.inspect().rttMs.variation).toBeCloseTo(198.44, 1);
  });

  test('Karn: what was sent twice is not measured', () => {
    const lab = new Lab();
    const connection = lab.established(QUICK);
    connection.send(lab.now, text(1));
    lab.take();
    lab.wait(1_500);
    const { smoothed } = connection.inspect().rttMs;
    lab.send({ flags: 'A', seq: 1, ack: 2 });
    expect(connection.inspect().rttMs.smoothed).toBe(smoothed);
  });

  test('the user timeout ends it: R2 is 300 s by default (MUST-20)', () => {
    const lab = new Lab();
    const connection = lab.established(QUICK);
    connection.send(lab.now, text(1));
    lab.wait(299_999);
    expect(connection.end).toBeUndefined();
    lab.wait(1);
    expect(connection.end).toBe('timed-out');
  });

  test('the user may say how long (MUST-21)', () => {
    const lab = new Lab();
    const connection = lab.established({ ...QUICK, userTimeoutMs: 5_000 });
    connection.send(lab.now, text(1));
    lab.wait(5_000);
    expect(connection.end).toBe('timed-out');
    const later = new Lab();
    const other = later.established(QUICK);
    other.configure(later.now, { userTimeoutMs: 9_000 });
    other.send(later.now, text(1));
    later.wait(9_000);
    expect(other.end).toBe('timed-out');
  });

  test('FIN is sent again too', () => {
    const lab = new Lab();
    const connection = lab.established(PLAIN);
    connection.shutdown(lab.now);
    expect(lab.wait(3_000)).toEqual(['0 FA 1:1', '1000 FA 1:1', '3000 FA 1:1']);
  });

  test('SYN,ACK is sent again', () => {
    const lab = new Lab();
    lab.listen(PLAIN);
    lab.send({ flags: 'S', seq: 0 });
    expect(lab.wait(3_000)).toEqual(['0 SA 0:1', '1000 SA 0:1', '3000 SA 0:1']);
  });

  test('after a lost SYN the first flight is one segment (RFC 5681 §3.1)', () => {
    const lab = new Lab();
    const connection = lab.connect(PLAIN);
    connection.send(lab.now, text(5_000));
    lab.wait(1_000);
    expect(lab.ask({ flags: 'SA', seq: 0, ack: 1, options: [mss(1_000)] })).toEqual(['A 1:1 +1000']);
  });
});

describe('congestion (RFC 5681)', () => {
  const bulk = (options: TcpOptions = {}, syn = [mss(1_000)]): { lab: Lab; connection: TcpConnection } => {
    const lab = new Lab();
    const connection = lab.established(
      { ...PLAIN, sendBufferMax: 1_000_000, selectiveAcks: false, congestion: 'newreno', ...options },
      syn,
    );
    connection.send(lab.now, text(100_000));
    return { lab, connection };
  };

  test('the first flight has ten segments (RFC 6928)', () => {
    expect(bulk().lab.sent()).toHaveLength(10);
  });

  test('slow start: a segment acknowledged lets two go', () => {
    const { lab } = bulk();
    lab.take();
    expect(lab.ask({ flags: 'A', seq: 1, ack: 1_001 })).toHaveLength(2);
  });

  test('one acknowledgment for ten opens by two at most (RFC 3465 §2.3)', () => {
    const { lab } = bulk();
    lab.take();
    expect(lab.ask({ flags: 'A', seq: 1, ack: 10_001 })).toHaveLength(12);
  });

  test('three duplicates: fast retransmit; recovery ends when everything of then is acknowledged (RFC 6582)', () => {
    const { lab, connection } = bulk();
    lab.take();
    expect(lab.ask({ flags: 'A', seq: 1, ack: 1 })).toEqual(['A 10001:1 +1000']); // RFC 3042
    expect(lab.ask({ flags: 'A', seq: 1, ack: 1 })).toEqual(['A 11001:1 +1000']);
    expect(lab.ask({ flags: 'A', seq: 1, ack: 1 })).toEqual(['A 1:1 +1000']);
    expect(connection.inspect().congestion.slowStartThreshold).toBe(6_000);
    expect(lab.ask({ flags: 'A', seq: 1, ack: 3_001 })[0]).toBe('A 3001:1 +1000'); // partial: the next hole
    expect(connection.inspect().counts.fastRetransmits).toBe(1);
    lab.ask({ flags: 'A', seq: 1, ack: 12_001 });
    expect(connection.inspect().congestion.window).toBe(6_000);
  });

  test('two duplicates are no loss', () => {
    const { lab, connection } = bulk();
    lab.take();
    lab.ask({ flags: 'A', seq: 1, ack: 1 });
    lab.ask({ flags: 'A', seq: 1, ack: 1 });
    expect(connection.inspect().counts.fastRetransmits).toBe(0);
  });

  test.each<[string, { win?: number; text?: string; flags?: string }]>([
    ['a window update', { win: 60_000 }],
    ['text', { text: 'a' }],
  ])('%s is no duplicate', (_, part) => {
    const { lab, connection } = bulk();
    lab.take();
    let seq = 1;
    let win = 65_535;
    for (let i = 0; i < 5; i++) {
      if (part.win !== undefined) win -= 1_000;
      lab.ask({ flags: 'A', seq, ack: 1, win, ...(part.text === undefined ? {} : { text: part.text }) });
      if (part.text !== undefined) seq += 1;
    }
    expect(connection.inspect().counts.fastRetransmits).toBe(0);
  });

  test('a timeout: one segment, half of what was in flight as threshold, then slow start', () => {
    const { lab, connection } = bulk();
    lab.take();
    lab.wait(1_000);
    expect(connection.inspect().congestion).toEqual({ name: 'newreno', window: 1_000, slowStartThreshold: 5_000 });
    expect(lab.ask({ flags: 'A', seq: 1, ack: 1_001 })).toEqual(['A 1001:1 +1000', 'A 2001:1 +1000']);
  });

  test('a repeated timeout leaves the threshold (RFC 5681 §3.1)', () => {
    const { lab, connection } = bulk();
    lab.take();
    lab.wait(7_000);
    expect(connection.inspect().congestion.slowStartThreshold).toBe(5_000);
  });

  test('congestion avoidance: a segment for each window', () => {
    const { lab, connection } = bulk();
    lab.take();
    lab.wait(1_000);
    let acked = 1;
    const grown: number[] = [];
    for (let i = 0; i < 16; i++) {
      acked += 1_000;
      lab.ask({ flags: 'A', seq: 1, ack: acked });
      grown.push(connection.inspect().congestion.window);
    }
    expect(grown.slice(0, 4)).toEqual([2_000, 3_000, 4_000, 5_000]);
    expect(grown[8]).toBe(5_000 + 1_000);
    expect(grown[15]).toBe(7_000);
  });

  test('a sender that does not use its window does not raise it', () => {
    const lab = new Lab();
    const connection = lab.established(QUICK, [mss(1_000)]);
    for (let i = 0; i < 50; i++) {
      connection.send(lab.now, text(10));
      lab.take();
      lab.send({ flags: 'A', seq: 1, ack: 11 + 10 * i });
    }
    expect(connection.inspect().congestion.window).toBe(10_000);
  });

  test('after an idle time longer than RTO it starts from the initial window (RFC 5681 §4.1)', () => {
    const { lab, connection } = bulk();
    let acked = 1;
    for (let sent = lab.take(); sent.length > 0 && acked < 100_001; sent = lab.take()) {
      for (const { payload } of sent) {
        acked += payload.length;
        lab.send({ flags: 'A', seq: 1, ack: acked });
      }
    }
    expect(connection.inspect().congestion.window).toBeGreaterThan(20_000);
    lab.wait(5_000);
    connection.send(lab.now, text(60_000));
    expect(lab.sent()).toHaveLength(10);
  });

  test('CUBIC lowers to 0.7 of what was in flight (RFC 9438 §4.6)', () => {
    const { lab, connection } = bulk({ congestion: 'cubic' });
    lab.take();
    for (let i = 0; i < 3; i++) lab.ask({ flags: 'A', seq: 1, ack: 1 });
    expect(connection.inspect().congestion).toEqual({ name: 'cubic', window: 7_000, slowStartThreshold: 7_000 });
  });
});

describe('selective acknowledgments (RFC 2018, RFC 6675)', () => {
  test('the receiver tells what it has beyond the hole, the latest first', () => {
    const lab = new Lab();
    lab.established(SACKED, PERMITTED);
    lab.send({ flags: 'A', seq: 11, ack: 1, text: text(10) });
    lab.send({ flags: 'A', seq: 31, ack: 1, text: text(10) });
    lab.send({ flags: 'A', seq: 51, ack: 1, text: text(10) });
    lab.send({ flags: 'A', seq: 21, ack: 1, text: text(5) });
    const option = lab.take()[0]?.options.find(({ type }) => type === 'sack');
    const blocks = option?.type === 'sack' ? option.blocks.map(({ left, right }) => [left - lab.irs, right - lab.irs]) : [];
    expect(blocks).toEqual([
      [11, 26],
      [51, 61],
      [31, 41],
    ]);
  });

  test('without SACK-permitted there are no blocks', () => {
    const lab = new Lab();
    lab.established(SACKED, [mss(1_000)]);
    lab.send({ flags: 'A', seq: 11, ack: 1, text: text(10) });
    expect(lab.take()[0]?.options).toEqual([]);
  });

  const lossy = (): { lab: Lab; connection: TcpConnection } => {
    const lab = new Lab();
    const connection = lab.established({ ...SACKED, sendBufferMax: 200_000, congestion: 'newreno' }, PERMITTED);
    connection.send(lab.now, text(50_000));
    lab.take();
    return { lab, connection };
  };

  test('three segments beyond a hole: only the hole is sent again', () => {
    const { lab } = lossy();
    const sent = lab.ask({ flags: 'A', seq: 1, ack: 1, options: [sack(lab, [1_001, 4_001])] });
    expect(sent[0]).toBe('A 1:1 +1000');
    expect(sent.slice(1).every((line) => !line.startsWith('A 1001:'))).toBe(true);
  });

  test('two holes are sent again in turn', () => {
    const { lab } = lossy();
    const sent = lab.ask({ flags: 'A', seq: 1, ack: 1, options: [sack(lab, [1_001, 2_001], [3_001, 7_001])] });
    const more = lab.ask({ flags: 'A', seq: 1, ack: 1, options: [sack(lab, [3_001, 9_001], [1_001, 2_001])] });
    expect([...sent, ...more].filter((line) => /^A (1|2001):/.test(line))).toEqual(['A 1:1 +1000', 'A 2001:1 +1000']);
  });

  test('what is only a little behind is not lost yet', () => {
    const { lab, connection } = lossy();
    lab.ask({ flags: 'A', seq: 1, ack: 1, options: [sack(lab, [1_001, 2_001])] });
    expect(connection.inspect().counts.fastRetransmits).toBe(0);
  });

  test('a retransmission lost again is found by what was sent after it', () => {
    const { lab } = lossy();
    lab.ask({ flags: 'A', seq: 1, ack: 1, options: [sack(lab, [1_001, 10_001])] });
    const sent: string[] = [];
    for (let right = 11_001; right <= 16_001; right += 1_000)
      sent.push(...lab.ask({ flags: 'A', seq: 1, ack: 1, options: [sack(lab, [1_001, right])] }));
    expect(sent).toContain('A 1:1 +1000');
  });

  test('a timeout sends what was not selectively acknowledged', () => {
    const { lab } = lossy();
    lab.send({ flags: 'A', seq: 1, ack: 1, options: [sack(lab, [1_001, 2_001])] });
    lab.take();
    lab.wait(1_000);
    expect(lab.ask({ flags: 'A', seq: 1, ack: 2_001 })[0]).toBe('A 2001:1 +1000');
  });

  test('a second timeout does not believe the scoreboard any more (RFC 2018 §8)', () => {
    const { lab } = lossy();
    lab.send({ flags: 'A', seq: 1, ack: 1, options: [sack(lab, [1_001, 2_001])] });
    lab.take();
    lab.wait(3_000);
    expect(lab.ask({ flags: 'A', seq: 1, ack: 1_001 })[0]).toBe('A 1001:1 +1000');
  });
});
