import type { Ipv4Address } from '@nexus-net/sansio';
import type { LadderOptions, WireContext } from '@nexus-net/verdict';
import { ADDRESS_PLAN } from '@nexus-net/wire';

/** What is at the other end of the guest's cable. */
export type WireName = 'embedded' | 'user' | 'tap';

/** The wires, for the help text and the check of unknown ones. */
export const WIRES: Readonly<Record<WireName, string>> = {
  embedded: 'our own gateway, in this process',
  user: 'QEMU’s user network, watched through its mirrors',
  tap: 'a TAP device of this host in a network namespace of its own, with the kernel and dnsmasq behind it; watched likewise',
};

export function isWireName(name: string): name is WireName {
  return Object.hasOwn(WIRES, name);
}

/**
 * Who asks for the guest from outside, where that isn't the gateway. Neither QEMU's user network nor a kernel asks for a guest when we
 * want to know whether it answers, so a station of ours does, beside them on the guest's cable. A port that QEMU forwards leads to the
 * guest from the gateway's own address: there the gateway itself connects.
 */
export function askersOf(wire: WireName = 'embedded'): Pick<WireContext, 'neighbour' | 'connector'> {
  const { neighbour } = ADDRESS_PLAN.smoke;
  switch (wire) {
    case 'embedded':
      return {};
    case 'user':
      return { neighbour };
    case 'tap':
      return { neighbour, connector: neighbour };
  }
}

/** On a wire that is only watched: the addresses that no guest may speak under, not even before their owner has spoken. */
export function guardedAddresses(context: LadderOptions['context']): readonly Ipv4Address[] {
  const contexts: readonly WireContext[] = isOne(context) ? [context] : Object.values(context);
  return contexts.flatMap(({ gateway, dnsServers = [], neighbour }) =>
    neighbour === undefined ? [] : [gateway, ...dnsServers, neighbour],
  );
}

function isOne(context: LadderOptions['context']): context is WireContext {
  return typeof context['guestMac'] === 'number';
}
