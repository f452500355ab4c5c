import { SeededEntropy } from '@nexus-net/sansio';
import type { Verdict } from '@nexus-net/verdict';
import { expect, test } from 'vitest';
import { readRequest, type SmokeEvent, SmokeMachine } from '../src/index.js';
import { DHCP_ONLY, runVirtual, VIRTUAL_GUEST } from './support/virtual-guest.js';

const environment = { REQUIRE_QEMU_DHCP: '1' };
const MARKERS = [
  'netstackd: ready',
  'net: virtio-net up',
  'net: dhcp bound 10.0.2.15/24 gw=10.0.2.2',
  'net: smoltcp iface up 10.0.2.15',
  'SELFTEST: net ping ok',
];

/** Every frame of an honest run, those of the gateway too. */
function honestFrames(): Uint8Array[] {
  const { events, verdict } = runVirtual(readRequest(environment, { guest: VIRTUAL_GUEST, dhcpServer: true }), {
    policy: DHCP_ONLY,
  });
  expect(verdict.outcome).toBe('passed');
  return events.flatMap((event) => (event.type === 'frame' ? [event.observed.bytes] : []));
}

/** A guest that prints the ladder and sends both sides of the conversation itself, on a wire where nobody leases anything. */
function verdictOfForgery(change: (frame: Uint8Array) => Uint8Array): Verdict {
  const request = readRequest(environment, { guest: VIRTUAL_GUEST, dhcpServer: false });
  const smoke = new SmokeMachine({ request, entropy: new SeededEntropy(1) });
  const verdicts: Verdict[] = [];
  const drain = (): void => {
    while (smoke.pollTransmit() !== undefined);
    for (let event: SmokeEvent | undefined = smoke.pollEvent(); event !== undefined; event = smoke.pollEvent())
      if (event.type === 'verdict') verdicts.push(event.verdict);
  };
  smoke.start(0);
  for (const frame of honestFrames()) smoke.handleFrame(10, change(frame));
  for (const line of MARKERS) smoke.handleConsole(20, new TextEncoder().encode(`${line}\n`));
  drain();
  for (let at = smoke.nextTimeout(); Number.isFinite(at) && verdicts.length === 0; at = smoke.nextTimeout()) {
    smoke.handleTimeout(at);
    drain();
  }
  return verdicts[0] as Verdict;
}

const GATEWAY_MAC = [0x52, 0x55, 0x0a, 0x00, 0x02, 0x02];
const comesFrom = (frame: Uint8Array, mac: readonly number[]): boolean => mac.every((octet, i) => frame[6 + i] === octet);

test('a guest that plays the gateway as well, under the gateway’s own link address, fails', () => {
  expect(verdictOfForgery((frame) => frame).failure).toMatchObject({ cause: 'wire-violation' });
});

test('… and under a link address that nobody has', () => {
  const disguised = verdictOfForgery((frame) => {
    if (!comesFrom(frame, GATEWAY_MAC)) return frame;
    const changed = frame.slice();
    changed.set([0x02, 0, 0, 0, 0, 0x77], 6);
    if (changed[12] === 0x08 && changed[13] === 0x06) changed.set([0x02, 0, 0, 0, 0, 0x77], 22); // the sender in ARP
    return changed;
  });
  expect(disguised.failure).toMatchObject({ cause: 'wire-violation' });
});

test('… and with its DHCP replies under an address of its own', () => {
  const disguised = verdictOfForgery((frame) => {
    if (!comesFrom(frame, GATEWAY_MAC)) return frame;
    if (frame[23] !== 17) return Uint8Array.of(...frame.slice(0, 12), 0x88, 0xb5); // only DHCP is forged, the rest says nothing
    const changed = frame.slice();
    changed.set([0x02, 0, 0, 0, 0, 0x77], 6);
    // Source 10.0.2.77 for 10.0.2.2: one word of the header less, so its checksum is that much less; UDP without one.
    changed[29] = 77;
    const sum = (((changed[24] as number) << 8) | (changed[25] as number)) - 75;
    changed[24] = (sum >> 8) & 0xff;
    changed[25] = sum & 0xff;
    changed[40] = 0;
    changed[41] = 0;
    return changed;
  });
  expect(disguised.failure).toMatchObject({ cause: 'wire-violation' });
});
