import { writeU16 } from '@nexus-net/sansio';
import { encodeTcp } from '@nexus-net/wire';
import { describe, expect, test } from 'vitest';
import type { TcpOptions } from '../../src/index.js';
import { Lab, mss, OUR_ADDRESS, PEER_ADDRESS, PLAIN, type Short, stamps, text } from '../support/tcp-lab.js';

describe('CLOSED (§3.10.7.1): nobody is there', () => {
  test.each<[string, Short, string[]]>([
    ['SYN: reset with an acknowledgment of it', { flags: 'S', seq: 0 }, ['RA 0:1']],
    ['SYN with text and FIN: every number counts', { flags: 'SF', seq: 0, text: 'ab' }, ['RA 0:4']],
    ['ACK: reset with its number', { flags: 'A', seq: 9, ack: 77 }, ['R 77']],
    ['SYN,ACK: reset with its number', { flags: 'SA', seq: 9, ack: 77 }, ['R 77']],
    ['FIN without ACK', { flags: 'F', seq: 5 }, ['RA 0:6']],
    ['nothing at all', { flags: '', seq: 5, text: 'a' }, ['RA 0:6']],
    ['RST: silence', { flags: 'R', seq: 5 }, []],
    ['RST,ACK: silence', { flags: 'RA', seq: 5, ack: 7 }, []],
  ])('%s', (_, short, answers) => {
    const lab = new Lab();
    expect(lab.send(short)).toBe('tcp-port-closed');
    expect(lab.sent()).toEqual(answers);
  });

  test('resets are limited, and counted where they are not sent', () => {
    const lab = new Lab({ limits: { resetsPerSecond: 3 } });
    for (let i = 0; i < 10; i++) lab.send({ flags: 'S', seq: i });
    expect(lab.sent()).toHaveLength(3);
    expect(lab.counted.filter((label) => label === 'tcp-reset-limited')).toHaveLength(7);
  });
});

describe('LISTEN (§3.10.7.2)', () => {
  test.each<[string, Short, string[]]>([
    ['RST is ignored', { flags: 'R', seq: 5 }, []],
    ['RST,ACK is ignored', { flags: 'RA', seq: 5, ack: 1 }, []],
    ['ACK is reset', { flags: 'A', seq: 5, ack: 9 }, ['R 9']],
    ['SYN,ACK is reset', { flags: 'SA', seq: 5, ack: 9 }, ['R 9']],
    ['text without SYN is dropped', { flags: '', seq: 5, text: 'x' }, []],
    ['FIN without SYN is dropped', { flags: 'F', seq: 5 }, []],
    ['SYN is answered with SYN,ACK', { flags: 'S', seq: 0 }, ['SA 0:1']],
    ['text of a SYN is left for the peer to send again', { flags: 'S', seq: 0, text: 'abc' }, ['SA 0:1']],
    ['FIN of a SYN is left too', { flags: 'SF', seq: 0 }, ['SA 0:1']],
  ])('%s', (_, short, answers) => {
    const lab = new Lab();
    lab.listen(PLAIN);
    expect(lab.ask(short)).toEqual(answers);
  });

  test('a listener stays a listener: each SYN makes a connection of its own', () => {
    const lab = new Lab();
    const listener = lab.listen(PLAIN);
    for (const port of [4_001, 4_002, 4_003]) {
      lab.peerPort = port;
      lab.ask({ flags: 'S', seq: 0 });
      lab.ask({ flags: 'A', seq: 1, ack: 1 });
    }
    const ports = [1, 2, 3].map(() => {
      const connection = listener.accept(lab.now);
      return typeof connection === 'string' ? connection : connection.remote.port;
    });
    expect(ports).toEqual([4_001, 4_002, 4_003]);
    expect(listener.accept(lab.now)).toBe('would-block');
  });

  test('SYN-RECEIVED is not accepted yet', () => {
    const lab = new Lab();
    const listener = lab.listen(PLAIN);
    lab.ask({ flags: 'S', seq: 0 });
    expect(listener.accept(lab.now)).toBe('would-block');
    expect(lab.events()).toEqual([]);
    lab.send({ flags: 'A', seq: 1, ack: 1 });
    expect(lab.events()).toEqual(['acceptable']);
  });

  test('the backlog is a bound: the handshake stays half done until there is room', () => {
    const lab = new Lab();
    const listener = lab.listen(PLAIN, 1);
    lab.peerPort = 1;
    lab.ask({ flags: 'S', seq: 0 });
    const first = lab.iss;
    lab.peerPort = 2;
    lab.ask({ flags: 'S', seq: 0 });
    const second = lab.iss;
    lab.peerPort = 1;
    lab.iss = first;
    expect(lab.send({ flags: 'A', seq: 1, ack: 1 })).toBeUndefined();
    lab.peerPort = 2;
    lab.iss = second;
    expect(lab.send({ flags: 'A', seq: 1, ack: 1 })).toBe('tcp-backlog-full');
    lab.peerPort = 3;
    expect(lab.send({ flags: 'S', seq: 0 })).toBe('tcp-backlog-full');
    expect(typeof listener.accept(lab.now)).toBe('object');
    lab.peerPort = 2;
    expect(lab.send({ flags: 'A', seq: 1, ack: 1 })).toBeUndefined();
    expect(typeof listener.accept(lab.now)).toBe('object');
  });

  test('a reset in SYN-RECEIVED ends the handshake, and the listener goes on', () => {
    const lab = new Lab();
    lab.listen(PLAIN);
    lab.ask({ flags: 'S', seq: 0 });
    expect(lab.send({ flags: 'R', seq: 1 })).toBeUndefined();
    expect(lab.layer.inspect().connections).toBe(0);
    expect(lab.ask({ flags: 'S', seq: 0 })).toEqual(['SA 0:1']);
  });

  test('a SYN seen before brings the SYN,ACK again', () => {
    const lab = new Lab();
    lab.listen(PLAIN);
    expect(lab.ask({ flags: 'S', seq: 0 })).toEqual(['SA 0:1']);
    expect(lab.ask({ flags: 'S', seq: 0 })).toEqual(['SA 0:1']);
    expect(lab.layer.inspect().connections).toBe(1);
  });

  test('another SYN in the window begins the handshake anew (§3.10.7.4, fourth)', () => {
    const lab = new Lab();
    lab.listen(PLAIN);
    lab.ask({ flags: 'S', seq: 0 });
    expect(lab.ask({ flags: 'S', seq: 500 })).toEqual(['SA 0:501']);
    expect(lab.layer.inspect().connections).toBe(1);
  });

  test('close of a listener resets what was not accepted, and its port is closed', () => {
    const lab = new Lab();
    const listener = lab.listen(PLAIN);
    lab.ask({ flags: 'S', seq: 0 });
    lab.ask({ flags: 'A', seq: 1, ack: 1 });
    listener.close(lab.now);
    expect(lab.sent()).toEqual(['RA 1:1']);
    expect(listener.accept(lab.now)).toBe('closed');
    lab.iss = 0;
    expect(lab.ask({ flags: 'S', seq: 9 })).toEqual(['RA 0:10']);
  });

  test('one port, one listener; another address is another listener', () => {
    const lab = new Lab();
    lab.listen(PLAIN);
    expect(lab.layer.listen(lab.now, { port: 80 })).toBe('address-in-use');
    expect(lab.layer.listen(lab.now, { port: 80, address: OUR_ADDRESS })).toBe('address-in-use');
    expect(typeof lab.layer.listen(lab.now, { port: 81, address: OUR_ADDRESS })).toBe('object');
    expect(typeof lab.layer.listen(lab.now, { port: 81, address: PEER_ADDRESS })).toBe('object');
  });

  test('a port with connections can be listened on (MUST-42)', () => {
    const lab = new Lab();
    lab.connect(PLAIN);
    expect(typeof lab.layer.listen(lab.now, { port: 80 })).toBe('object');
  });

  test('TTL and traffic class are the user’s (MUST-48, MUST-49)', () => {
    const lab = new Lab();
    lab.connect({ ...PLAIN, ttl: 3, trafficClass: 0xb8 });
    lab.take();
    expect(lab.fields).toEqual({ protocol: 6, destination: PEER_ADDRESS, ttl: 3, trafficClass: 0xb8 });
  });

  test('port 0 listens on a free one', () => {
    const lab = new Lab();
    const listener = lab.layer.listen(lab.now, { port: 0 });
    expect(typeof listener === 'string' ? 0 : listener.local.port).toBeGreaterThan(1_023);
  });
});

describe('SYN-SENT (§3.10.7.3)', () => {
  test('connect sends a SYN; SYN,ACK makes it ESTABLISHED and is acknowledged', () => {
    const lab = new Lab();
    const connection = lab.connect(PLAIN);
    expect(lab.sent()).toEqual(['S 0']);
    expect(connection.state).toBe('SYN-SENT');
    expect(lab.ask({ flags: 'SA', seq: 0, ack: 1, options: [mss(1_460)] })).toEqual(['A 1:1']);
    expect(connection.state).toBe('ESTABLISHED');
    expect(lab.events()).toEqual(['connected']);
  });

  test.each<[string, Short, string[], string]>([
    ['an acknowledgment of nothing is reset', { flags: 'A', seq: 0, ack: 0 }, ['R 0'], 'SYN-SENT'],
    ['an acknowledgment of too much is reset', { flags: 'SA', seq: 0, ack: 2 }, ['R 2'], 'SYN-SENT'],
    ['a reset with a wrong acknowledgment is dropped', { flags: 'RA', seq: 0, ack: 5 }, [], 'SYN-SENT'],
    ['a reset without acknowledgment is dropped', { flags: 'R', seq: 0 }, [], 'SYN-SENT'],
    ['a reset that acknowledges the SYN ends it', { flags: 'RA', seq: 0, ack: 1 }, [], 'CLOSED'],
    ['an acknowledgment without SYN is dropped', { flags: 'A', seq: 0, ack: 1 }, [], 'SYN-SENT'],
    ['text without anything is dropped', { flags: '', seq: 0, text: 'a' }, [], 'SYN-SENT'],
    ['FIN is dropped', { flags: 'FA', seq: 0, ack: 1 }, [], 'SYN-SENT'],
    ['a SYN opens from both sides', { flags: 'S', seq: 0 }, ['SA 0:1'], 'SYN-RECEIVED'],
    [
      'text of a SYN,ACK is left for the peer to send again',
      { flags: 'SA', seq: 0, ack: 1, text: 'ab' },
      ['A 1:1'],
      'ESTABLISHED',
    ],
  ])('%s', (_, short, answers, state) => {
    const lab = new Lab();
    const connection = lab.connect(PLAIN);
    lab.take();
    expect(lab.ask(short)).toEqual(answers);
    expect(connection.state).toBe(state);
  });

  test('refused is a reason of its own', () => {
    const lab = new Lab();
    const connection = lab.connect(PLAIN);
    lab.take();
    lab.send({ flags: 'RA', seq: 0, ack: 1 });
    expect(lab.events()).toEqual(['closed refused']);
    expect(connection.send(lab.now, text(1))).toBe('refused');
    expect(connection.receive(lab.now)).toBe('refused');
  });

  test('octets given before the handshake wait for it; so does shutdown', () => {
    const lab = new Lab();
    const connection = lab.connect(PLAIN);
    expect(connection.send(lab.now, text(3))).toBe(3);
    connection.shutdown(lab.now);
    expect(lab.sent()).toEqual(['S 0']);
    expect(lab.ask({ flags: 'SA', seq: 0, ack: 1 })).toEqual(['FA 1:1 "xxx"']);
    expect(connection.state).toBe('FIN-WAIT-1');
  });

  test('close before the handshake is silent', () => {
    const lab = new Lab();
    const connection = lab.connect(PLAIN);
    lab.take();
    connection.close(lab.now);
    expect(lab.sent()).toEqual([]);
    expect(connection.state).toBe('CLOSED');
    expect(lab.layer.inspect().connections).toBe(0);
  });

  test('simultaneous open, RFC 9293 figure 7', () => {
    const lab = new Lab();
    const connection = lab.connect(PLAIN);
    expect(lab.sent()).toEqual(['S 0']);
    expect(lab.ask({ flags: 'S', seq: 0, options: [mss(1_460)] })).toEqual(['SA 0:1']);
    expect(connection.state).toBe('SYN-RECEIVED');
    expect(lab.ask({ flags: 'SA', seq: 0, ack: 1 })).toEqual([]);
    expect(connection.state).toBe('ESTABLISHED');
    expect(lab.events()).toEqual(['connected']);
  });

  test('a recovery from an old duplicate SYN, RFC 9293 figure 8', () => {
    const lab = new Lab();
    lab.listen(PLAIN);
    expect(lab.ask({ flags: 'S', seq: -100 })).toEqual(['SA 0:-99']);
    expect(lab.ask({ flags: 'R', seq: -99 })).toEqual([]);
    expect(lab.ask({ flags: 'S', seq: 0 })).toEqual(['SA 0:1']);
    expect(lab.ask({ flags: 'A', seq: 1, ack: 1 })).toEqual([]);
    expect(lab.events()).toEqual(['acceptable']);
  });

  test('a half-open connection is found out, RFC 9293 figure 9', () => {
    const lab = new Lab();
    const connection = lab.established(PLAIN);
    expect(lab.ask({ flags: 'S', seq: 5_000 })).toEqual(['A 1:1']);
    expect(lab.ask({ flags: 'R', seq: 1 })).toEqual([]);
    expect(connection.end).toBe('reset');
  });

  test.each<[string, Parameters<Lab['layer']['connect']>[1], string]>([
    ['no way there', { remote: { address: 0xc0a80001 as never, port: 1 } }, 'no-route'],
    ['a group is no peer (MUST-46)', { remote: { address: 0xe0000001 as never, port: 1 } }, 'no-route'],
    ['everybody is no peer', { remote: { address: 0xffffffff as never, port: 1 } }, 'no-route'],
    ['0.0.0.0 is no peer', { remote: { address: 0 as never, port: 1 } }, 'no-route'],
    [
      'an address that is not ours',
      { remote: { address: PEER_ADDRESS, port: 1 }, local: { address: PEER_ADDRESS } },
      'no-address',
    ],
  ])('connect: %s', (_, connect, refusal) => {
    expect(new Lab().layer.connect(0, connect)).toBe(refusal);
  });

  test('a local address not given is asked of the layer below (MUST-44), and every segment keeps it (MUST-45)', () => {
    const lab = new Lab();
    const connection = lab.connect(PLAIN);
    expect(connection.local.address).toBe(OUR_ADDRESS);
    lab.take();
    expect(lab.ask({ flags: 'SA', seq: 0, ack: 1 })).toEqual(['A 1:1']);
    connection.send(lab.now, text(3_000));
    lab.ask({ flags: 'A', seq: 1, ack: 1, text: 'abc' });
    connection.abort(lab.now);
    lab.discard();
    expect(lab.sources.length).toBeGreaterThan(4);
    expect(new Set(lab.sources)).toEqual(new Set([OUR_ADDRESS]));
  });

  test('a local address that is given is used where it is ours (MUST-43), and no other is put in its place', () => {
    const lab = new Lab();
    const remote = { address: PEER_ADDRESS, port: 1 };
    expect(lab.layer.connect(0, { remote, local: { address: OUR_ADDRESS } })).toMatchObject({ local: { address: OUR_ADDRESS } });
    expect(lab.layer.connect(0, { remote, local: { address: PEER_ADDRESS } })).toBe('no-address');
    lab.discard();
    expect(new Set(lab.sources)).toEqual(new Set([OUR_ADDRESS]));
  });

  test('the same four numbers twice are in use', () => {
    const lab = new Lab();
    lab.connect(PLAIN);
    expect(lab.layer.connect(lab.now, { remote: { address: PEER_ADDRESS, port: 4_000 }, local: { port: 80 } })).toBe(
      'address-in-use',
    );
  });
});

describe('options of a SYN', () => {
  const optionsOf = (options: TcpOptions | undefined, mtu = 1_500): readonly string[] => {
    const lab = new Lab({ mtu });
    lab.connect(options);
    return (
      lab
        .take()[0]
        ?.options.map((option) =>
          option.type === 'mss' ? `mss ${option.octets}` : option.type === 'window-scale' ? `scale ${option.shift}` : option.type,
        ) ?? []
    );
  };

  test('everything is offered by default', () => {
    expect(optionsOf(undefined)).toEqual(['mss 1460', 'sack-permitted', 'timestamps', 'nop', 'scale 3']);
  });

  test.each<[string, TcpOptions, readonly string[]]>([
    ['no timestamps', { timestamps: false }, ['mss 1460', 'sack-permitted', 'nop', 'nop', 'nop', 'scale 3']],
    ['no SACK', { selectiveAcks: false }, ['mss 1460', 'nop', 'nop', 'timestamps', 'nop', 'scale 3']],
    ['no scaling', { windowScaling: false }, ['mss 1460', 'sack-permitted', 'timestamps']],
    [
      'a small buffer needs no shift',
      { receiveBufferMax: 65_535 },
      ['mss 1460', 'sack-permitted', 'timestamps', 'nop', 'scale 0'],
    ],
    [
      'a gibibyte needs the largest',
      { receiveBufferMax: 2 ** 30 },
      ['mss 1460', 'sack-permitted', 'timestamps', 'nop', 'scale 14'],
    ],
    ['a limit of our own', { mssMax: 1_000 }, ['mss 1000', 'sack-permitted', 'timestamps', 'nop', 'scale 3']],
  ])('%s', (_, options, expected) => {
    expect(optionsOf(options)).toEqual(expected);
  });

  test('the MSS follows the MTU: less 40, options not counted (RFC 6691, MUST-67)', () => {
    expect(optionsOf(PLAIN, 576)[0]).toBe('mss 536');
    expect(optionsOf(PLAIN, 9_000)[0]).toBe('mss 8960');
  });

  test('the MSS option goes in SYNs only (MUST-65)', () => {
    const lab = new Lab();
    const connection = lab.established({}, [mss(1_460), stamps(1), { type: 'sack-permitted' }]);
    connection.send(lab.now, text(3_000));
    const sent = lab.take();
    lab.send({ flags: 'A', seq: 5, ack: 1, text: 'abc', options: [stamps(2)] });
    connection.shutdown(lab.now);
    sent.push(...lab.take());
    expect(sent.length).toBeGreaterThan(2);
    expect(sent.flatMap(({ options }) => options.map(({ type }) => type)).filter((type) => type === 'mss')).toEqual([]);
  });

  test.each<[string, TcpOptions]>([
    ['all of them', { advertiseUserTimeout: true }],
    ['no timestamps', { timestamps: false }],
    ['no SACK', { selectiveAcks: false }],
    ['no scaling', { windowScaling: false }],
    ['the MSS alone', { timestamps: false, selectiveAcks: false, windowScaling: false }],
  ])('every option but two has a length, and what is left is zero (MUST-68, MUST-69): %s', (_, options) => {
    const lab = new Lab();
    lab.connect(options);
    const frame = lab.frames()[0] ?? new Uint8Array(0);
    const end = ((frame[12] ?? 0) >>> 4) * 4;
    let at = 20;
    while (at < end && frame[at] !== 0) at += frame[at] === 1 ? 1 : Math.max(2, frame[at + 1] ?? 0);
    expect([frame[20], frame[21], at <= end, [...frame.subarray(at, end)].every((octet) => octet === 0)]).toEqual([
      2,
      4,
      true,
      true,
    ]);
  });

  test.each<[string, readonly Parameters<typeof encodeTcp>[0]['options'][number][], number]>([
    ['none: 536 (MUST-15)', [], 536],
    ['the peer says less', [mss(600)], 600],
    ['the peer says more than we can send', [mss(9_000)], 1_460],
    ['0 is floored (fault T17)', [mss(0)], 48],
    ['47 is floored', [mss(47)], 48],
  ])('segments follow the peer: %s', (_, options, size) => {
    const lab = new Lab();
    const connection = lab.established({ ...PLAIN, noDelay: true }, options);
    connection.send(lab.now, text(5_000));
    expect(lab.take()[0]?.payload.length).toBe(size);
  });

  test('a SYN,ACK offers only what the SYN offered', () => {
    const lab = new Lab();
    lab.listen();
    lab.send({ flags: 'S', seq: 0, options: [mss(1_460), { type: 'window-scale', shift: 7 }] });
    expect(lab.take()[0]?.options.map(({ type }) => type)).toEqual(['mss', 'nop', 'window-scale']);
  });

  test('a shift above 14 counts as 14 (RFC 7323 §2.3)', () => {
    const lab = new Lab();
    const connection = lab.established({ timestamps: false }, [mss(1_460), { type: 'window-scale', shift: 200 }], 1);
    expect(connection.inspect().send.wnd).toBe(2 ** 14);
  });

  test('the window of a SYN is never scaled (RFC 7323 §2.2)', () => {
    const lab = new Lab();
    lab.connect();
    expect(lab.take()[0]?.window).toBe(65_535);
    const peer = new Lab();
    peer.listen();
    peer.send({ flags: 'S', seq: 0, win: 1_000, options: [mss(1_460), { type: 'window-scale', shift: 7 }] });
    expect(peer.take()[0]?.window).toBe(65_535);
  });

  test('options of later segments change nothing of what was agreed', () => {
    const lab = new Lab();
    const connection = lab.established(PLAIN);
    lab.send({ flags: 'A', seq: 1, ack: 1, options: [mss(100), { type: 'window-scale', shift: 5 }, stamps(1)] });
    expect(connection.inspect().send.mss).toBe(1_460);
  });

  const SYN = encodeTcp(new Lab().segment({ flags: 'S', options: [{ type: 'other', kind: 254, value: text(38) }] }), {
    source: PEER_ADDRESS,
    destination: OUR_ADDRESS,
  });
  test.each<[string, readonly number[]]>([
    ['a length of 0', [2, 0, 5, 180]],
    ['a length of 1', [3, 1, 5, 180]],
    ['a length past the end', [8, 60, 0, 0]],
    ['a kind alone at the end', [...new Array<number>(39).fill(1), 8]],
    ['40 times nothing', new Array<number>(40).fill(1)],
    ['an unknown kind with a length (MUST-6)', [200, 4, 1, 2, 2, 4, 3, 232]],
    ['end of list, then rubbish (MUST-4)', [0, 2, 0, 0]],
    ['an MSS of three octets', [2, 3, 5, 0]],
    ['a SACK option in a SYN', [5, 10, 0, 0, 0, 0, 0, 0, 0, 1]],
  ])('fault/T30: %s is skipped, never a loop', (_, options) => {
    const bytes = SYN.slice();
    bytes.fill(0, 20, 60);
    bytes.set(options, 20);
    const lab = new Lab();
    lab.listen(PLAIN);
    fixChecksum(bytes);
    expect(lab.sendRaw(bytes)).toBeUndefined();
    expect(lab.sent()).toEqual(['SA 0:1']);
  });
});

describe('segments that are none', () => {
  test.each<[string, (bytes: Uint8Array) => Uint8Array, string]>([
    ['cut in the header', (bytes) => bytes.subarray(0, 19), 'tcp-truncated'],
    ['a header of 16 octets', (bytes) => change(bytes, 12, 0x40), 'tcp-bad-header-length'],
    ['a header beyond the end', (bytes) => change(bytes, 12, 0xf0), 'tcp-bad-header-length'],
    ['a bit flipped', (bytes) => change(bytes, 5, 0xff), 'tcp-bad-checksum'],
    ['a checksum of zero', (bytes) => change(change(bytes, 16, 0), 17, 0), 'tcp-bad-checksum'],
  ])('%s', (_, broken, label) => {
    const lab = new Lab();
    lab.listen(PLAIN);
    const bytes = encodeTcp(lab.segment({ flags: 'S' }), { source: PEER_ADDRESS, destination: OUR_ADDRESS });
    expect(lab.sendRaw(broken(bytes))).toBe(label);
    expect(lab.sent()).toEqual([]);
  });

  test.each(['sourcePort', 'destinationPort'] as const)('%s 0', (field) => {
    const lab = new Lab();
    lab.listen(PLAIN);
    const bytes = encodeTcp({ ...lab.segment({ flags: 'S' }), [field]: 0 }, { source: PEER_ADDRESS, destination: OUR_ADDRESS });
    expect(lab.sendRaw(bytes)).toBe('tcp-port-zero');
  });

  test('to everybody: dropped without a word (MUST-57)', () => {
    const lab = new Lab();
    lab.listen(PLAIN);
    const bytes = encodeTcp(lab.segment({ flags: 'S' }), { source: PEER_ADDRESS, destination: OUR_ADDRESS });
    expect(lab.sendRaw(bytes, { reach: 'broadcast' })).toBe('tcp-not-unicast');
    expect(lab.sent()).toEqual([]);
  });
});

function change(bytes: Uint8Array, at: number, value: number): Uint8Array {
  bytes[at] = value;
  return bytes;
}

function fixChecksum(bytes: Uint8Array): void {
  writeU16(bytes, 16, 0);
  let sum = 6 + bytes.length;
  for (const address of [PEER_ADDRESS, OUR_ADDRESS]) sum += (address >>> 16) + (address & 0xffff);
  for (let i = 0; i < bytes.length; i += 2) sum += ((bytes[i] as number) << 8) | (bytes[i + 1] ?? 0);
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  writeU16(bytes, 16, ~sum & 0xffff);
}
