import type { DhcpRelayInformation } from '@nexus-net/dhcp';
import { Driver, systemEntropy } from '@nexus-net/host';
import { formatIpv4, formatPrefix, IPV4_BROADCAST, parseIpv4, parseMac, parsePrefix, prefixContains } from '@nexus-net/sansio';
import { describe, expect } from 'vitest';
import { BareServer } from './support/bare-server.js';
import { CLIENTS, type ClientKind } from './support/clients.js';
import { missingOf } from './support/installed.js';
import type { Lab, Peer } from './support/lab.js';
import { CLIENT_MAC, leased, SERVER, SERVER_MAC } from './support/our-server.js';
import type { PeerProcess } from './support/peer-process.js';
import { RelayNode } from './support/relay-node.js';
import { SERVERS, type ServerKind, type ServerTimes, startServer } from './support/servers.js';
import { situation } from './support/situation.js';
import { dhcpMessages, renewal } from './support/wire.js';

const CLIENTS_NETWORK = parsePrefix('10.78.0.0/24');
/** Our relay on the clients' network, where it is the router too, and on the server's. */
const NEAR = parseIpv4('10.78.0.1');
const RELAY = parseIpv4('10.77.0.2');
/** What it adds: a circuit id. */
const INFORMATION = Uint8Array.of(1, 6, ...new TextEncoder().encode('port-7'));

/** udhcpd takes no subnet from giaddr. */
const RELAYED = SERVERS.filter(({ name }) => name !== 'udhcpd');
/** Kea 2.2 and dhcpd 4.4 know no server identifier override (RFC 5107). */
const OVERRIDING = SERVERS.filter(({ name }) => name === 'dnsmasq');

describe.concurrent.each(pairs(RELAYED))('our relay between $client.name and $server.name', ({ client: kind, server }) => {
  const peers = { client: kind.name, server: server.name };
  const missing = missingOf([...kind.programs, ...server.programs]);

  situation('get: through the relay, which adds option 82 and takes it out again', { peers, missing }, async (near) => {
    const { far, node } = await relay(near);
    await start(far, server, { renewS: 60, rebindS: 90, leaseS: 120 });
    await begin(near, kind);
    const address = await leased(near, 40_000);
    expect(prefixContains(CLIENTS_NETWORK, address)).toBe(true);
    expect(near.factsOf('dhcp.leased')[0]).toMatchObject({ client: CLIENT_MAC, server: SERVER, router: NEAR });
    const inner = dhcpMessages(far);
    expect(new Set(inner.map(({ frame, type }) => `${frame.port} ${type}`))).toEqual(
      new Set(['relay 1', 'server 2', 'relay 3', 'server 5']),
    );
    for (const { message } of inner) expect([message.giaddr, message.options.get(82)]).toEqual([NEAR, INFORMATION]);
    expect(dhcpMessages(near).filter(({ message }) => message.options.get(82) !== undefined)).toEqual([]);
    expect([node.unsent, node.relay.inspect().rejects]).toEqual([[], {}]);
  });

  if (kind.name === 'udhcpc') return; // it counts half a minute at least

  situation('rebind: the renewal finds no way, and the broadcast does', { peers, missing }, async (near) => {
    const { far } = await relay(near);
    await start(far, server, { renewS: 3, rebindS: 6, leaseS: 120 });
    await begin(near, kind);
    const address = await leased(near, 40_000);
    const position = near.position;
    const { message, destination } = await renewal(near, 40_000, position);
    expect([message.ciaddr, destination]).toEqual([address, IPV4_BROADCAST]);
  });
});

describe.concurrent.each(pairs(OVERRIDING))('our relay in the server’s place, between $client.name and $server.name', (pair) => {
  const { client: kind, server } = pair;
  const peers = { client: kind.name, server: server.name };
  const missing = missingOf([...kind.programs, ...server.programs]);

  situation('renew and release: by unicast to the relay (RFC 5107)', { peers, missing }, async (near) => {
    const { far, node } = await relay(near, { serverIdOverride: true });
    const process = await start(far, server, { renewS: 3, rebindS: 60, leaseS: 120 });
    const client = await begin(near, kind);
    const address = await leased(near, 40_000);
    await near.eventually('an address', 20_000, async () => (await client.peer.addresses()).length > 0);
    const position = near.position;
    kind.renew?.(client.process);
    const { message, source, destination } = await renewal(near, 40_000, position);
    expect([message.ciaddr, source, destination]).toEqual([address, address, NEAR]);
    kind.release(client.peer, client.process);
    await near.until('the server has it back', 20_000, () => server.said?.release.test(process.output));
    expect(far.factsOf('dhcp.released')[0]).toMatchObject({ client: CLIENT_MAC, address });
    expect(node.unsent).toEqual([]);
  });
});

describe.concurrent.each(CLIENTS)('our relay between $name and our server', (kind) => {
  situation('get', { peers: { client: kind.name }, missing: missingOf(kind.programs) }, async (near) => {
    const { far } = await relay(near);
    const pool = { first: parseIpv4('10.78.0.100'), last: parseIpv4('10.78.0.199') };
    const server = new BareServer({
      mac: SERVER_MAC,
      entropy: systemEntropy(),
      own: { address: SERVER, prefixLength: 24, gateway: RELAY },
      server: {
        address: SERVER,
        prefix: parsePrefix('10.77.0.0/24'),
        remoteSubnets: [{ prefix: CLIENTS_NETWORK, pool, routers: [NEAR] }],
      },
    });
    far.attach('server', server);
    await begin(near, kind);
    expect(await leased(near, 40_000)).toBe(pool.first);
  });
});

/** The client's segment is given, the server's is made, and our relay is put between them. */
async function relay(
  near: Lab,
  information: DhcpRelayInformation = {},
): Promise<{ readonly far: Lab; readonly node: RelayNode }> {
  const far = near.beside();
  const node = new RelayNode({
    entropy: systemEntropy(),
    mac: { clients: parseMac('02:4e:00:00:00:01'), servers: parseMac('02:4e:00:00:00:02') },
    address: { clients: NEAR, servers: RELAY },
    relay: {
      servers: [SERVER],
      interfaces: [
        { index: 0, address: NEAR, prefix: CLIENTS_NETWORK, information: { circuitId: INFORMATION.slice(2), ...information } },
      ],
    },
  });
  const segments = { clients: near, servers: far };
  const driver = new Driver(node, { transmit: ({ side, frame }) => segments[side].send('relay', frame) });
  for (const side of ['clients', 'servers'] as const)
    segments[side].connect('relay', (frame) => driver.drive((machine, now) => machine.handleFrame(now, { side, frame })));
  near.closing(() => driver.close());
  driver.wake();
  return { far, node };
}

async function start(far: Lab, kind: ServerKind, times: ServerTimes): Promise<PeerProcess> {
  const peer = await far.peer('server', { mac: SERVER_MAC, address: '10.77.0.1/24' });
  await peer.namespace.ip(`route add ${formatPrefix(CLIENTS_NETWORK)} via ${formatIpv4(RELAY)}`);
  return startServer(far, peer, kind, times);
}

async function begin(near: Lab, kind: ClientKind): Promise<{ readonly peer: Peer; readonly process: PeerProcess }> {
  const peer = await near.peer('client', { mac: CLIENT_MAC });
  return { peer, process: kind.start(peer) };
}

function pairs(servers: readonly ServerKind[]): readonly { readonly client: ClientKind; readonly server: ServerKind }[] {
  return CLIENTS.flatMap((client) => servers.map((server) => ({ client, server })));
}
