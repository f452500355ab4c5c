import { systemEntropy } from '@nexus-net/host';
import { Host, Netstackd, type NetstackdEvent, type NetstackdOptions } from '@nexus-net/net-os';
import { formatIpv4, IPV4_ANY, IPV4_BROADCAST, type Ipv4Address, type MacAddress, parseIpv4 } from '@nexus-net/sansio';
import { describe, expect } from 'vitest';
import { BareClient } from './support/bare-client.js';
import { missingOf } from './support/installed.js';
import type { Lab, Peer, Station } from './support/lab.js';
import { CLIENT_MAC, SERVER, SERVER_MAC, SQUATTER_MAC } from './support/our-server.js';
import type { PeerProcess } from './support/peer-process.js';
import { SERVERS, type ServerKind, type ServerTimes, startServer } from './support/servers.js';
import { situation } from './support/situation.js';
import { dhcpMessages, type SeenMessage } from './support/wire.js';

type Client = Station<Netstackd>;
type EventOf<T extends NetstackdEvent['type']> = Extract<NetstackdEvent, { readonly type: T }>;

/** How long something may take that is done at once, on a machine that has other things to do. */
const PATIENCE_MS = 15_000;
/** Times of conflict detection that keep a test short; the rules stay those of RFC 5227. */
const QUICK_PROBE = { probeWaitMs: 200, probeCount: 2, probeMinMs: 200, probeMaxMs: 400, announceWaitMs: 400 };

describe.concurrent.each(SERVERS)('our client, server $name', (kind) => {
  const peers = { server: kind.name, squatter: 'squatter' };
  const missing = missingOf(kind.programs);
  const scene = (name: string, run: (lab: Lab) => Promise<void>): void => situation(name, { peers, missing }, run);

  scene('get: an address probed with the times of RFC 5227, and the server answers ping', async (lab) => {
    await server(lab, kind, { renewS: 60 });
    const client = start(lab, { conflictCheck: true });
    const { lease } = await told(lab, client, 'dhcp-bound', 15_000);
    await told(lab, client, 'interface-up', 1);
    expect(formatIpv4(lease.address)).toMatch(/^10\.77\.0\.1\d\d$/);
    expect([lease.prefixLength, lease.routers]).toEqual([24, [SERVER]]);
    expect(lab.factsOf('dhcp.leased')[0]).toMatchObject({ client: CLIENT_MAC, server: SERVER, address: lease.address });
    client.drive((machine, now) => machine.ping(now, { destination: SERVER }));
    await lab.until('the server answers ping', PATIENCE_MS, () =>
      client.events.some((event) => event.type === 'host' && event.event.type === 'ping-reply'),
    );
  });

  scene('renew: twice, by unicast, with the address kept', async (lab) => {
    await server(lab, kind, { renewS: 3, rebindS: 30 });
    const client = start(lab);
    const { lease } = await told(lab, client, 'dhcp-bound', PATIENCE_MS);
    const position = lab.position;
    await lab.until('two renewals', 20_000, () => all(client, 'dhcp-renewed').length === 2);
    const renewed = all(client, 'dhcp-renewed');
    expect(renewed.map(({ cause }) => cause)).toEqual(['renewed', 'renewed']);
    expect(renewed.map((event) => event.lease.address)).toEqual([lease.address, lease.address]);
    const requests = dhcpMessages(lab, position).filter(({ frame }) => frame.port === 'client');
    expect(ways(requests)).toEqual([
      [lease.address, SERVER],
      [lease.address, SERVER],
    ]);
  });

  scene('rebind: the server is gone at T1 and back at T2, and anybody is asked', async (lab) => {
    const { peer, process, times } = await server(lab, kind, { renewS: 3, rebindS: 15, leaseS: 40 });
    const client = start(lab);
    const { lease } = await told(lab, client, 'dhcp-bound', PATIENCE_MS);
    await process.stop();
    // Not when the client is RENEWING, but when its REQUEST has gone into the void: ARP comes before it.
    await lab.until('a REQUEST to nobody', PATIENCE_MS, () =>
      dhcpMessages(lab).some(({ destination }) => destination === SERVER),
    );
    await startServer(lab, peer, kind, times);
    const renewed = await told(lab, client, 'dhcp-renewed', 25_000);
    expect([renewed.cause, renewed.lease.address]).toEqual(['rebound', lease.address]);
    const requests = dhcpMessages(lab).filter(({ frame, type }) => frame.port === 'client' && type === 3);
    expect(ways(requests)).toEqual([
      [IPV4_ANY, IPV4_BROADCAST],
      [lease.address, SERVER],
      [lease.address, IPV4_BROADCAST],
    ]);
  });

  if (kind.leaseSMin <= 10) {
    scene('expire: the server is gone for good, and the address goes when its time is over', async (lab) => {
      const { process, times } = await server(lab, kind, { renewS: 3, rebindS: 5, leaseS: 7 });
      const client = start(lab);
      const { lease } = await told(lab, client, 'dhcp-bound', PATIENCE_MS);
      await process.stop();
      const position = lab.position;
      const down = await told(lab, client, 'interface-down', 1_000 * 2 * times.leaseS + PATIENCE_MS);
      expect([down.reason, down.address]).toEqual(['expired', lease.address]);
      await lab.until('DISCOVER anew', PATIENCE_MS, () => lab.factsOf('dhcp.discovered', position).length > 0);
    });
  }

  scene('release: the server is told, and the address is not used any more', async (lab) => {
    const { process } = await server(lab, kind, { renewS: 60 });
    const client = start(lab);
    const { lease } = await told(lab, client, 'dhcp-bound', PATIENCE_MS);
    client.drive((machine, now) => machine.release(now));
    await told(lab, client, 'interface-down', 1);
    expect(lab.factsOf('dhcp.released')).toMatchObject([{ client: CLIENT_MAC, address: lease.address }]);
    await heard(lab, process, kind.said?.release);
  });

  scene('decline: somebody sits on the address, the server is told, and the next one is used', async (lab) => {
    const { process } = await server(lab, kind, { renewS: 60 });
    const squatter = lab.attach('squatter', new Host({ mac: SQUATTER_MAC, entropy: systemEntropy(), defence: 'defend-always' }));
    const client = start(lab, { conflictCheck: true, host: { conflictTiming: QUICK_PROBE } });
    const { address } = await lab.until('an offer', PATIENCE_MS, () => lab.factsOf('dhcp.offered')[0]);
    squatter.drive((host, now) => host.configure(now, { address, prefixLength: 24 }));
    const conflict = await told(lab, client, 'address-conflict', PATIENCE_MS);
    expect([conflict.address, conflict.claimant]).toEqual([address, SQUATTER_MAC]);
    expect(lab.factsOf('dhcp.declined')).toMatchObject([{ client: CLIENT_MAC, address }]);
    await heard(lab, process, kind.said?.decline);
    const up = await told(lab, client, 'interface-up', 30_000); // RFC 2131 §3.1.5: ten seconds after a DECLINE
    expect(up.address).not.toBe(address);
  });

  scene('NAK: an address of another network is refused, and one of this network taken', async (lab) => {
    await server(lab, kind, { renewS: 60 });
    const first = start(lab);
    const { lease } = await told(lab, first, 'dhcp-bound', PATIENCE_MS);
    first.detach();
    const elsewhere = { ...lease, address: parseIpv4('10.99.0.5'), routers: [], routes: [] };
    const client = start(lab, { dhcp: { remembered: elsewhere } });
    const bound = await told(lab, client, 'dhcp-bound', PATIENCE_MS);
    expect(lab.factsOf('dhcp.refused')[0]).toMatchObject({ client: CLIENT_MAC, server: SERVER });
    expect([bound.cause, formatIpv4(bound.lease.address)]).toEqual(['acquired', expect.stringMatching(/^10\.77\.0\.1\d\d$/)]);
  });

  scene('inform: parameters for an address of its own, and no lease', async (lab) => {
    await server(lab, kind, { renewS: 60 });
    const address = parseIpv4('10.77.0.50');
    const client = lab.attach('client', new BareClient({ mac: CLIENT_MAC, entropy: systemEntropy() }));
    client.drive((machine, now) => machine.inform(now, { address, prefixLength: 24 }));
    const informed = await lab.until('the ACK', PATIENCE_MS, () => client.events.find((event) => event.type === 'informed'));
    expect(informed).toMatchObject({ address, parameters: { server: SERVER, routers: [SERVER] } });
    expect(lab.factsOf('dhcp.informed')[0]).toMatchObject({ client: CLIENT_MAC, server: SERVER, address });
  });

  scene('reboot: the same address again, in two messages', async (lab) => {
    await server(lab, kind, { renewS: 60 });
    const before = start(lab);
    const { lease } = await told(lab, before, 'dhcp-bound', PATIENCE_MS);
    before.detach(); // without a word, as when the power is cut
    const position = lab.position;
    const client = start(lab, { dhcp: { remembered: lease } });
    const again = await told(lab, client, 'dhcp-bound', PATIENCE_MS);
    expect([again.cause, again.lease.address]).toEqual(['rebooted', lease.address]);
    const messages = new Set(dhcpMessages(lab, position).map(({ frame, type }) => `${frame.port} ${type}`));
    expect([...messages]).toEqual(['client 3', 'server 5']);
  });
});

/** The server says that it has understood, where it says anything. */
async function heard(lab: Lab, process: PeerProcess, words: RegExp | undefined): Promise<void> {
  if (words !== undefined) await lab.until(`the server says ${words}`, PATIENCE_MS, () => words.test(process.output));
}

/** Where messages went, in their order; one that was sent again on the same way counts once. */
function ways(messages: readonly SeenMessage[]): readonly (readonly [Ipv4Address, Ipv4Address])[] {
  return messages
    .filter(({ message }, i) => i === 0 || message.xid !== messages[i - 1]?.message.xid)
    .map(({ source, destination }) => [source, destination]);
}

interface Running {
  readonly peer: Peer;
  readonly process: PeerProcess;
  readonly times: ServerTimes;
}

async function server(lab: Lab, kind: ServerKind, given: Pick<ServerTimes, 'renewS'> & Partial<ServerTimes>): Promise<Running> {
  const { renewS, rebindS = renewS + 30, leaseS = rebindS + 30 } = given;
  const times = { renewS, rebindS, leaseS: Math.max(leaseS, kind.leaseSMin) };
  const peer = await lab.peer('server', { mac: SERVER_MAC, address: '10.77.0.1/24' });
  return { peer, process: await startServer(lab, peer, kind, times), times };
}

function start(lab: Lab, options: Partial<NetstackdOptions> & { readonly mac?: MacAddress } = {}): Client {
  const machine = new Netstackd({
    mac: CLIENT_MAC,
    entropy: systemEntropy(),
    policy: { type: 'dhcp-only' },
    conflictCheck: false,
    ...options,
  });
  const client = lab.attach('client', machine);
  client.drive((each, now) => each.linkUp(now));
  return client;
}

function all<T extends NetstackdEvent['type']>(client: Client, type: T): readonly EventOf<T>[] {
  return client.events.filter((event): event is EventOf<T> => event.type === type);
}

/** The first event of a type, once it has been told. */
function told<T extends NetstackdEvent['type']>(lab: Lab, client: Client, type: T, timeoutMs: number): Promise<EventOf<T>> {
  return lab.until(`our client says ${type}`, timeoutMs, () => all(client, type)[0]);
}
