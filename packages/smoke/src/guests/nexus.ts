import type { NexusConfig, ProofConfig } from '@nexus-net/guest';
import { formatIpv4, formatMac, formatPrefix, maskLength, prefixOf, toHex } from '@nexus-net/sansio';
import { type MarkerId, type Profile, renderMarker } from '@nexus-net/verdict';
import type { ScriptStep } from '../console-script.js';
import type { BusPlan, GuestDefinition, GuestPlace } from '../guest.js';
import { acceptsStaticAddress } from '../static-address.js';
import { prepareNexus, probeNexus, startNexus } from './nexus-start.js';

/**
 * Our own OS services in a real guest: a Linux kernel, and our `netstackd` on the network card at the level of Ethernet frames. It
 * prints the markers of the contract itself.
 */
export const NEXUS: GuestDefinition = {
  name: 'nexus',
  description: 'our netstackd and dsoftbusd on a Linux kernel for x86-64, whose own IP stack has no part in it',
  capabilities: new Set(['static-address', 'ping', 'dhcp', 'dns', 'tcp-listen', 'dsoftbus', 'dsoftbus-19', 'crossvm']),
  faults: {
    'wrong-peer-key': 'one node of the bus has another key for its peer than the peer has',
    'forged-marker': 'the last line of the ladder is printed at once, and what it speaks of is left out',
  },
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

function nexusScript(
  profile: Profile,
  place: GuestPlace,
  seed: Uint8Array,
  fault?: string,
  bus: BusPlan = { dialect: 'bus' },
): readonly ScriptStep[] {
  // Of two guests the second has the defect.
  const own = place.peer === undefined || bus.crossvm?.self === 'node-b' ? fault : undefined;
  const config = nexusConfig(profile, place, seed);
  const whole: NexusConfig = { ...config, ...busConfig(profile, place, bus, own) };
  const told = own === 'forged-marker' ? forged(whole, profile, place) : whole;
  // Whoever has the seed has every key that the guest drew.
  const secrets = [config.seed, ...(bus.crossvm === undefined ? [] : [bus.crossvm.identity])];
  return [{ when: PROMPT, type: `${JSON.stringify(told)}\n`, secrets }];
}

function nexusConfig(profile: Profile, place: GuestPlace, seed: Uint8Array): NexusConfig {
  const { mac, address, netmask, gateway, dns, isUnrouted = false } = place;
  if (isUnrouted)
    return {
      node: formatIpv4(address),
      mac: formatMac(mac),
      seed: toHex(seed),
      bringUp: { type: 'from-mac', network: formatPrefix(prefixOf(address, maskLength(netmask) ?? 24)) },
      proofs: [],
    };
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
function busConfig(
  { capabilities }: Profile,
  { peer }: GuestPlace,
  { dialect, crossvm }: BusPlan,
  fault: string | undefined,
): Pick<NexusConfig, 'dsoftbus'> {
  const defect: { readonly fault?: 'wrong-peer-key' } = fault === 'wrong-peer-key' ? { fault } : {};
  if (crossvm !== undefined && peer !== undefined) {
    const { self, identity, peerKey } = crossvm;
    return {
      dsoftbus: { dialect, mode: 'cross-vm', self, identity, peer: { key: peerKey, address: formatIpv4(peer) }, ...defect },
    };
  }
  if (!capabilities.includes('dsoftbus')) return {};
  const later = capabilities.includes('dsoftbus-19');
  return { dsoftbus: { dialect: 'bus', mode: 'single', ...(later && { later }), ...defect } };
}

/** What the last line of the ladder speaks of is left out, and the line is printed all the same. */
function forged(config: NexusConfig, profile: Profile, { address, quiet }: GuestPlace): NexusConfig {
  const node = profile.nodes.at(-1);
  const last = profile.phases.flatMap(({ markers }) => markers).findLast((each) => each.node === node)?.marker as MarkerId;
  const { dsoftbus: _none, ...rest } = config;
  return {
    ...rest,
    proofs: config.proofs.filter((proof) => PROOF_OF[last] !== proof),
    // A lie about the address has to name another one.
    forge: [renderMarker(profile.catalogue.get(last), { address: quiet === address ? address : quiet, peer: 'node-a' })],
  };
}

const PROOF_OF: Readonly<Record<MarkerId, ProofConfig>> = {
  'net-ping-ok': 'ping',
  'net-dns-ok': 'dns',
  'tcp-listen-ok': 'tcp-listen',
  'icmp-ping-ok': 'icmp',
};

/** The compatibility mode of ADR-0025: how long DHCP may take before the static address is used. */
const FALLBACK_MS = 8_000;
