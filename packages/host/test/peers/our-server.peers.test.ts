import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { systemEntropy } from '@nexus-net/host';
import { Host } from '@nexus-net/net-os';
import { formatIpv4, IPV4_ANY, IPV4_BROADCAST, parseIpv4, parseMac } from '@nexus-net/sansio';
import { describe, expect } from 'vitest';
import { CLIENTS, type ClientKind, REFUSED } from './support/clients.js';
import { missingOf } from './support/installed.js';
import type { Lab, Peer } from './support/lab.js';
import { answers, CLIENT_MAC, events, FIRST, leased, SERVER, SQUATTER_MAC, serve } from './support/our-server.js';
import type { PeerProcess } from './support/peer-process.js';
import { situation } from './support/situation.js';
import { dhcpMessages, renewal, type SeenMessage } from './support/wire.js';

const OTHER_MAC = parseMac('02:c1:00:00:00:02');

/** How long a client may take that needs no more than a few seconds, on a machine that has other things to do. */
const PATIENCE_MS = 20_000;
/** T1 after 3 s and T2 after 6 s; udhcpc takes half of the lease, and 15 s at least. */
const SHORT = { dhcp: { leaseMs: 30_000, renewFraction: 0.1, rebindFraction: 0.2 } };

describe.concurrent.each(CLIENTS)('our server, client $name', (kind) => {
  const peers = { client: kind.name, squatter: 'squatter' };
  const missing = missingOf(kind.programs);
  const scene = (name: string, run: (lab: Lab) => Promise<void>): void => situation(name, { peers, missing }, run);

  scene('get: an address that answers ping', async (lab) => {
    const server = serve(lab, 'server');
    const { client } = await begin(lab, kind);
    expect(await leased(lab, PATIENCE_MS)).toBe(FIRST);
    await answers(lab, server, FIRST);
    expect(await client.addresses()).toEqual(['10.77.0.100/24']);
  });

  scene('renew: by unicast, and the address stays', async (lab) => {
    serve(lab, 'server', SHORT);
    await begin(lab, kind);
    await leased(lab, PATIENCE_MS);
    const position = lab.position;
    const { message, source, destination } = await renewal(lab, 40_000, position);
    expect([message.ciaddr, source, destination]).toEqual([FIRST, FIRST, SERVER]);
  });

  scene('rebind: the server is gone, and another one says yes', async (lab) => {
    const before = serve(lab, 'server', SHORT);
    await begin(lab, kind);
    await leased(lab, PATIENCE_MS);
    before.detach();
    const address = parseIpv4('10.77.0.2');
    const server = serve(lab, 'server', { ...SHORT, address, mac: parseMac('02:5e:00:00:00:02') });
    const position = lab.position;
    const { message, source, destination } = await renewal(lab, 40_000, position);
    expect([message.ciaddr, source, destination]).toEqual([FIRST, FIRST, IPV4_BROADCAST]);
    expect(lab.factsOf('dhcp.leased', position).at(-1)).toMatchObject({ server: address, address: FIRST });
    await answers(lab, server, FIRST);
  });

  scene('release: the server is told, and the address is gone from the interface', async (lab) => {
    const server = serve(lab, 'server');
    const { client, process } = await begin(lab, kind);
    await leased(lab, PATIENCE_MS);
    await answers(lab, server, FIRST);
    kind.release(client, process);
    await lab.until('our server says released', PATIENCE_MS, () => events(server, 'released').length === 1);
    expect(events(server, 'released')).toMatchObject([{ address: FIRST }]);
    expect(server.machine.inspect().dhcp?.rejects).toEqual({});
    await lab.eventually('the interface has no address', PATIENCE_MS, async () => (await client.addresses()).length === 0);
  });

  scene('decline: the address is taken out of use, and the next one is given', async (lab) => {
    const server = serve(lab, 'server');
    const client = await lab.peer('client', { mac: CLIENT_MAC });
    if (kind.conflict === 'hook') writeFileSync(join(client.folder.path, REFUSED), `${formatIpv4(FIRST)}\n`);
    else {
      const squatter = new Host({ mac: SQUATTER_MAC, entropy: systemEntropy(), defence: 'defend-always' });
      lab.attach('squatter', squatter).drive((host, now) => host.configure(now, { address: FIRST, prefixLength: 24 }));
    }
    kind.start(client, { probe: true });
    await lab.until('our server says declined', 40_000, () => events(server, 'declined').length === 1);
    expect(events(server, 'declined')).toMatchObject([{ address: FIRST }]);
    const next = parseIpv4('10.77.0.101');
    await lab.until('the next address', 40_000, () => lab.factsOf('dhcp.leased').some(({ address }) => address === next));
    await answers(lab, server, next);
  });

  scene('NAK: the address has become another client’s, and the client takes a new one', async (lab) => {
    const before = serve(lab, 'server');
    const { client, process } = await begin(lab, kind);
    await leased(lab, PATIENCE_MS);
    await answers(lab, before, FIRST);
    if (kind.remembers !== undefined) await killed(lab, kind, client, process);
    before.detach();
    // Another server takes over: it has no leases, and the address belongs to somebody.
    const server = serve(lab, 'server', { dhcp: { reservations: [{ address: FIRST, mac: OTHER_MAC }] } });
    const position = lab.position;
    if (kind.remembers !== undefined) kind.start(client);
    else kind.renew?.(process);
    await lab.until('our server says NAK', PATIENCE_MS, () => events(server, 'nak').length > 0);
    expect(lab.factsOf('dhcp.refused', position)[0]).toMatchObject({ client: CLIENT_MAC, server: SERVER });
    const address = await leased(lab, 40_000, position);
    expect(formatIpv4(address)).toBe('10.77.0.101');
    await answers(lab, server, address);
  });

  if (kind.remembers !== undefined) {
    scene('reboot: the same address again, asked for without DISCOVER', async (lab) => {
      const server = serve(lab, 'server');
      const { client, process } = await begin(lab, kind);
      await leased(lab, PATIENCE_MS);
      await answers(lab, server, FIRST);
      await killed(lab, kind, client, process);
      const position = lab.position;
      kind.start(client);
      expect(await leased(lab, PATIENCE_MS, position)).toBe(FIRST);
      const [request] = requests(lab, position);
      expect(lab.factsOf('dhcp.discovered', position)).toEqual([]);
      expect([request?.message.ciaddr, request?.source, request?.destination]).toEqual([IPV4_ANY, IPV4_ANY, IPV4_BROADCAST]);
    });
  }

  const { inform } = kind;
  if (inform !== undefined) {
    scene('inform: parameters for an address of its own, and no lease', async (lab) => {
      const server = serve(lab, 'server');
      const client = await lab.peer('client', { mac: CLIENT_MAC });
      inform(client, '10.77.0.50');
      await lab.until('our server says informed', PATIENCE_MS, () => events(server, 'informed').length > 0);
      const address = parseIpv4('10.77.0.50');
      expect(lab.factsOf('dhcp.informed')[0]).toMatchObject({ client: CLIENT_MAC, server: SERVER, address });
      expect(lab.factsOf('dhcp.leased')).toEqual([]);
    });
  }
});

async function begin(lab: Lab, kind: ClientKind): Promise<{ readonly client: Peer; readonly process: PeerProcess }> {
  const client = await lab.peer('client', { mac: CLIENT_MAC });
  return { client, process: kind.start(client) };
}

/** Ends the client as a power cut does, once it would remember its lease. */
async function killed(lab: Lab, kind: ClientKind, client: Peer, process: PeerProcess): Promise<void> {
  await lab.eventually('the lease is on disk', PATIENCE_MS, async () => kind.remembers?.(client, FIRST) === true);
  await process.stop('SIGKILL');
}

function requests(lab: Lab, from = 0): readonly SeenMessage[] {
  return dhcpMessages(lab, from).filter(({ frame, type }) => frame.port === 'client' && type === 3);
}
