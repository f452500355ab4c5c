import { connect } from 'node:net';
import { forwardedPort, type NicConfig, type QemuMachine } from '@nexus-net/qemu';
import { bytesEqual, formatIpv4, type Millis } from '@nexus-net/sansio';
import { ADDRESS_PLAN } from '@nexus-net/wire';
import type { GuestWire } from '../guest.js';

/** How the guest's card is plugged in, for each wire. */
export function cableOf(wire: GuestWire = { type: 'embedded' }): NonNullable<NicConfig['wire']> {
  switch (wire.type) {
    case 'embedded':
      return 'socketpair';
    case 'user':
      return { type: 'user', forward: `${formatIpv4(ADDRESS_PLAN.smoke.guest)}:${ADDRESS_PLAN.ports.listenProbe}` };
    case 'tap':
      return { type: 'tap', interface: wire.interface };
  }
}

/** The network namespace that QEMU has to run in, where it isn't ours. */
export function namespaceOf(wire: GuestWire = { type: 'embedded' }): { readonly namespace?: string } {
  return wire.type === 'tap' ? { namespace: wire.namespace } : {};
}

/**
 * Sends octets through the port that QEMU forwards, and waits until as many have come back or the connection ends. True where they are the
 * same. The proof is on the guest's cable; this only says whether to try again.
 */
export async function reachListener(machine: QemuMachine, octets: Uint8Array): Promise<boolean> {
  const port = await forwardedPort(machine).catch(() => undefined);
  if (port === undefined) return false;
  return new Promise((resolve) => {
    const returned: Uint8Array[] = [];
    const socket = connect({ host: '127.0.0.1', port });
    const end = (): void => {
      socket.destroy();
      resolve(bytesEqual(Uint8Array.from(returned.flatMap((part) => [...part])), octets));
    };
    socket.setTimeout(REACH_MS, end);
    socket.on('error', end);
    socket.on('end', end);
    socket.on('data', (part: Uint8Array) => {
      returned.push(part);
      if (returned.reduce((sum, { length }) => sum + length, 0) >= octets.length) end();
    });
    socket.write(octets);
  });
}

const REACH_MS: Millis = 2_000;
