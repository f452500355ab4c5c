import { formatIpv4, type Ipv4Address, type MacAddress, type Millis, parseIpv4, SeededEntropy } from '@nexus-net/sansio';
import { describe, expect, test } from 'vitest';
import { DhcpClient, type DhcpClientEvent, DhcpServer, type DhcpServerOptions } from '../src/index.js';
import { A, B, C, FIRST, kind, LAB_OPTIONS, ServerLab } from './support/server-lab.js';

const ip = parseIpv4;
const ascii = (text: string): Uint8Array => Uint8Array.from(text, (character) => character.charCodeAt(0));

/** Real clients on one wire with a server that may be exchanged for an empty one. */
class Wire {
  server: DhcpServer;
  now: Millis = 0;
  readonly log: string[] = [];
  readonly #options: DhcpServerOptions;
  readonly #clients: { readonly name: string; readonly client: DhcpClient }[] = [];

  constructor(options: Partial<DhcpServerOptions> = {}) {
    this.#options = { ...LAB_OPTIONS, ...options };
    this.server = new DhcpServer(this.#options);
  }

  /** The server comes back and knows nothing. */
  lose(): void {
    this.server = new DhcpServer(this.#options);
  }

  join(name: string, mac: MacAddress, requestedAddress?: Ipv4Address): void {
    const client = new DhcpClient({
      mac,
      entropy: new SeededEntropy(name),
      ...(requestedAddress === undefined ? {} : { requestedAddress }),
    });
    this.#clients.push({ name, client });
    client.start(this.now);
    this.#settle();
  }

  runUntil(end: Millis): void {
    for (;;) {
      const next = Math.min(...this.#clients.map(({ client }) => client.nextTimeout()));
      if (next > end) break;
      this.now = Math.max(this.now, next);
      for (const { client } of this.#clients) client.handleTimeout(this.now);
      this.#settle();
    }
    this.now = end;
  }

  #settle(): void {
    for (let busy = true; busy; ) {
      busy = false;
      for (const { name, client } of this.#clients) {
        for (let t = client.pollTransmit(); t !== undefined; t = client.pollTransmit()) {
          busy = true;
          this.server.handleDatagram(this.now, t);
        }
        for (let e = client.pollEvent(); e !== undefined; e = client.pollEvent()) this.#note(name, e);
      }
      for (let r = this.server.pollTransmit(); r !== undefined; r = this.server.pollTransmit())
        for (const { client } of this.#clients) client.handleDatagram(this.now, r);
    }
  }

  #note(name: string, event: DhcpClientEvent): void {
    const at = `${Math.floor(this.now / 1_000)} s ${name}`;
    if (event.type === 'bound') this.log.push(`${at}: ${event.cause} ${formatIpv4(event.lease.address)}`);
    if (event.type === 'unbound') this.log.push(`${at}: ${event.reason}`);
  }
}

describe('dhcp/S92 the server lost all leases', () => {
  test('dhcp/S92 each client renews the address that it has, and nobody gets that of another', () => {
    const wire = new Wire();
    wire.join('a', A);
    wire.join('b', B);
    wire.lose();
    wire.runUntil(350_000);
    expect(wire.log.map((line) => line.replace(/^\d+ s /, ''))).toEqual([
      'a: acquired 10.0.2.15',
      'b: acquired 10.0.2.16',
      'a: renewed 10.0.2.15',
      'b: renewed 10.0.2.16',
    ]);
  });

  test('dhcp/S92 an address that was given to another meanwhile: a NAK, and a new address at once', () => {
    const wire = new Wire();
    wire.join('a', A);
    wire.lose();
    wire.join('c', C); // gets what the empty server takes for free: only a store, or a conflict check, keeps it from that
    wire.runUntil(300_001);
    expect(wire.log).toEqual([
      '0 s a: acquired 10.0.2.15',
      '0 s c: acquired 10.0.2.15',
      '300 s a: nak',
      '300 s c: renewed 10.0.2.15',
      '300 s a: acquired 10.0.2.16',
    ]);
  });

  test('dhcp/S92 not authoritative: silence, but not for ever: when the lease is over the client is served', () => {
    const wire = new Wire({ authoritative: false });
    wire.join('a', A);
    wire.lose();
    wire.runUntil(700_000);
    expect(wire.log).toEqual(['0 s a: acquired 10.0.2.15', '600 s a: expired', '600 s a: acquired 10.0.2.15']);
  });
});

describe('dhcp/S45 a renewal of a lease that the server has not', () => {
  test('dhcp/S45 of a free address: it is that lease from now on, for this client alone', () => {
    const lab = new ServerLab();
    const ack = lab.renew(A, ip('10.0.2.17'));
    expect(typeof ack === 'string' ? ack : [ack.type, ack.to]).toEqual(['ack', '10.0.2.17:68']);
    expect(lab.bindings()).toEqual(['10.0.2.17 leased']);
    expect(kind(lab.renew(B, ip('10.0.2.17')))).toBe('nak');
    expect(kind(lab.rebind(B, ip('10.0.2.17')))).toBe('nak');
    expect(kind(lab.reboot(B, ip('10.0.2.17')))).toBe('nak');
    expect(lab.discover(B, { requested: ip('10.0.2.17') }).message.yiaddr).toBe(FIRST);
    expect(lab.types().filter((type) => type === 'leased')).toHaveLength(1);
  });

  test.each([
    ['offered to another client', (lab: ServerLab): unknown => lab.discover(B)],
    ['reserved for another client', (): unknown => undefined],
    ['out of use', (lab: ServerLab): unknown => lab.decline(B, lab.lease(B))],
  ])('dhcp/S45 of an address that is %s: a NAK', (state, arrange) => {
    const reserved = state.startsWith('reserved') ? { reservations: [{ mac: B, address: FIRST }] } : {};
    const lab = new ServerLab(reserved);
    arrange(lab);
    expect(kind(lab.renew(A, FIRST))).toBe('nak');
    expect(kind(lab.rebind(A, FIRST))).toBe('nak');
  });

  test('dhcp/S45 of an address outside of every pool: a NAK; not authoritative: silence', () => {
    expect(kind(new ServerLab().renew(A, ip('10.0.2.99')))).toBe('nak');
    expect(kind(new ServerLab({ authoritative: false }).renew(A, ip('10.0.2.99')))).toBe('unknown-lease');
    expect(kind(new ServerLab({ authoritative: false }).renew(A, FIRST))).toBe('unknown-lease');
  });
});

test.each([
  ['empty', new Uint8Array(0)],
  ['NUL', Uint8Array.of(0)],
  ['with a NUL inside', ascii('evil\0name')],
  ['a command', ascii('evil$(reboot)')],
  ['a path', ascii('../../evil')],
  ['lines', ascii('evil\n127.0.0.1 bank.example')],
  ['octets above ASCII', Uint8Array.from([...ascii('evil'), 0xff, 0xfe])],
  ['255 octets', new Uint8Array(255).fill(0x65)],
])('dhcp/S24 a host name that is %s: the client is served, and no word of it goes anywhere', (_name, value) => {
  const lab = new ServerLab({ durability: 'confirmed' });
  const more = [
    { code: 12, value },
    { code: 81, value: Uint8Array.of(1, 0, 0, ...value.subarray(0, 200)) },
    { code: 15, value },
  ];
  const asked = [12, 81, 15];
  const offer = lab.discover(A, { more, asked });
  lab.send({ type: 'request', mac: A, requested: FIRST, server: offer.transmit.source.address, more, asked });
  const stored = lab.events.find(({ type }) => type === 'store');
  lab.server.confirmStored(lab.now, stored?.type === 'store' ? stored.id : 0);
  const [ack] = lab.drain();
  expect([offer.type, ack?.type]).toEqual(['offer', 'ack']);
  for (const reply of [offer, ack]) {
    const options = reply?.message.options.map((option) => option) ?? [];
    expect(options.map(({ code }) => code).filter((code) => asked.includes(code))).toEqual([15]);
    expect(options.find(({ code }) => code === 15)?.value).toEqual(ascii('lab.example')); // ours
  }
  const said = JSON.stringify([lab.events, lab.server.inspect()]);
  expect(said).not.toContain('evil');
  expect(said).not.toContain('eeee');
  expect(said).not.toContain('101,118,105,108');
  expect(lab.events).toContainEqual(expect.objectContaining({ type: 'leased', client: 'hw 1/02000000000a' }));
});
