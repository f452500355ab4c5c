import { existsSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { formatIpv4, type Ipv4Address, ipv4FromU32 } from '@nexus-net/sansio';
import type { Peer } from './lab.js';
import type { PeerProcess } from './peer-process.js';

/** What a real client can be asked for. Absent: it can't. */
export interface ClientKind {
  readonly name: string;
  readonly programs: readonly string[];
  /** Starts it; what it kept of its last lease, it has. `probe`: it looks whether the address is free, as far as it can. */
  start(peer: Peer, options?: { readonly probe?: boolean }): PeerProcess;
  /** Tells it to give its lease back. */
  release(peer: Peer, process: PeerProcess): void;
  /** Tells it to renew now; absent where only time does. */
  renew?(process: PeerProcess): void;
  /** Asks for parameters for an address that is not leased (DHCPINFORM). */
  inform?(peer: Peer, address: string): PeerProcess;
  /**
   * Whether its lease of this address is on its disk: after that, it asks for the address first when it starts again
   * (INIT-REBOOT), even if it was killed. It uses the address before. Absent: it keeps nothing.
   */
  remembers?(peer: Peer, address: Ipv4Address): boolean;
  /** How it learns that an address is in use: it probes by ARP, or its hook is told by a file. */
  readonly conflict: 'arp' | 'hook';
}

/** The name of the file in the peer's folder that makes the hook of dhclient refuse an address. */
export const REFUSED = 'refused';

const PID_FILE = 'dhclient.pid';
const LEASE_FILE = 'dhclient.leases';

const UDHCPC_HOOK = `#!/bin/sh
case "$1" in
  deconfig) ip -4 addr flush dev "$interface" ;;
  bound|renew)
    ip -4 addr replace "$ip/\${mask:-24}" dev "$interface"
    [ -z "$router" ] || ip route replace default via "\${router%% *}" dev "$interface" ;;
esac
echo "hook: $1 $ip"
`;

const DHCLIENT_HOOK = `#!/bin/sh
case "$reason" in
  BOUND|RENEW|REBIND|REBOOT)
    if [ -e "$FOLDER/${REFUSED}" ] && grep -qx "$new_ip_address" "$FOLDER/${REFUSED}"; then exit 1; fi
    [ "$old_ip_address" = "$new_ip_address" ] || ip -4 addr flush dev "$interface"
    ip -4 addr replace "$new_ip_address/$new_subnet_mask" dev "$interface"
    [ -z "$new_routers" ] || ip route replace default via "\${new_routers%% *}" dev "$interface" ;;
  EXPIRE|FAIL|RELEASE|STOP) ip -4 addr flush dev "$interface" ;;
esac
echo "hook: $reason $new_ip_address"
`;

export const CLIENTS: readonly ClientKind[] = [
  {
    name: 'dhclient',
    programs: ['dhclient'],
    start: (peer) => {
      // One that was killed leaves its pid, which may be anybody's by now: dhclient would believe that it runs already.
      rmSync(join(peer.folder.path, PID_FILE), { force: true });
      return peer.run('dhclient', dhclientArguments(peer));
    },
    release: (peer) => {
      peer.run('dhclient', ['-r', ...dhclientArguments(peer)]);
    },
    // A lease without its closing brace is no lease when dhclient reads it again.
    remembers: ({ folder }, address) => {
      const leases = readFileSync(join(folder.path, LEASE_FILE), 'utf8');
      return leases.includes(`fixed-address ${formatIpv4(address)};`) && leases.trimEnd().endsWith('}');
    },
    conflict: 'hook',
  },
  {
    name: 'dhcpcd',
    programs: ['dhcpcd'],
    start: (peer, { probe = false } = {}) => peer.run('dhcpcd', dhcpcdArguments(peer, probe ? '' : 'noarp\n')),
    release: (peer) => {
      peer.run('dhcpcd', ['-k', ...dhcpcdArguments(peer)]);
    },
    inform: (peer, address) => peer.run('dhcpcd', [`--inform=${address}/24`, ...dhcpcdArguments(peer)]),
    // The file is the DHCPACK: yiaddr is at 16.
    remembers: ({ folder }, address) => {
      const path = join(folder.path, 'lib/dhcpcd/eth0.lease');
      const ack = existsSync(path) ? readFileSync(path) : Buffer.alloc(0);
      return ack.length >= 240 && ipv4FromU32(ack.readUInt32BE(16)) === address;
    },
    conflict: 'arp',
  },
  {
    name: 'udhcpc',
    programs: ['udhcpc'],
    start: (peer, { probe = false } = {}) => {
      const hook = peer.folder.file('hook', UDHCPC_HOOK, 0o755);
      return peer.run('udhcpc', ['-f', '-i', 'eth0', '-s', hook, '-t', '5', '-T', '2', ...(probe ? ['-a'] : [])]);
    },
    release: (_peer, process) => process.signal('SIGUSR2'),
    renew: (process) => process.signal('SIGUSR1'),
    conflict: 'arp',
  },
];

function dhclientArguments({ folder }: Peer): readonly string[] {
  const config = folder.file('dhclient.conf', 'timeout 20;\nretry 2;\nreboot 15;\ninitial-interval 1;\nbackoff-cutoff 2;\n');
  const hook = folder.file('hook', DHCLIENT_HOOK, 0o755);
  const leases = folder.touch(LEASE_FILE);
  const pid = join(folder.path, PID_FILE);
  return ['-4', '-d', '-v', '-cf', config, '-lf', leases, '-pf', pid, '-sf', hook, '-e', `FOLDER=${folder.path}`, 'eth0'];
}

function dhcpcdArguments({ folder }: Peer, more = ''): readonly string[] {
  const config = folder.file('dhcpcd.conf', `option subnet_mask, routers\nreboot 15\n${more}`);
  return ['-f', config, '-4', '-B', '-d', '--noipv4ll', '-c', '/bin/true', 'eth0'];
}
