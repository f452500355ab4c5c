import { join } from 'node:path';
import type { Lab, Peer } from './lab.js';
import type { PeerProcess } from './peer-process.js';

export interface ServerTimes {
  readonly renewS: number;
  readonly rebindS: number;
  /** dnsmasq leases for two minutes at least. */
  readonly leaseS: number;
}

export interface ServerKind {
  readonly name: string;
  readonly programs: readonly string[];
  /** What it says when it serves. */
  readonly ready: RegExp;
  /** What it says when a lease was given back, and when one was declined. Absent: nothing. */
  readonly said?: { readonly release: RegExp; readonly decline: RegExp };
  /** The shortest lease that it gives, in seconds. */
  readonly leaseSMin: number;
  command(
    peer: Peer,
    times: ServerTimes,
  ): { readonly command: string; readonly args: readonly string[]; readonly env?: Record<string, string> };
}

/**
 * A real server on a peer, for its own network 10.77.0.0/24 and for 10.78.0.0/24 behind a relay. It keeps its leases in the peer's folder, so that
 * another one may go on where it ended.
 */
export async function startServer(lab: Lab, peer: Peer, kind: ServerKind, times: ServerTimes): Promise<PeerProcess> {
  const { command, args, env } = kind.command(peer, times);
  const process = peer.run(command, args, env);
  await lab.until(`${kind.name} serves`, 40_000, () => {
    if (!process.running) throw new Error(`${kind.name} ended: ${process.output}`);
    return kind.ready.test(process.output);
  });
  return process;
}

export const SERVERS: readonly ServerKind[] = [
  {
    name: 'dnsmasq',
    programs: ['dnsmasq'],
    ready: /DHCP, IP range/,
    said: { release: /DHCPRELEASE\(eth0\)/, decline: /DHCPDECLINE\(eth0\)/ },
    leaseSMin: 120,
    command: (peer, { renewS, rebindS, leaseS }) => ({
      command: 'dnsmasq',
      args: [
        '--conf-file=/dev/null',
        '--keep-in-foreground',
        '--log-facility=-',
        '--log-dhcp',
        '--user=root',
        '--pid-file=',
        '--port=0',
        '--interface=eth0',
        '--bind-interfaces',
        '--dhcp-authoritative',
        '--no-ping',
        `--dhcp-leasefile=${join(peer.folder.path, 'leases')}`,
        `--dhcp-range=10.77.0.100,10.77.0.199,255.255.255.0,${leaseS}`,
        `--dhcp-range=10.78.0.100,10.78.0.199,255.255.255.0,${leaseS}`,
        `--dhcp-option=58,${renewS}`,
        `--dhcp-option=59,${rebindS}`,
      ],
    }),
  },
  {
    name: 'dhcpd',
    programs: ['dhcpd'],
    ready: /Server starting service/,
    said: { release: /DHCPRELEASE of .*\(found\)/, decline: /DHCPDECLINE of .*: abandoned/ },
    leaseSMin: 1,
    command: (peer, { renewS, rebindS, leaseS }) => {
      const { folder } = peer;
      folder.touch('leases');
      const config = folder.file(
        'dhcpd.conf',
        `authoritative;
ddns-update-style none;
ping-check false;
dhcp-cache-threshold 0;
default-lease-time ${leaseS};
max-lease-time ${leaseS};
min-lease-time 1;
option dhcp-renewal-time ${renewS};
option dhcp-rebinding-time ${rebindS};
subnet 10.77.0.0 netmask 255.255.255.0 {
  range 10.77.0.100 10.77.0.199;
  option routers 10.77.0.1;
}
subnet 10.78.0.0 netmask 255.255.255.0 {
  range 10.78.0.100 10.78.0.199;
  option routers 10.78.0.1;
}
`,
      );
      return {
        command: 'dhcpd',
        args: [
          '-4',
          '-f',
          '-d',
          '-cf',
          config,
          '-lf',
          join(folder.path, 'leases'),
          '-pf',
          join(folder.path, 'dhcpd.pid'),
          '-user',
          'root',
          '-group',
          'root',
          'eth0',
        ],
      };
    },
  },
  {
    name: 'Kea',
    programs: ['kea-dhcp4'],
    ready: /DHCP4_STARTED/,
    said: { release: /DHCP4_RELEASE /, decline: /DHCP4_DECLINE_LEASE / },
    leaseSMin: 1,
    command: ({ folder }, { renewS, rebindS, leaseS }) => {
      const config = folder.file(
        'kea.json',
        JSON.stringify({
          Dhcp4: {
            'interfaces-config': { interfaces: ['eth0'], 'dhcp-socket-type': 'raw' },
            'lease-database': { type: 'memfile', persist: true, name: join(folder.path, 'leases.csv') },
            authoritative: true,
            'renew-timer': renewS,
            'rebind-timer': rebindS,
            'valid-lifetime': leaseS,
            subnet4: [
              {
                id: 1,
                subnet: '10.77.0.0/24',
                pools: [{ pool: '10.77.0.100 - 10.77.0.199' }],
                'option-data': [{ name: 'routers', data: '10.77.0.1' }],
              },
              {
                id: 2,
                subnet: '10.78.0.0/24',
                pools: [{ pool: '10.78.0.100 - 10.78.0.199' }],
                'option-data': [{ name: 'routers', data: '10.78.0.1' }],
              },
            ],
            loggers: [{ name: 'kea-dhcp4', output_options: [{ output: 'stdout' }], severity: 'INFO' }],
          },
        }),
      );
      return {
        command: 'kea-dhcp4',
        args: ['-c', config],
        env: { KEA_PIDFILE_DIR: folder.path, KEA_LOCKFILE_DIR: folder.path },
      };
    },
  },
  {
    name: 'udhcpd',
    programs: ['udhcpd'],
    ready: /started, v/,
    leaseSMin: 10,
    command: ({ folder }, { renewS, rebindS, leaseS }) => {
      folder.touch('leases');
      const config = folder.file(
        'udhcpd.conf',
        `start 10.77.0.100
end 10.77.0.199
interface eth0
max_leases 100
min_lease 1
lease_file ${join(folder.path, 'leases')}
pidfile ${join(folder.path, 'udhcpd.pid')}
option subnet 255.255.255.0
option router 10.77.0.1
option lease ${leaseS}
option 0x3a ${seconds(renewS)}
option 0x3b ${seconds(rebindS)}
`,
      );
      return { command: 'udhcpd', args: ['-f', '-a', '0', '-I', '10.77.0.1', config] };
    },
  },
];

/** Four octets in hexadecimal, as udhcpd wants the value of an option that it has no name for. */
function seconds(value: number): string {
  return value.toString(16).padStart(8, '0');
}
