import { formatIpv4 } from '@nexus-net/sansio';
import type { ConsoleRule, Profile } from '@nexus-net/verdict';
import type { ScriptStep } from '../console-script.js';
import type { GuestDefinition, GuestPlace } from '../guest.js';
import { probeUBoot, startUBoot } from './u-boot-start.js';

/**
 * U-Boot on QEMU's riscv64 `virt` machine: a third party's boot loader with a network stack of its own, which speaks DHCP and
 * ping at a prompt. It has no sockets and no daemon: it answers ARP and echo only while one of its commands uses the network.
 */
export const U_BOOT: GuestDefinition = {
  name: 'u-boot',
  description: 'U-Boot 2023.01 for riscv64, from the Debian packages u-boot-qemu and opensbi',
  capabilities: new Set(['static-address', 'ping', 'dhcp']),
  lanes: { REQUIRE_QEMU_DHCP: 'dhcp-lease' }, // it has no resolver and no sockets
  answers: 'while-probed',
  script: uBootScript,
  rules: uBootRules,
  panics: [/^Unhandled exception:/, /^### ERROR ### Please RESET the board ###/, /^resetting \.\.\.$/],
  probe: probeUBoot,
  start: startUBoot,
};

const AUTOBOOT = /^Hit any key to stop autoboot:/;
const PROMPT = /^=> $/;

function uBootScript(profile: Profile, place: GuestPlace): readonly ScriptStep[] {
  const dhcp = profile.capabilities.includes('dhcp');
  const at = (type: string): ScriptStep => ({ when: PROMPT, type: `${type}\n` });
  const ping = at(`ping ${formatIpv4(place.gateway)}`);
  return [
    { when: AUTOBOOT, type: '\n' },
    ...(dhcp
      ? // No boot file after the lease, and one round of retries: its end is an answer, not the beginning of the next.
        [at('setenv autoload no'), at('setenv netretry no'), at('setenv bootpretryperiod 6000'), at('dhcp')]
      : [
          at(`setenv ipaddr ${formatIpv4(place.address)}`),
          at(`setenv netmask ${formatIpv4(place.netmask)}`),
          at(`setenv gatewayip ${formatIpv4(place.gateway)}`),
        ]),
    // Nobody owns this address, so the command waits, and while it waits the guest can be asked.
    { ...at(`ping ${formatIpv4(place.quiet)}`), probed: true },
    ping,
    ...(dhcp ? [ping] : []),
  ];
}

function uBootRules({ gateway }: GuestPlace): readonly ConsoleRule[] {
  const alive = new RegExp(`^host ${formatIpv4(gateway).replaceAll('.', '\\.')} is alive$`);
  return [
    { marker: 'netstackd-ready', pattern: /^=> / },
    { marker: 'virtio-net-up', pattern: /^Net: +eth\d+: virtio-net#\d+/ },
    { marker: 'dhcp-bound', pattern: /^DHCP client bound to address (?<address>[\d.]+) \(\d+ ms\)$/ },
    { marker: 'iface-up', pattern: alive, phase: 'iface' },
    { marker: 'net-ping-ok', pattern: alive, phase: 'ping' },
  ];
}
