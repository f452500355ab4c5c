import { describe, expect, test } from 'vitest';
import { Lab, mss, OUR_ADDRESS, PEER_ADDRESS, PLAIN, stamps, text } from '../support/tcp-lab.js';

const TUPLE = { localAddress: OUR_ADDRESS, localPort: 80, remoteAddress: PEER_ADDRESS, remotePort: 4_000 };

describe('close (RFC 9293 §3.6)', () => {
  test('the normal sequence, figure 12', () => {
    const lab = new Lab();
    const connection = lab.established(PLAIN);
    connection.close(lab.now);
    expect(lab.sent()).toEqual(['FA 1:1']);
    expect(connection.state).toBe('FIN-WAIT-1');
    lab.send({ flags: 'A', seq: 1, ack: 2 });
    expect(connection.state).toBe('FIN-WAIT-2');
    expect(lab.ask({ flags: 'FA', seq: 1, ack: 2 })).toEqual(['A 2:2 w65534']);
    expect(connection.state).toBe('TIME-WAIT');
    expect(lab.events()).toEqual(['peer-closed', 'closed closed']);
  });

  test('both at once, figure 13', () => {
    const lab = new Lab();
    const connection = lab.established(PLAIN);
    connection.close(lab.now);
    lab.take();
    expect(lab.ask({ flags: 'FA', seq: 1, ack: 1 })).toEqual(['A 2:2 w65534']);
    expect(connection.state).toBe('CLOSING');
    lab.send({ flags: 'A', seq: 2, ack: 2 });
    expect(connection.state).toBe('TIME-WAIT');
  });

  test('the peer first: CLOSE-WAIT, LAST-ACK, gone', () => {
    const lab = new Lab();
    const connection = lab.established(PLAIN);
    lab.ask({ flags: 'FA', seq: 1, ack: 1 });
    connection.close(lab.now);
    expect(lab.sent()).toEqual(['FA 1:2 w65534']);
    lab.send({ flags: 'A', seq: 2, ack: 2 });
    expect(connection.end).toBe('closed');
    expect(lab.layer.inspect()).toMatchObject({ connections: 0, timeWait: 0, bufferOctets: 0 });
  });

  test('half closed: octets still come and are acknowledged', () => {
    const lab = new Lab();
    const connection = lab.established({ ...PLAIN, delayedAckMs: 0 });
    connection.shutdown(lab.now);
    lab.take();
    lab.send({ flags: 'A', seq: 1, ack: 2 });
    expect(lab.ask({ flags: 'A', seq: 1, ack: 2, text: 'abc' })).toEqual(['A 2:4 w65532']);
    expect(connection.receive(lab.now)).toEqual(new TextEncoder().encode('abc'));
  });

  test('half closed by the peer: octets still go', () => {
    const lab = new Lab();
    const connection = lab.established(PLAIN);
    lab.ask({ flags: 'FA', seq: 1, ack: 1 });
    expect(connection.send(lab.now, text(3))).toBe(3);
    expect(lab.sent()).toEqual(['A 1:2 w65534 "xxx"']);
  });

  test('unread octets at close reset the connection (RFC 2525 §2.17)', () => {
    const lab = new Lab();
    const connection = lab.established(PLAIN);
    lab.ask({ flags: 'A', seq: 1, ack: 1, text: 'abc' });
    connection.close(lab.now);
    expect(lab.sent()).toEqual(['RA 1:4']);
    expect(connection.end).toBe('aborted');
  });

  test('octets after close reset it (RFC 9293 §3.6.1)', () => {
    const lab = new Lab();
    const connection = lab.established(PLAIN);
    connection.close(lab.now);
    lab.take();
    expect(lab.send({ flags: 'A', seq: 1, ack: 2, text: 'abc' })).toBe('tcp-nobody-reads');
    expect(lab.sent()).toEqual(['R 2']);
    expect(connection.end).toBe('aborted');
  });

  test('a peer that never says FIN is not waited for without end', () => {
    const lab = new Lab();
    const connection = lab.established({ ...PLAIN, finWait2Ms: 5_000 });
    connection.close(lab.now);
    lab.take();
    lab.send({ flags: 'A', seq: 1, ack: 2 });
    lab.wait(4_999);
    expect(connection.state).toBe('FIN-WAIT-2');
    lab.wait(1);
    expect(connection.state).toBe('CLOSED');
  });

  test('shutdown alone waits as long as the user does', () => {
    const lab = new Lab();
    const connection = lab.established({ ...PLAIN, finWait2Ms: 5_000 });
    connection.shutdown(lab.now);
    lab.take();
    lab.send({ flags: 'A', seq: 1, ack: 2 });
    lab.wait(1_000_000);
    expect(connection.state).toBe('FIN-WAIT-2');
  });

  test('abort sends a reset that the peer accepts', () => {
    const lab = new Lab();
    const connection = lab.established(PLAIN);
    connection.send(lab.now, text(3));
    lab.take();
    connection.abort(lab.now);
    expect(lab.sent()).toEqual(['RA 4:1']);
    expect(lab.events()).toEqual(['closed aborted']);
  });

  test('twice is once: shutdown, close, abort after the end', () => {
    const lab = new Lab();
    const connection = lab.established(PLAIN);
    connection.shutdown(lab.now);
    connection.shutdown(lab.now);
    connection.close(lab.now);
    connection.close(lab.now);
    expect(lab.sent()).toEqual(['FA 1:1']);
    connection.abort(lab.now);
    expect(lab.sent()).toEqual(['RA 2:1']);
    connection.abort(lab.now);
    expect(lab.sent()).toEqual([]);
    expect(connection.end).toBe('aborted');
  });
});

describe('TIME-WAIT', () => {
  const waiting = (options = PLAIN, syn = [mss(1_460)]): Lab => {
    const lab = new Lab();
    const connection = lab.established(options, syn);
    connection.close(lab.now);
    lab.take();
    lab.ask({ flags: 'FA', seq: 1, ack: 2, options: syn.filter(({ type }) => type === 'timestamps') });
    return lab;
  };

  test('lasts two MSL (MUST-13), then the numbers are free', () => {
    const lab = waiting();
    expect(lab.layer.inspect().timeWait).toBe(1);
    lab.wait(59_999);
    expect(lab.layer.inspect().timeWait).toBe(1);
    lab.wait(1);
    expect(lab.layer.inspect().timeWait).toBe(0);
  });

  test('a repeated FIN is acknowledged, and the time starts again', () => {
    const lab = waiting();
    lab.wait(50_000);
    expect(lab.ask({ flags: 'FA', seq: 1, ack: 2 })).toEqual(['A 2:2 w65534']);
    lab.wait(59_999);
    expect(lab.layer.inspect().timeWait).toBe(1);
    lab.wait(1);
    expect(lab.layer.inspect().timeWait).toBe(0);
  });

  test('is bounded; the oldest makes room', () => {
    const lab = new Lab({ limits: { timeWaitCountMax: 2 } });
    const listener = lab.listen(PLAIN);
    for (const port of [1, 2, 3]) {
      lab.peerPort = port;
      lab.ask({ flags: 'S', seq: 0 });
      lab.ask({ flags: 'A', seq: 1, ack: 1 });
      const connection = listener.accept(lab.now);
      if (typeof connection === 'string') throw new Error(connection);
      connection.close(lab.now);
      lab.take();
      lab.ask({ flags: 'FA', seq: 1, ack: 2 });
    }
    expect(lab.layer.inspect().timeWait).toBe(2);
    expect(lab.counted).toContain('tcp-time-wait-evicted');
  });

  test('an active open avoids the numbers', () => {
    const lab = new Lab();
    const connection = lab.connect(PLAIN);
    lab.take();
    lab.ask({ flags: 'SA', seq: 0, ack: 1 });
    connection.close(lab.now);
    lab.take();
    lab.ask({ flags: 'FA', seq: 1, ack: 2 });
    expect(lab.layer.connect(lab.now, { remote: { address: PEER_ADDRESS, port: 4_000 }, local: { port: 80 } })).toBe(
      'address-in-use',
    );
    lab.wait(60_000);
    expect(typeof lab.layer.connect(lab.now, { remote: { address: PEER_ADDRESS, port: 4_000 }, local: { port: 80 } })).toBe(
      'object',
    );
  });

  test('what was received can still be read, up to the end', () => {
    const lab = new Lab();
    const connection = lab.established(PLAIN);
    connection.shutdown(lab.now);
    lab.take();
    lab.ask({ flags: 'FA', seq: 1, ack: 2, text: 'last' });
    expect(connection.state).toBe('TIME-WAIT');
    expect(connection.receive(lab.now)).toEqual(new TextEncoder().encode('last'));
    expect(connection.receive(lab.now)).toBe('eof');
    lab.wait(60_000);
    expect(connection.state).toBe('CLOSED');
  });

  test('a new SYN with a later timestamp begins a new connection, whatever its number (RFC 6191)', () => {
    const lab = waiting({ ...PLAIN, timestamps: true }, [mss(1_460), stamps(100)]);
    expect(lab.ask({ flags: 'S', seq: -5_000, options: [stamps(101)] })).toEqual(['SA 0:-4999']);
  });

  test('one with an earlier timestamp does not', () => {
    const lab = waiting({ ...PLAIN, timestamps: true }, [mss(1_460), stamps(100)]);
    expect(lab.ask({ flags: 'S', seq: 90_000, options: [stamps(99)] })[0]).toMatch(/^A 2:2/);
  });
});

describe('keepalive (RFC 9293 §3.8.4)', () => {
  test('is off unless asked for (MUST-25)', () => {
    const lab = new Lab();
    lab.established(PLAIN);
    expect(lab.layer.nextTimeout()).toBe(Number.POSITIVE_INFINITY);
  });

  const OPTIONS = { ...PLAIN, keepAliveMs: 10_000, keepAliveIntervalMs: 1_000, keepAliveCountMax: 3 };

  test('asks with a number that was acknowledged, and ends after several silences (MUST-29)', () => {
    const lab = new Lab();
    const connection = lab.established(OPTIONS);
    expect(lab.wait(20_000)).toEqual(['10000 A 0:1', '11000 A 0:1', '12000 A 0:1']);
    expect(connection.end).toBe('timed-out');
  });

  test('an answer starts the idle time again', () => {
    const lab = new Lab();
    const connection = lab.established(OPTIONS);
    lab.wait(10_000);
    lab.send({ flags: 'A', seq: 1, ack: 1 });
    expect(lab.wait(10_000)).toEqual(['20000 A 0:1']);
    expect(connection.end).toBeUndefined();
  });

  test('every segment of the peer counts as life (MUST-26)', () => {
    const lab = new Lab();
    lab.established(OPTIONS);
    lab.wait(9_000);
    lab.ask({ flags: 'A', seq: 1, ack: 1 });
    expect(lab.wait(9_999)).toEqual([]);
    expect(lab.wait(1)).toEqual(['19000 A 0:1']);
  });

  test('can be turned on and off', () => {
    const lab = new Lab();
    const connection = lab.established(PLAIN);
    connection.configure(lab.now, { keepAliveMs: 2_000 });
    expect(lab.wait(2_000)).toHaveLength(1);
    connection.configure(lab.now, { keepAliveMs: undefined });
    expect(lab.wait(1_000_000)).toEqual([]);
  });

  test('the peer’s keepalive is answered', () => {
    const lab = new Lab();
    lab.established(PLAIN);
    expect(lab.ask({ flags: 'A', seq: 0, ack: 1 })).toEqual(['A 1:1']);
    lab.wait(1_000);
    expect(lab.ask({ flags: 'A', seq: 0, ack: 1, text: 'z' })).toEqual(['A 1:1']);
  });
});

describe('user timeout option (RFC 5482)', () => {
  test('is sent when wanted', () => {
    const lab = new Lab();
    lab.connect({ ...PLAIN, advertiseUserTimeout: true });
    expect(lab.take()[0]?.options.at(-1)).toEqual({ type: 'other', kind: 28, value: Uint8Array.of(0x01, 0x2c) });
  });

  const uto = (...octets: number[]) => ({ type: 'other' as const, kind: 28, value: Uint8Array.from(octets) });

  test.each<[string, number[], number]>([
    ['120 s', [0, 120], 120_000],
    ['4 minutes', [0x80, 4], 240_000],
    ['a second: 100 s at least', [0, 1], 100_000],
    ['a day: an hour at most', [0x85, 0xa0], 3_600_000],
    ['0 says nothing', [0, 0], 300_000],
  ])('%s of the peer', (_, octets, ms) => {
    const lab = new Lab();
    const connection = lab.established(PLAIN, [mss(1_460), uto(...octets)] as never);
    connection.send(lab.now, text(1));
    lab.wait(ms - 1);
    expect(connection.end).toBeUndefined();
    lab.wait(1);
    expect(connection.end).toBe('timed-out');
  });

  test('what the user said counts more', () => {
    const lab = new Lab();
    const connection = lab.established({ ...PLAIN, userTimeoutMs: 7_000 }, [mss(1_460), uto(0, 120)] as never);
    connection.send(lab.now, text(1));
    lab.wait(7_000);
    expect(connection.end).toBe('timed-out');
  });
});

describe('ICMP errors (RFC 9293 §3.9.2.2, RFC 5927)', () => {
  test('port unreachable ends a handshake', () => {
    const lab = new Lab();
    const connection = lab.connect(PLAIN);
    lab.take();
    expect(lab.layer.icmpError(TUPLE, { sequence: lab.iss, severity: 'hard' })).toBe(true);
    expect(connection.end).toBe('refused');
  });

  test('host unreachable does not (MUST-56); it is the reason when the time is over', () => {
    const lab = new Lab();
    const connection = lab.connect(PLAIN);
    lab.take();
    lab.layer.icmpError(TUPLE, { sequence: lab.iss, severity: 'soft' });
    expect(connection.end).toBeUndefined();
    lab.wait(180_000);
    expect(connection.end).toBe('unreachable');
  });

  test('a connection that stands takes no hard error for the end (RFC 5927 §5.2)', () => {
    const lab = new Lab();
    const connection = lab.established(PLAIN);
    connection.send(lab.now, text(3));
    lab.take();
    expect(lab.layer.icmpError(TUPLE, { sequence: lab.iss + 1, severity: 'hard' })).toBe(true);
    expect(connection.end).toBeUndefined();
  });

  test.each([-1, 4, 2 ** 31])('one about a number %d after ours is about nothing (RFC 5927 §4.1)', (ahead) => {
    const lab = new Lab();
    const connection = lab.established(PLAIN);
    connection.send(lab.now, text(3));
    lab.take();
    expect(lab.layer.icmpError(TUPLE, { sequence: lab.iss + 1 + ahead, severity: 'hard' })).toBe(false);
  });

  test('a smaller path: smaller segments at once, and no loss of the window (RFC 1191)', () => {
    const lab = new Lab();
    const connection = lab.established({ ...PLAIN, noDelay: true });
    connection.send(lab.now, text(2_920));
    lab.take();
    const { window } = connection.inspect().congestion;
    lab.mtu = 576;
    lab.layer.pathMtuChanged(PEER_ADDRESS);
    expect(lab.sent()).toEqual([
      'A 1:1 +536',
      'A 537:1 +536',
      'A 1073:1 +536',
      'A 1609:1 +536',
      'A 2145:1 +536',
      'A 2681:1 +240',
    ]);
    expect(connection.inspect().congestion.window).toBe(window);
  });

  test('segments of a size that has passed are not suspected so soon: loss is the likelier reason', () => {
    const lab = new Lab();
    const connection = lab.established({ ...PLAIN, userTimeoutMs: 3_600_000 });
    connection.send(lab.now, text(1_000));
    expect(lab.take()[0]?.payload.length).toBe(1_000);
    lab.send({ flags: 'A', seq: 1, ack: 1_001 });
    connection.send(lab.now, text(1_000));
    lab.wait(20_000); // timeouts after about 1, 3, 7 and 15 s
    expect([connection.inspect().counts.timeouts, lab.suspected]).toEqual([4, []]);
    lab.wait(120_000);
    expect(lab.suspected.length).toBeGreaterThan(0);
  });

  test('full segments that vanish: a black hole is suspected, smaller ones go (RFC 2923)', () => {
    const lab = new Lab();
    const connection = lab.established({ ...PLAIN, noDelay: true });
    connection.send(lab.now, text(1_460));
    lab.wait(7_000);
    expect(lab.suspected).toEqual([1_500]);
    expect(connection.inspect().send.mss).toBe(536);
    expect(lab.counted).toContain('tcp-black-hole');
  });

  test('a neighbour that does not answer ends a handshake there', () => {
    const lab = new Lab();
    const connection = lab.connect(PLAIN);
    lab.take();
    lab.layer.neighbourFailed((destination) => destination === PEER_ADDRESS);
    expect(connection.end).toBe('unreachable');
  });
});

describe('timestamps and PAWS (RFC 7323)', () => {
  const stamped = (): Lab => {
    const lab = new Lab();
    lab.established({ ...PLAIN, timestamps: true, delayedAckMs: 0 }, [mss(1_460), stamps(1_000)]);
    return lab;
  };

  test('the last one of a segment in order is echoed', () => {
    const lab = stamped();
    lab.send({ flags: 'A', seq: 1, ack: 1, text: 'a', options: [stamps(1_010)] });
    const option = lab.take()[0]?.options.find(({ type }) => type === 'timestamps');
    expect(option?.type === 'timestamps' ? option.echo : 0).toBe(1_010);
  });

  test('one beyond a hole is not (§4.3)', () => {
    const lab = stamped();
    lab.send({ flags: 'A', seq: 5, ack: 1, text: 'a', options: [stamps(1_050)] });
    const option = lab.take()[0]?.options.find(({ type }) => type === 'timestamps');
    expect(option?.type === 'timestamps' ? option.echo : 0).toBe(1_000);
  });

  test('our clock counts milliseconds', () => {
    const lab = stamped();
    const value = (): number => {
      lab.send({ flags: 'A', seq: 0, ack: 1, text: 'z', options: [stamps(1_000)] });
      const option = lab.take()[0]?.options.find(({ type }) => type === 'timestamps');
      return option?.type === 'timestamps' ? option.value : 0;
    };
    const before = value();
    lab.wait(1_234);
    expect((value() - before) | 0).toBe(1_234);
  });

  test('a segment without one is dropped once they are agreed on (§3.2)', () => {
    expect(stamped().send({ flags: 'A', seq: 1, ack: 1, text: 'a' })).toBe('tcp-no-timestamp');
  });

  test('a reset needs none', () => {
    expect(stamped().send({ flags: 'R', seq: 1 })).toBeUndefined();
  });

  test('after 24 days an older one counts again (§5.5)', () => {
    const lab = stamped();
    lab.wait(24 * 86_400_000);
    expect(lab.send({ flags: 'A', seq: 1, ack: 1, text: 'a', options: [stamps(5)] })).toBeUndefined();
  });
});
