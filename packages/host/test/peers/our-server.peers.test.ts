import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { DhcpServerEvent } from '@nexus-net/dhcp';
import { systemEntropy } from '@nexus-net/host';
import { Gateway, type GatewayConfig } from '@nexus-net/lan';
import { Host } from '@nexus-net/net-os';
import { formatIpv4, IPV4_ANY, IPV4_BROADCAST, type Ipv4Address, parseIpv4, parseMac, parsePrefix } from '@nexus-net/sansio';
import { describe, expect } from 'vitest';
import { CLIENTS, type ClientKind, REFUSED } from './support/clients.js';
import { missingOf } from './support/installed.js';
import type { Lab, Peer, Station } from './support/lab.js';
import { situation } from './support/situation.js';
import { dhcpMessages, type SeenMessage } from './support/wire.js';

const SERVER = parseIpv4('10.77.0.1');
const SERVER_MAC = parseMac('02:5e:00:00:00:01');
const CLIENT_MAC = parseMac('02:c1:00:00:00:01');
const OTHER_MAC = parseMac('02:c1:00:00:00:02');
const SQUATTER_MAC = parseMac('02:bd:00:00:00:01');
const FIRST = parseIpv4('10.77.0.100');

type Server = Station<Gateway>;

describe.each(CLIENTS)('our server, client $name', (kind) => {
  const peers = { client: kind.name, squatter: 'squatter' };
  const missing = missingOf(kind.programs);
  const scene = (name: string, run: (lab: Lab) => Promise<void>): void => situation(name, { peers, missing }, run);

  scene('get: an address that answers ping', async (lab) => {
    const server = serve(lab, 'server');
    const { client } = begin(lab, kind);
    expect(await leased(lab, 15_000)).toBe(FIRST);
    await answers(lab, server, FIRST);
    expect(client.addresses).toEqual(['10.77.0.100/24']);
  });

  scene('renew: by unicast, and the address stays', async (lab) => {
    serve(lab, 'server', { leaseMs: 16_000, renewFraction: 0.25 });
    begin(lab, kind);
    await leased(lab, 15_000);
    const position = lab.position;
    await leased(lab, 15_000, position);
    const [renewal] = requests(lab, position);
    expect([renewal?.message.ciaddr, renewal?.source, renewal?.destination]).toEqual([FIRST, FIRST, SERVER]);
  });

  scene('rebind: the server is silent until anybody is asked', async (lab) => {
    const server = serve(lab, 'server', { leaseMs: 16_000, renewFraction: 0.2, rebindFraction: 0.4 });
    begin(lab, kind);
    await leased(lab, 15_000);
    lab.setLink('server', 'down');
    const position = lab.position;
    await lab.until('REQUEST to everybody', 20_000, () => requests(lab, position).some(isRebinding));
    lab.setLink('server', 'up');
    await leased(lab, 10_000, lab.position);
    const last = requests(lab, position).at(-1);
    expect([last?.message.ciaddr, last?.source, last?.destination]).toEqual([FIRST, FIRST, IPV4_BROADCAST]);
    await answers(lab, server, FIRST);
  });

  scene('release: the address is free again, and nobody answers at it', async (lab) => {
    const server = serve(lab, 'server');
    const { client, process } = begin(lab, kind);
    await leased(lab, 15_000);
    await answers(lab, server, FIRST);
    kind.release(client, process);
    await lab.until('our server says released', 10_000, () => events(server, 'released').length === 1);
    expect(events(server, 'released')).toMatchObject([{ address: FIRST }]);
    expect(server.machine.inspect().dhcp?.rejects).toEqual({});
  });

  scene('decline: the address is taken out of use, and the next one is given', async (lab) => {
    const server = serve(lab, 'server');
    const client = lab.peer('client', { mac: CLIENT_MAC });
    if (kind.conflict === 'hook') writeFileSync(join(client.folder.path, REFUSED), `${formatIpv4(FIRST)}\n`);
    else {
      const squatter = new Host({ mac: SQUATTER_MAC, entropy: systemEntropy(), defence: 'defend-always' });
      lab.attach('squatter', squatter).drive((host, now) => host.configure(now, { address: FIRST, prefixLength: 24 }));
    }
    kind.start(client, { probe: true });
    await lab.until('our server says declined', 20_000, () => events(server, 'declined').length === 1);
    expect(events(server, 'declined')).toMatchObject([{ address: FIRST }]);
    const next = parseIpv4('10.77.0.101');
    await lab.until('the next address', 40_000, () => lab.factsOf('dhcp.leased').some(({ address }) => address === next));
    await answers(lab, server, next);
  });

  scene('NAK: the address has become another client’s, and the client takes a new one', async (lab) => {
    const before = serve(lab, 'server');
    const { client, process } = begin(lab, kind);
    await leased(lab, 15_000);
    await answers(lab, before, FIRST);
    if (kind.reboots) await process.stop('SIGKILL');
    before.detach();
    // Another server takes over: it has no leases, and the address belongs to somebody.
    const server = serve(lab, 'server', { reservations: [{ address: FIRST, mac: OTHER_MAC }] });
    const position = lab.position;
    if (kind.reboots) kind.start(client);
    else kind.renew?.(process);
    await lab.until('our server says NAK', 15_000, () => events(server, 'nak').length > 0);
    expect(lab.factsOf('dhcp.refused', position)).toMatchObject([{ client: CLIENT_MAC, server: SERVER }]);
    const address = await leased(lab, 20_000, position);
    expect(formatIpv4(address)).toBe('10.77.0.101');
    await answers(lab, server, address);
  });

  if (kind.reboots) {
    scene('reboot: the same address again, asked for without DISCOVER', async (lab) => {
      const server = serve(lab, 'server');
      const { client, process } = begin(lab, kind);
      await leased(lab, 15_000);
      await answers(lab, server, FIRST);
      await process.stop('SIGKILL');
      const position = lab.position;
      kind.start(client);
      expect(await leased(lab, 15_000, position)).toBe(FIRST);
      const [request] = requests(lab, position);
      expect(lab.factsOf('dhcp.discovered', position)).toEqual([]);
      expect([request?.message.ciaddr, request?.source, request?.destination]).toEqual([IPV4_ANY, IPV4_ANY, IPV4_BROADCAST]);
    });
  }

  const { inform } = kind;
  if (inform !== undefined) {
    scene('inform: parameters for an address of its own, and no lease', async (lab) => {
      const server = serve(lab, 'server');
      const client = lab.peer('client', { mac: CLIENT_MAC });
      inform(client, '10.77.0.50');
      await lab.until('our server says informed', 15_000, () => events(server, 'informed').length > 0);
      const address = parseIpv4('10.77.0.50');
      expect(lab.factsOf('dhcp.informed')).toMatchObject([{ client: CLIENT_MAC, server: SERVER, address }]);
      expect(lab.factsOf('dhcp.leased')).toEqual([]);
    });
  }
});

function serve(lab: Lab, port: string, dhcp: Exclude<GatewayConfig['dhcp'], 'off'> = {}): Server {
  const gateway = new Gateway({
    entropy: systemEntropy(),
    mac: SERVER_MAC,
    address: SERVER,
    dnsAddress: 'none',
    network: parsePrefix('10.77.0.0/24'),
    dhcp: { pool: { first: FIRST, last: parseIpv4('10.77.0.199') }, ...dhcp },
    dns: 'off',
  });
  const server = lab.attach(port, gateway);
  server.drive((machine, now) => machine.start(now));
  return server;
}

function begin(lab: Lab, kind: ClientKind): { readonly client: Peer; readonly process: ReturnType<ClientKind['start']> } {
  const client = lab.peer('client', { mac: CLIENT_MAC });
  return { client, process: kind.start(client) };
}

/** The address of the first lease after the `from`th frame. */
async function leased(lab: Lab, timeoutMs: number, from = 0): Promise<Ipv4Address> {
  const { address } = await lab.until('an ACK', timeoutMs, () => lab.factsOf('dhcp.leased', from)[0]);
  return address;
}

/** Asks again and again until the client's kernel answers ping at its new address. */
async function answers(lab: Lab, server: Server, destination: Ipv4Address): Promise<void> {
  const from = lab.position;
  const ask = (): void => {
    server.drive((machine, now) => machine.ping(now, { destination, timeoutMs: 500 }));
  };
  ask();
  let told = server.events.length;
  await lab.until(`${formatIpv4(destination)} answers ping`, 15_000, () => {
    const news = server.events.slice(told);
    told = server.events.length;
    if (news.some((each) => each.type === 'host' && ['ping-timeout', 'ping-failed'].includes(each.event.type))) ask();
    return lab.factsOf('icmp.echo-answered', from).some(({ answerer }) => answerer === destination);
  });
}

function requests(lab: Lab, from = 0): readonly SeenMessage[] {
  return dhcpMessages(lab, from).filter(({ frame, type }) => frame.port === 'client' && type === 3);
}

function isRebinding({ message, destination }: SeenMessage): boolean {
  return message.ciaddr !== IPV4_ANY && destination === IPV4_BROADCAST;
}

function events<T extends DhcpServerEvent['type']>(server: Server, type: T): readonly DhcpServerEvent[] {
  return server.events.flatMap((each) => (each.type === 'dhcp' && each.event.type === type ? each.event : []));
}
