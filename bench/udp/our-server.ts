import { join } from 'node:path';
import { DhcpUdpServer, JournalLeaseStore, type SyncPolicy } from '@nexus-net/host';
import { parseIpv4, parsePrefix } from '@nexus-net/sansio';
import { SERVER } from './link.js';

/** What our server is told on its command line. */
export interface OurServer {
  readonly folder: string;
  /** Keeps a journal with this policy; absent: none. */
  readonly sync?: SyncPolicy;
}

/** Our server as a program: serves until it is killed. */
export async function udpServerMain({ folder, sync }: OurServer): Promise<void> {
  const store = sync === undefined ? {} : { store: await JournalLeaseStore.open({ path: join(folder, 'leases.journal'), sync }) };
  await DhcpUdpServer.open({
    ...store,
    server: {
      address: parseIpv4(SERVER),
      prefix: parsePrefix('10.77.0.0/16'),
      pool: { first: parseIpv4('10.77.1.0'), last: parseIpv4('10.77.200.255') },
    },
  });
  console.log('serving');
}
