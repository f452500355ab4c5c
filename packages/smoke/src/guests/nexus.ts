import type { NexusConfig, ProofConfig } from '@nexus-net/guest';
import { formatIpv4, formatMac, maskLength, toHex } from '@nexus-net/sansio';
import type { Profile } from '@nexus-net/verdict';
import type { ScriptStep } from '../console-script.js';
import type { GuestDefinition, GuestPlace } from '../guest.js';
import { acceptsStaticAddress } from '../static-address.js';
import { prepareNexus, probeNexus, startNexus } from './nexus-start.js';

/**
 * Our own OS services in a real guest: a Linux kernel, and our `netstackd` on the network card at the level of Ethernet frames. It
 * prints the markers of the contract itself.
 */
export const NEXUS: GuestDefinition = {
  name: 'nexus',
  description: 'our netstackd and dsoftbusd on a Linux kernel for x86-64, whose own IP stack has no part in it',
  capabilities: new Set(['static-address', 'ping', 'dhcp', 'dns', 'tcp-listen', 'dsoftbus']),
  faults: { 'wrong-peer-key': 'one node of the bus has another key for its peer than the peer has' },
  answers: 'always',
  script: nexusScript,
  rules: () => [],
  panics: [/Kernel panic - not syncing/, /^\s*(?:Oops|BUG): /],
  probe: probeNexus,
  prepare: prepareNexus,
  start: startNexus,
};

/** Where the guest waits for its configuration: see `programs/nexus`. */
const PROMPT = /^nexus> $/;

function nexusScript(profile: Profile, place: GuestPlace, seed: Uint8Array, fault?: string): readonly ScriptStep[] {
  const config = { ...nexusConfig(profile, place, seed), ...busConfig(profile, fault) };
  // Whoever has the seed has every key that the guest drew.
  return [{ when: PROMPT, type: `${JSON.stringify(config)}\n`, secrets: [config.seed] }];
}

function nexusConfig(profile: Profile, { mac, address, netmask, gateway, dns }: GuestPlace, seed: Uint8Array): NexusConfig {
  const own = { address: formatIpv4(address), prefixLength: maskLength(netmask) ?? 24, gateway: formatIpv4(gateway) };
  const demanded = (marker: string): boolean =>
    profile.phases.some((phase) => phase.markers.some((each) => each.marker === marker));
  const proofs: readonly (readonly [ProofConfig, boolean])[] = [
    ['ping', true],
    ['dns', demanded('net-dns-ok')],
    ['tcp-listen', demanded('tcp-listen-ok')],
    ['icmp', demanded('icmp-ping-ok')],
  ];
  return {
    node: 'guest',
    mac: formatMac(mac),
    seed: toHex(seed),
    bringUp: acceptsStaticAddress(profile) ? { type: 'dhcp-then-static', ...own, budgetMs: FALLBACK_MS } : { type: 'dhcp-only' },
    proofs: proofs.flatMap(([proof, wanted]) => (wanted ? [proof] : [])),
    dnsServers: [formatIpv4(dns)],
  };
}

/** The bus only where the profile asks for it. */
function busConfig({ capabilities }: Profile, fault: string | undefined): Pick<NexusConfig, 'dsoftbus'> {
  if (!capabilities.includes('dsoftbus')) return {};
  return { dsoftbus: { dialect: 'bus', mode: 'single', ...(fault === 'wrong-peer-key' && { fault }) } };
}

/** The compatibility mode of ADR-0025: how long DHCP may take before the static address is used. */
const FALLBACK_MS = 8_000;
