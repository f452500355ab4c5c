import { DhcpClient, DhcpServer, type DhcpServerOptions } from '@nexus-net/dhcp';
import { type Datagram, type Entropy, type MacAddress, parseIpv4, parsePrefix, SeededEntropy } from '@nexus-net/sansio';
import { type Case, measureGroup } from '../harness.js';
import { ServerLoad } from '../server-load.js';
import type { Suite } from './suite.js';

/** As many clients and addresses as perfdhcp has in the measurements over UDP. */
const CLIENTS = 20_000;

export const SERVER_OPTIONS: DhcpServerOptions = {
  address: parseIpv4('10.0.0.1'),
  prefix: parsePrefix('10.0.0.0/16'),
  pool: { first: parseIpv4('10.0.1.0'), last: parseIpv4('10.0.200.255') },
  routers: [parseIpv4('10.0.0.1')],
  dnsServers: [parseIpv4('10.0.0.1')],
  domainName: 'lab.example',
};

export const LEASE: Suite = {
  name: 'lease',
  about: 'whole leases, DISCOVER to ACK, in one process and virtual time',
  run: async ({ progress }) => {
    progress('server alone, client and server');
    const server = await measureGroup({
      title: `The server alone: four-way exchanges, ${CLIENTS} clients that come back`,
      unit: 'exchange',
      cases: [
        serverCase('ACK at once', {}),
        serverCase('ACK when the store confirms, by a store that does nothing', { durability: 'confirmed' }),
      ],
    });
    const both = await measureGroup({
      title: 'Client and server joined: a new client machine for each lease',
      unit: 'lease',
      cases: [joinedCase('20 000 clients that come back', CLIENTS), joinedCase('one client, again and again', 1)],
    });
    return { groups: [server, both] };
  },
};

export function serverCase(name: string, options: Partial<DhcpServerOptions>): Case {
  const load = new ServerLoad(new DhcpServer({ ...SERVER_OPTIONS, ...options }), { clientCount: CLIENTS });
  return {
    name,
    run: (count) => {
      for (let i = 0; i < count; i++) load.exchange();
      return count;
    },
  };
}

function joinedCase(name: string, clientCount: number): Case {
  const server = new DhcpServer(SERVER_OPTIONS);
  const entropy = new SeededEntropy(name);
  let leases = 0;
  return {
    name,
    run: (count) => {
      for (let i = 0; i < count; i++) {
        const mac = (0x020000000000 + (leases % clientCount)) as MacAddress;
        leases++;
        lease(server, { mac, entropy, now: leases / 8 });
      }
      return leases;
    },
  };
}

/** A client from its making to its lease, four messages later. */
function lease(
  server: DhcpServer,
  { mac, entropy, now }: { readonly mac: MacAddress; readonly entropy: Entropy; readonly now: number },
): void {
  const client = new DhcpClient({ mac, entropy });
  client.start(now);
  for (;;) {
    const ask: Datagram | undefined = client.pollTransmit();
    if (ask === undefined) break;
    server.handleDatagram(now, ask);
    while (server.pollEvent() !== undefined);
    const answer = server.pollTransmit();
    if (answer === undefined) throw new Error(`no answer: ${JSON.stringify(server.inspect().rejects)}`);
    client.handleDatagram(now, answer);
    while (client.pollEvent() !== undefined);
  }
  if (client.state !== 'bound') throw new Error(`the client is ${client.state}`);
}
