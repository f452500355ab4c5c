import { type BringUpPolicy, type HostEvent, Netstackd, type NetstackdEvent } from '@nexus-net/net-os';
import {
  type Entropy,
  formatIpv4,
  type Machine,
  type Millis,
  parseIpv4,
  parseMac,
  parsePrefix,
  Queue,
  requireArgument,
} from '@nexus-net/sansio';
import { CATALOGUE, type MarkerId, type MarkerValues, renderMarker } from '@nexus-net/verdict';
import type { BringUpConfig, NexusConfig } from './nexus-config.js';

/** What leaves the guest: a frame on its cable, or a line on its console. */
export type NexusTransmit =
  | { readonly to: 'wire'; readonly frame: Uint8Array }
  | { readonly to: 'console'; readonly line: string };

/**
 * The services of a guest as one machine: `netstackd` on the card at the level of Ethernet frames. It prints a marker of the
 * contract when the thing that the marker names has happened, and not before. The same machine runs in a real guest and in virtual time.
 */
export class NexusMachine implements Machine<NexusTransmit, never> {
  readonly #netstackd: Netstackd;
  readonly #transmits = new Queue<NexusTransmit>(4_096);
  readonly #wantsPing: boolean;
  #pinged = false;

  constructor({ config, entropy }: { readonly config: NexusConfig; readonly entropy: Entropy }) {
    const { mac, bringUp, proofs } = config;
    this.#wantsPing = proofs.includes('ping');
    this.#netstackd = new Netstackd({
      mac: parseMac(mac),
      entropy,
      policy: policyOf(bringUp),
      // The wire is ours, and so is every address on it: asking for four seconds whether one is free proves nothing here.
      conflictCheck: false,
      ...(bringUp.type === 'dhcp-then-static' && { budget: { timeMs: bringUp.budgetMs } }),
    });
  }

  /** The services start. */
  start(now: Millis): void {
    this.#say('netstackd-ready');
    this.#netstackd.linkUp(now);
    this.#say('virtio-net-up');
    this.#pump(now);
  }

  /** A frame from the card. */
  handleFrame(now: Millis, frame: Uint8Array): void {
    this.#netstackd.handleFrame(now, frame);
    this.#pump(now);
  }

  handleTimeout(now: Millis): void {
    this.#netstackd.handleTimeout(now);
    this.#pump(now);
  }

  pollTransmit(): NexusTransmit | undefined {
    return this.#transmits.shift();
  }

  pollEvent(): undefined {
    return undefined;
  }

  nextTimeout(): Millis {
    return this.#netstackd.nextTimeout();
  }

  #pump(now: Millis): void {
    for (let event = this.#netstackd.pollEvent(); event !== undefined; event = this.#netstackd.pollEvent()) {
      this.#onEvent(now, event);
    }
    for (let frame = this.#netstackd.pollTransmit(); frame !== undefined; frame = this.#netstackd.pollTransmit()) {
      this.#transmits.push({ to: 'wire', frame });
    }
  }

  #onEvent(now: Millis, event: NetstackdEvent): void {
    switch (event.type) {
      case 'dhcp-bound': {
        const { address, prefixLength, routers } = event.lease;
        this.#say('dhcp-bound', { address, prefixLength, gateway: routers[0] ?? 'none' });
        break;
      }
      case 'dhcp-unavailable':
        if (event.fallback !== undefined) this.#say('dhcp-fallback', event.fallback);
        break;
      case 'interface-up':
        this.#say('iface-up', { address: event.address });
        if (this.#wantsPing && event.gateway !== undefined) this.#netstackd.ping(now, { destination: event.gateway });
        break;
      case 'host':
        this.#onHostEvent(event.event);
        break;
      default:
        break;
    }
  }

  #onHostEvent(event: HostEvent): void {
    if (event.type === 'ping-reply' && !this.#pinged) {
      this.#pinged = true;
      this.#say('net-ping-ok');
    } else if (event.type === 'ping-timeout' && !this.#pinged) this.#line('SELFTEST: net ping FAIL');
  }

  #say(marker: MarkerId, values: MarkerValues = {}): void {
    this.#line(renderMarker(CATALOGUE.get(marker), values));
  }

  #line(line: string): void {
    this.#transmits.push({ to: 'console', line });
  }
}

function policyOf(config: BringUpConfig): BringUpPolicy {
  switch (config.type) {
    case 'dhcp-only':
      return { type: 'dhcp-only' };
    case 'from-mac':
      return { type: 'from-mac', network: parsePrefix(config.network) };
    default: {
      const { address, prefixLength, gateway } = config;
      const own = { address: parseIpv4(address), prefixLength, ...(gateway !== undefined && { gateway: parseIpv4(gateway) }) };
      requireArgument(prefixLength >= 1 && prefixLength <= 30, `${formatIpv4(own.address)} has a prefix of 1..30 bits`);
      return config.type === 'static' ? { type: 'static', ...own } : { type: 'dhcp-then-static', lateLease: 'apply', ...own };
    }
  }
}
