import { type Datagram, type Ipv4Address, ipv4, SeededEntropy } from '@nexus-net/sansio';
import { ADDRESS_PLAN, type DnsMessage, decodeDns, encodeDns } from '@nexus-net/wire';
import { describe, expect, test } from 'vitest';
import { type BringUpPolicy, Netstackd, type NetstackdEvent, type NetstackdOptions, type ProofOutcome } from '../src/index.js';
import { TestGateway } from './support/gateway.js';
import { ladder } from './support/ladder.js';
import { World } from './support/world.js';

const { smoke } = ADDRESS_PLAN;
const STATIC: BringUpPolicy = { type: 'static', address: ipv4(10, 0, 2, 15), prefixLength: 24, gateway: smoke.gateway };
const LOCALHOST = { name: 'localhost' };

/** Answers DNS at the gateway's own address; `change` spoils an answer, or `undefined` swallows it. */
class Resolver extends TestGateway {
  readonly asked: DnsMessage[] = [];
  readonly #dns = this.host.bindUdp({ port: 53 });
  readonly #change: (answer: DnsMessage) => DnsMessage | undefined;

  constructor(change: (answer: DnsMessage) => DnsMessage | undefined = (answer) => answer) {
    super({ dnsServers: [smoke.gateway] });
    this.#change = change;
  }

  override handleFrame(now: number, frame: Uint8Array): void {
    super.handleFrame(now, frame);
    for (let event = super.pollEvent(); event !== undefined; event = super.pollEvent())
      if (event.type === 'datagram' && event.socket === this.#dns) this.#answer(now, event.datagram);
  }

  #answer(now: number, { source, destination, payload }: Datagram): void {
    const query = decodeDns(payload);
    if (!query.ok) return;
    this.asked.push(query.value);
    const [question] = query.value.questions;
    const answers = question === undefined ? [] : [{ ...question, ttl: 60, data: Uint8Array.of(127, 0, 0, 1) }];
    const answer = this.#change({ ...query.value, response: true, answers });
    if (answer === undefined) return;
    this.host.sendUdp(now, { datagram: { source: destination, destination: source, payload: encodeDns(answer) } });
  }
}

function run(
  options: Partial<NetstackdOptions>,
  { gateway = new Resolver(), until = 30_000, cut }: { gateway?: TestGateway; until?: number; cut?: number } = {},
): { outcomes: ProofOutcome[]; lines: string[]; world: World<'ours' | 'gateway'>; ours: Netstackd } {
  const ours = new Netstackd({
    mac: smoke.guestMac,
    entropy: new SeededEntropy('node'),
    policy: STATIC,
    conflictCheck: false,
    ...options,
  });
  const world = new World({ ours, gateway });
  world.run(cut ?? until, (now) => ours.linkUp(now));
  if (cut !== undefined) world.run(until, (now) => ours.linkDown(now));
  const events = world.events.filter(({ who }) => who === 'ours');
  const outcomes = events
    .map(({ event }) => event as NetstackdEvent)
    .flatMap((event) => (event.type === 'proof' ? [event.outcome] : []));
  return { outcomes, lines: ladder(events), world, ours };
}

describe('the three proofs', () => {
  test('come after the address, one after another, and each ends once', () => {
    const proofs = { ping: {}, dns: LOCALHOST, tcpListen: {} };
    const { outcomes, lines } = run({ proofs, policy: { type: 'dhcp-only' }, conflictCheck: true });
    expect(lines.map((line) => line.replace(/^\d+ /, '')).filter((line) => !line.startsWith('host'))).toEqual([
      'link-up',
      'acquiring (link-up)',
      'checking-address 10.0.2.15',
      'dhcp-bound 10.0.2.15/24 (acquired)',
      'interface-up 10.0.2.15/24 gw=10.0.2.2 (dhcp)',
      'proof ping passed',
      'proof dns passed',
      'proof tcp-listen passed',
    ]);
    expect(outcomes).toMatchObject([
      { proof: 'ping', destination: smoke.gateway, roundTripMs: 4 }, // ARP there and back, echo there and back, 1 ms each
      { proof: 'dns', server: smoke.gateway, name: 'localhost', answerCount: 1, address: ipv4(127, 0, 0, 1) },
      { proof: 'tcp-listen', local: { address: ipv4(10, 0, 2, 15), port: 41_000 }, octets: 16 },
    ]);
  });

  test('that fails keeps none of the others from being tried', () => {
    const proofs = { ping: { destination: ipv4(10, 0, 2, 77) }, dns: { ...LOCALHOST, servers: [] }, tcpListen: {} };
    const { outcomes } = run({ proofs });
    expect(outcomes.map(({ proof, passed }) => `${proof} ${passed}`)).toEqual(['ping false', 'dns false', 'tcp-listen true']);
  });

  test('the address goes in the middle: what has not ended fails, each once', () => {
    const proofs = { ping: { destination: ipv4(10, 0, 2, 77) }, dns: LOCALHOST, tcpListen: {} };
    const { outcomes } = run({ proofs }, { cut: 500 });
    expect(outcomes.map((outcome) => (outcome.passed ? 'passed' : outcome.reason))).toEqual([
      'interface-down',
      'interface-down',
      'interface-down',
    ]);
  });

  test('are run again when an address comes up again; nothing of them is left open', () => {
    const proofs = { ping: {}, dns: LOCALHOST, tcpListen: {} };
    const { world, ours, outcomes } = run({ proofs }, { until: 5_000 });
    world.run(6_000, (now) => ours.linkDown(now));
    world.run(200_000, (now) => ours.linkUp(now));
    expect(outcomes).toHaveLength(3);
    const all = world.events.filter(({ event }) => (event as NetstackdEvent).type === 'proof');
    expect(all).toHaveLength(6);
    expect(ours.inspect().host.udp).toHaveLength(1); // the DHCP client's
    expect(ours.inspect().host.pings).toEqual([]);
  });

  test('none is run that was not asked for, and no event of theirs reaches the user', () => {
    expect(run({}).lines).toEqual(['0 link-up', '0 interface-up 10.0.2.15/24 gw=10.0.2.2 (static)']);
    const proofs = { ping: {}, dns: LOCALHOST, tcpListen: {} };
    const dns = { dnsServers: [smoke.gateway] };
    const left = run({ proofs, ...dns }).lines.filter((line) => line.includes(' host '));
    expect(left.every((line) => line.endsWith('arp-resolved'))).toBe(true);
  });
});

describe('ping', () => {
  test.each([
    ['nobody answers ARP', ipv4(10, 0, 2, 77), 'unreachable'],
    ['there is no way', undefined, 'no-target'],
  ] as const)('fails where %s', (_, destination, reason) => {
    const policy: BringUpPolicy = { type: 'static', address: ipv4(10, 0, 2, 15), prefixLength: 24 };
    const ping = { ...(destination === undefined ? {} : { destination }), timeoutMs: 10_000 };
    expect(run({ policy, proofs: { ping } }, { until: 60_000 }).outcomes).toEqual([
      { proof: 'ping', passed: false, destination, reason },
    ]);
  });

  test('three requests a second apart before it is a timeout', () => {
    const gateway = new TestGateway();
    gateway.handleFrame = () => undefined;
    const { outcomes, lines } = run({ proofs: { ping: {} } }, { gateway });
    expect(outcomes).toMatchObject([{ passed: false, reason: 'timeout' }]);
    expect(lines.at(-1)).toMatch(/^3000 |host/);
  });
});

describe('DNS', () => {
  const dnsServers: readonly Ipv4Address[] = [smoke.gateway];
  const failing = (change: (answer: DnsMessage) => DnsMessage | undefined): ProofOutcome | undefined =>
    run({ dnsServers, proofs: { dns: LOCALHOST } }, { gateway: new Resolver(change) }).outcomes[0];

  test.each([
    ['no server is known', 'no-server', []],
    ['nobody answers', 'timeout', [ipv4(10, 0, 2, 3)]],
  ] as const)('fails where %s', (_, reason, servers) => {
    const { outcomes } = run({ proofs: { dns: { ...LOCALHOST, servers } } });
    expect(outcomes).toEqual([{ proof: 'dns', passed: false, name: 'localhost', reason }]);
  });

  test.each([
    ['an answer with another id', (answer: DnsMessage) => ({ ...answer, id: answer.id ^ 1 })],
    ['an answer to another question', (answer: DnsMessage) => ({ ...answer, questions: [{ name: 'other', type: 1, class: 1 }] })],
    ['the question come back', (answer: DnsMessage) => ({ ...answer, response: false })],
    ['no answer', () => undefined],
  ])('%s is none', (_, change) => {
    expect(failing(change)).toMatchObject({ passed: false, reason: 'timeout' });
  });

  test.each([
    [
      'a server that fails',
      (answer: DnsMessage) => ({ ...answer, responseCode: 2, answers: [] }),
      { reason: 'refused', responseCode: 2 },
    ],
    [
      'a name that does not exist',
      (answer: DnsMessage) => ({ ...answer, responseCode: 3, answers: [] }),
      { reason: 'refused', responseCode: 3 },
    ],
    ['an answer without a record', (answer: DnsMessage) => ({ ...answer, answers: [] }), { reason: 'no-answer' }],
  ])('%s fails by its name', (_, change, outcome) => {
    expect(failing(change)).toMatchObject({ passed: false, ...outcome });
  });

  test('asks the servers in turn; one that is silent costs its time and no more', () => {
    const gateway = new Resolver();
    const servers = [ipv4(10, 0, 2, 3), smoke.gateway];
    const { outcomes, lines } = run({ proofs: { dns: { ...LOCALHOST, servers } } }, { gateway });
    expect(outcomes).toMatchObject([{ passed: true, server: smoke.gateway }]);
    expect(gateway.asked).toHaveLength(1);
    expect(lines.find((line) => line.includes('proof'))).toMatch(/^100\d /);
  });

  test('ids and ports are drawn', () => {
    const ids = ['a', 'b', 'c'].map((seed) => {
      const gateway = new Resolver();
      run({ dnsServers, proofs: { dns: LOCALHOST }, entropy: new SeededEntropy(seed) }, { gateway });
      return gateway.asked[0]?.id;
    });
    expect(new Set(ids).size).toBe(3);
  });
});

describe('a listener', () => {
  test('on a port that somebody has fails by its name', () => {
    const ours = new Netstackd({
      mac: smoke.guestMac,
      entropy: new SeededEntropy('node'),
      policy: STATIC,
      conflictCheck: false,
      proofs: { tcpListen: { port: 80 } },
    });
    ours.tcp.listen(0, { port: 80 });
    ours.linkUp(0);
    const outcomes: NetstackdEvent[] = [];
    for (let event = ours.pollEvent(); event !== undefined; event = ours.pollEvent()) outcomes.push(event);
    expect(outcomes.find(({ type }) => type === 'proof')).toMatchObject({ outcome: { passed: false, reason: 'address-in-use' } });
  });

  test('carries the nonce over the loopback interface alone: an observer there sees it, the wire nothing', () => {
    const ours = new Netstackd({
      mac: smoke.guestMac,
      entropy: new SeededEntropy('node'),
      policy: STATIC,
      conflictCheck: false,
      proofs: { tcpListen: {} },
      host: { loopbackObservedMax: 64 },
    });
    const world = new World({ ours });
    world.run(10_000, (now) => ours.linkUp(now));
    expect(world.events.map(({ event }) => event as NetstackdEvent).find(({ type }) => type === 'proof')).toMatchObject({
      outcome: { passed: true },
    });
    let observed = 0;
    while (ours.pollLoopback() !== undefined) observed++;
    expect(observed).toBeGreaterThan(6);
    expect(world.frames.every(({ frame }) => frame[12] === 8 && frame[13] === 6)).toBe(true); // ARP
  });
});
