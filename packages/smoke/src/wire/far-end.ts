import { existsSync } from 'node:fs';
import { OwnedProcess } from '@nexus-net/qemu';
import { formatIpv4, formatMac, type Millis, prefixLength, prefixMask } from '@nexus-net/sansio';
import { ADDRESS_PLAN } from '@nexus-net/wire';
import type { GuestWire } from '../guest.js';
import { installCommand } from '../missing.js';
import { Refusal } from '../refusal.js';
import type { RunRequest } from '../request.js';
import { onPath } from './on-path.js';

/** What is at the other end of the guest's cable, as long as the run lasts. */
export interface FarEnd {
  readonly wire: GuestWire;
  /** Versions of what runs there, by name. */
  readonly versions: Readonly<Record<string, string>>;
  /** Ends it; nothing of it is left then. Idempotent. */
  stop(): Promise<void>;
}

/** Makes the far end of the wire that is asked for. Throws {@link Refusal} where this machine can't. */
export async function openFarEnd({ wire = 'embedded', dhcpServer }: RunRequest): Promise<FarEnd> {
  return wire === 'tap' ? openTap(dhcpServer) : { wire: { type: wire }, versions: {}, stop: async () => undefined };
}

/** What the wire `tap` needs and this machine has not got, in one sentence each. */
export function missingForTap(): Refusal | undefined {
  if (process.getuid?.() !== 0)
    return new Refusal('--wire tap makes a network namespace with a TAP device in it, and that takes root.');
  if (!existsSync('/dev/net/tun')) return new Refusal('--wire tap needs /dev/net/tun, and this kernel has no TAP devices.');
  const missing = Object.entries(PROGRAMS).filter(([program]) => !onPath(program));
  if (missing.length === 0) return undefined;
  const packages = [...new Set(missing.map(([, each]) => each))];
  return new Refusal(
    `--wire tap needs ${missing.map(([program]) => program).join(', ')}. To install, as root:\n  ${installCommand(packages)}`,
    'missing',
  );
}

/** Programs, and the Debian packages that have them. */
const PROGRAMS: Readonly<Record<string, string>> = {
  unshare: 'util-linux',
  nsenter: 'util-linux',
  ip: 'iproute2',
  dnsmasq: 'dnsmasq-base',
};

/**
 * A network namespace with a TAP device, the kernel behind it under both addresses of the gateway, and dnsmasq for leases and names. The
 * namespace is that of one process and goes with it.
 */
async function openTap(dhcpServer: boolean): Promise<FarEnd> {
  const refusal = missingForTap();
  if (refusal !== undefined) throw refusal;
  const child = await OwnedProcess.start({
    command: 'unshare',
    args: ['--net', 'sh', '-c', `${SETUP}exec dnsmasq "$@" 2>&1`, 'sh', ...dnsmasqArguments(dhcpServer)],
  });
  const version = await started(child);
  return {
    wire: { type: 'tap', interface: INTERFACE, namespace: `/proc/${child.pid}/ns/net` },
    versions: { dnsmasq: version },
    stop: async () => {
      await child.terminate();
    },
  };
}

/** Resolves with the version when dnsmasq says that it has started; rejects with what it said instead. */
async function started(child: OwnedProcess): Promise<string> {
  let said = '';
  const version = await new Promise<string | undefined>((resolve) => {
    const timer = setTimeout(() => resolve(undefined), START_MS);
    child.stdout.on('data', (bytes: Uint8Array) => {
      if (said.length < SAID_LENGTH_MAX) said += new TextDecoder().decode(bytes); // read on, or it stops at a full pipe
      const found = /started, version (\S+)/.exec(said)?.[1];
      if (found !== undefined) {
        clearTimeout(timer);
        resolve(found);
      }
    });
    void child.exited.then(() => {
      clearTimeout(timer);
      resolve(undefined);
    });
  });
  if (version !== undefined) return version;
  const { stderr } = await child.terminate({ graceMs: 0 });
  throw new Refusal(`the TAP device or dnsmasq did not come up: ${`${said}${stderr}`.trim() || 'nothing was said'}`, 'guest');
}

const INTERFACE = 'nexus0';
const START_MS: Millis = 10_000;
const SAID_LENGTH_MAX = 4_096;

const { network, gateway, gatewayMac, dns, pool } = ADDRESS_PLAN.smoke;

const SETUP = `set -e
echo 1 >/proc/sys/net/ipv6/conf/all/disable_ipv6 || true
ip link set dev lo up
ip tuntap add dev ${INTERFACE} mode tap
ip link set dev ${INTERFACE} address ${formatMac(gatewayMac)}
ip address add ${formatIpv4(gateway)}/${prefixLength(network)} dev ${INTERFACE}
ip address add ${formatIpv4(dns)}/${prefixLength(network)} dev ${INTERFACE}
ip link set dev ${INTERFACE} up
`;

function dnsmasqArguments(dhcpServer: boolean): readonly string[] {
  const range = [pool.first, pool.last, prefixMask(network)].map(formatIpv4).join(',');
  return [
    '--conf-file=/dev/null',
    '--keep-in-foreground',
    '--log-facility=-',
    '--pid-file=',
    '--user=root', // another user would lose the signal that ends it with this process
    '--no-resolv',
    '--no-hosts',
    '--host-record=localhost,127.0.0.1',
    `--interface=${INTERFACE}`,
    '--except-interface=lo',
    '--bind-interfaces',
    ...(dhcpServer
      ? [
          `--dhcp-range=${range},1h`,
          `--dhcp-option=option:router,${formatIpv4(gateway)}`,
          `--dhcp-option=option:dns-server,${formatIpv4(dns)}`,
          '--dhcp-leasefile=/dev/null',
          '--dhcp-authoritative',
          '--dhcp-sequential-ip',
          '--no-ping',
        ]
      : []),
  ];
}
