import { formatIpv4, maskLength } from '@nexus-net/sansio';
import type { ConsoleRule, Profile } from '@nexus-net/verdict';
import { ADDRESS_PLAN } from '@nexus-net/wire';
import type { ScriptStep } from '../console-script.js';
import type { GuestDefinition, GuestPlace } from '../guest.js';
import { acceptsStaticAddress } from '../static-address.js';
import { prepareLinux, probeLinux, startLinux } from './linux-start.js';
import { literally } from './literally.js';

/**
 * Linux with busybox: the widest third-party client. Its kernel answers ARP and echo by itself; the programs of busybox are run one after
 * another at a prompt, and what they print when they succeed stands for the markers.
 */
export const LINUX: GuestDefinition = {
  name: 'linux',
  description:
    'a Linux kernel with busybox (udhcpc, ping, nslookup, nc), from the Debian packages linux-image-cloud-amd64 and busybox-static',
  capabilities: new Set(['static-address', 'ping', 'dhcp', 'dns', 'tcp-listen']),
  answers: 'always',
  script: linuxScript,
  rules: linuxRules,
  panics: [/Kernel panic - not syncing/, /^\s*(?:Oops|BUG): /],
  probe: probeLinux,
  prepare: prepareLinux,
  start: startLinux,
};

const PROMPT = /^linux> $/;

/** Programs that the profile has no use for are not run. */
function linuxScript(profile: Profile, place: GuestPlace): readonly ScriptStep[] {
  const { address, netmask, gateway, dns } = place;
  const own = `${formatIpv4(address)}/${maskLength(netmask)}`;
  const isStatic = `ip address add ${own} dev eth0 && ip route add default via ${formatIpv4(gateway)}`;
  const udhcpc = 'udhcpc -i eth0 -n -q -t 5 -T 1 -s /bin/lease';
  const dhcp = profile.capabilities.includes('dhcp');
  const mayFallBack = acceptsStaticAddress(profile);
  const demanded = (marker: string): boolean =>
    profile.phases.some((phase) => phase.markers.some((each) => each.marker === marker));
  const ping = `ping -c 1 -W 3 ${formatIpv4(gateway)}`;
  const lines: readonly (readonly [line: string, wanted: boolean])[] = [
    ['ip link set eth0 up; until ip link show eth0 | grep LOWER_UP; do usleep 20000; done', true],
    [isStatic, !dhcp],
    [mayFallBack ? `${udhcpc} || { ${isStatic} && echo "lease: none, static ${own}"; }` : udhcpc, dhcp],
    [ping, true],
    ['ip -4 address show dev eth0', true],
    [ping, demanded('net-ping-ok')],
    // With a lease the resolver has its server from there.
    [`nslookup -type=a localhost${dhcp ? '' : ` ${formatIpv4(dns)}`}`, demanded('net-dns-ok')],
    [`nc -l -p ${LISTEN_PORT} -e cat && echo "nc: served a connection to port ${LISTEN_PORT}"`, demanded('tcp-listen-ok')],
    [ping, demanded('icmp-ping-ok')],
  ];
  return lines.flatMap(([line, wanted]) => (wanted ? [{ when: PROMPT, type: `${line}\n` }] : []));
}

function linuxRules({ address, netmask }: GuestPlace): readonly ConsoleRule[] {
  const pinged = /^1 packets transmitted, 1 packets received, 0% packet loss$/;
  const own = literally(`${formatIpv4(address)}/${maskLength(netmask)}`);
  return [
    { marker: 'netstackd-ready', pattern: /^linux> / },
    { marker: 'virtio-net-up', pattern: /^\d+: eth0: <[^>]*\bLOWER_UP\b/ },
    { marker: 'dhcp-bound', pattern: /^lease: (?<address>[\d.]+)\/(?<prefix>\d+) gw=(?<gateway>[\d.]+)$/ },
    { marker: 'dhcp-fallback', pattern: new RegExp(`^lease: none, static (?=${own}$)(?<address>[\\d.]+)/(?<prefix>\\d+)$`) },
    { marker: 'iface-up', pattern: /^ {4}inet (?<address>[\d.]+)\/\d+ .*\bscope global eth0$/ },
    { marker: 'net-ping-ok', pattern: pinged, phase: 'ping' },
    { marker: 'net-dns-ok', pattern: /^Address: 127\.0\.0\.1$/ },
    { marker: 'tcp-listen-ok', pattern: new RegExp(`^nc: served a connection to port ${LISTEN_PORT}$`) },
    { marker: 'icmp-ping-ok', pattern: pinged, phase: 'icmp' },
  ];
}

const LISTEN_PORT = ADDRESS_PLAN.ports.listenProbe;
