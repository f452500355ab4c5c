import { formatIpv4 } from '@nexus-net/sansio';
import type { ConsoleRule, Profile } from '@nexus-net/verdict';
import type { ScriptStep } from '../console-script.js';
import type { GuestDefinition, GuestPlace } from '../guest.js';
import { FILE_HOST, FILE_PATH } from '../served-files.js';
import { probeIpxe, startIpxe } from './ipxe-start.js';
import { literally } from './literally.js';

/**
 * iPXE, the network boot loader in the ROM of QEMU's virtio card: a third party's stack with DHCP, a resolver, TCP and HTTP, at a prompt. It
 * answers ARP and echo by itself and has no command that pings, so what it shows is that it is reached, and that it fetches.
 */
export const IPXE: GuestDefinition = {
  name: 'ipxe',
  description: 'iPXE for x86, from the Debian package ipxe-qemu',
  capabilities: new Set(['static-address', 'dhcp', 'dns', 'fetch']),
  lanes: { default: 'fetch', REQUIRE_QEMU_DHCP: 'dhcp-fetch' },
  answers: 'always',
  script: ipxeScript,
  rules: ipxeRules,
  panics: [/^No bootable device\./],
  probe: probeIpxe,
  start: startIpxe,
};

const BANNER = /^Press Ctrl-B for the iPXE command line\.\.\./;
const PROMPT = /^iPXE> $/;

function ipxeScript(profile: Profile, place: GuestPlace): readonly ScriptStep[] {
  const { address, netmask, gateway, dns } = place;
  const isStatic = [
    `set net0/ip ${formatIpv4(address)}`,
    `set net0/netmask ${formatIpv4(netmask)}`,
    `set net0/gateway ${formatIpv4(gateway)}`,
    `set dns ${formatIpv4(dns)}`,
  ];
  return [
    { when: BANNER, type: '\x02\n' }, // the prompt comes without a line end before it, so an empty line follows
    ...[
      'ifopen',
      'ifstat',
      ...(profile.capabilities.includes('dhcp') ? ['dhcp', 'show ip'] : isStatic),
      `imgfetch ${byAddress(place)}`, // before it the gateway has never been asked for
      'route',
      `imgfetch ${BY_NAME}`,
      `imgfetch ${byAddress(place)}`,
    ].map((line): ScriptStep => ({ when: PROMPT, type: `${line}\n` })),
  ];
}

function ipxeRules(place: GuestPlace): readonly ConsoleRule[] {
  const fetched = (url: string): RegExp => new RegExp(`^${literally(url)}\\.\\.\\. ok$`);
  return [
    { marker: 'netstackd-ready', pattern: /^iPXE> / },
    { marker: 'virtio-net-up', pattern: /^ {2}\[Link:up, / },
    { marker: 'dhcp-bound', pattern: /^net0\.dhcp\/ip:ipv4 = (?<address>[\d.]+)$/ },
    { marker: 'iface-reached', pattern: /^net0: (?<address>[\d.]+)\/[\d.]+ gw [\d.]+$/ },
    { marker: 'net-dns-ok', pattern: fetched(BY_NAME) },
    { marker: 'http-fetched', pattern: fetched(byAddress(place)), phase: 'fetch' },
  ];
}

const BY_NAME = `http://${FILE_HOST}${FILE_PATH}`;

function byAddress({ gateway }: GuestPlace): string {
  return `http://${formatIpv4(gateway)}${FILE_PATH}`;
}
