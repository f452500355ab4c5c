import { nodeCrypto } from '@nexus-net/dsoftbus/crypto-node';
import { NexusMachine, packageImage } from '@nexus-net/guest';
import { Gateway } from '@nexus-net/lan';
import { ipv4, type Millis, NEVER, SeededEntropy } from '@nexus-net/sansio';
import type { Verdict } from '@nexus-net/verdict';
import { ADDRESS_PLAN } from '@nexus-net/wire';
import { describe, expect, test } from 'vitest';
import { checkWire, NEXUS, readRequest, type SmokeEvent, SmokeMachine, type WireName } from '../src/index.js';

interface Options {
  /** Frames that our station sends to the guest are lost. */
  readonly isUnasked?: boolean;
  /** The far side leases nothing and is otherwise as always. */
  readonly isWithoutDhcp?: boolean;
  /** What the guest sends beside its own frames, when it is told its configuration. */
  readonly forged?: readonly Uint8Array[];
}

/** Our guest, a gateway that is not the harness's, and the harness that only watches the cable between them. In virtual time. */
function run(wire: WireName, options: Options = {}): { readonly verdict: Verdict; readonly ports: ReadonlySet<string> } {
  const { isUnasked = false, isWithoutDhcp = false, forged = [] } = options;
  const request = readRequest(
    { REQUIRE_QEMU_DHCP: '1', REQUIRE_QEMU_DHCP_STRICT: '1' },
    { guest: NEXUS, dhcpServer: !isWithoutDhcp, wire },
  );
  const entropy = new SeededEntropy(1);
  const smoke = new SmokeMachine({ request, entropy: entropy.fork('smoke') });
  const dns = { hosts: [{ name: 'localhost', addresses: [ipv4(127, 0, 0, 1)] }] };
  const far = new Gateway({ entropy: entropy.fork('far'), dns, ...(isWithoutDhcp && { dhcp: 'off' }) });
  let nexus: NexusMachine | undefined;
  let verdict: Verdict | undefined;
  let now: Millis = 0;
  const ports = new Set<string>();
  const say = (text: string): void => smoke.handleConsole(now, new TextEncoder().encode(text));
  const cross = (frame: Uint8Array): void => {
    smoke.handleFrame(now, frame);
    far.handleFrame(now, frame);
  };
  const pump = (): void => {
    for (let moved = true; moved; ) {
      moved = false;
      for (let out = smoke.pollTransmit(); out !== undefined; out = smoke.pollTransmit()) {
        moved = true;
        if (out.to === 'wire' && !isUnasked) nexus?.handleFrame(now, out.frame);
        // QEMU's own stack opens the connection, from the gateway's address.
        if (out.to === 'listener') far.exchange(now, { address: ADDRESS_PLAN.smoke.guest, port: ADDRESS_PLAN.ports.listenProbe });
        if (out.to !== 'console') continue;
        const config = JSON.parse(new TextDecoder().decode(out.bytes));
        nexus = new NexusMachine({ config, entropy: entropy.fork('guest'), bus: { crypto: nodeCrypto, packageImage: IMAGE } });
        say('\n');
        for (const frame of forged) cross(frame);
        nexus.start(now);
      }
      for (let out = nexus?.pollTransmit(); out !== undefined; out = nexus?.pollTransmit()) {
        moved = true;
        if (out.to === 'wire') cross(out.frame);
        else if (out.to === 'console') say(`${out.line}\n`);
      }
      for (let frame = far.pollTransmit(); frame !== undefined; frame = far.pollTransmit()) {
        moved = true;
        smoke.handleFrame(now, frame, undefined, 'netdev');
        nexus?.handleFrame(now, frame);
      }
      for (let event = far.pollEvent(); event !== undefined; event = far.pollEvent())
        if (event.type === 'exchange') smoke.handleReached(now, event.outcome.passed);
      for (let event: SmokeEvent | undefined = smoke.pollEvent(); event !== undefined; event = smoke.pollEvent()) {
        if (event.type === 'frame' && event.observed.port !== undefined) ports.add(event.observed.port);
        if (event.type === 'verdict') verdict = event.verdict;
      }
    }
  };
  smoke.start(now);
  say('nexus> ');
  pump();
  for (let step = 0; verdict === undefined && step < 100_000; step++) {
    now = Math.min(smoke.nextTimeout(), far.nextTimeout(), nexus?.nextTimeout() ?? NEVER);
    nexus?.handleTimeout(now);
    far.handleTimeout(now);
    smoke.handleTimeout(now);
    pump();
  }
  if (verdict === undefined) throw new Error('no verdict');
  return { verdict, ports };
}

const IMAGE = packageImage({ 'ro.product.name': 'virtual' });

/** A broadcast ARP request of the guest's card under an address that is not its own. */
function claiming(address: string): Uint8Array {
  const mac = '525400123456';
  return Uint8Array.from(Buffer.from(`ffffffffffff${mac}08060001080006040001${mac}${address}0000000000000a00020f`, 'hex'));
}

describe.each(['user', 'tap'] as const)('the wire %s, which is only watched', (wire) => {
  test('passes the strictest gate with the same facts, each marker proven by frames', () => {
    const { verdict, ports } = run(wire);
    expect([verdict.outcome, verdict.failure?.message]).toEqual(['passed', undefined]);
    const unproven = verdict.markers.filter(({ evidence }) => evidence !== 'proven').map(({ id }) => id);
    expect(unproven).toEqual(['netstackd-ready']);
    expect([...ports].sort()).toEqual(['gateway', 'guest', 'neighbour']);
  });

  test('a guest that nobody outside could find has not shown a usable interface', () => {
    expect(run(wire, { isUnasked: true }).verdict.failure).toMatchObject({ phase: 'iface', cause: 'unproven-marker' });
  });

  test('without a DHCP server the gate fails in its phase, for that reason', () => {
    expect(run(wire, { isWithoutDhcp: true }).verdict.failure).toMatchObject({ phase: 'dhcp', cause: 'no-dhcp-offer' });
  });

  test.each([
    ['the gateway, before it has said a word', '0a000202'],
    ['its DNS address', '0a000203'],
    ['our station', '0a000264'],
  ])('a guest that speaks as %s is found out', (_who, address) => {
    expect(run(wire, { forged: [claiming(address)] }).verdict.failure).toMatchObject({ cause: 'wire-violation' });
  });
});

describe('what a wire can’t show is refused before anything boots', () => {
  const request = (wire: WireName, environment = {}, dhcpServer = true): ReturnType<typeof readRequest> =>
    readRequest(environment, { guest: NEXUS, dhcpServer, wire });
  const DHCP = { REQUIRE_QEMU_DHCP: '1' };

  test('QEMU’s user network can’t be without a DHCP server', async () => {
    await expect(checkWire(request('user', {}, false))).rejects.toThrow('QEMU’s user network always leases');
  });

  test('nor answer DNS where this machine’s resolver does not', async () => {
    const resolve = (): Promise<never> => Promise.reject(Object.assign(new Error('no'), { code: 'ENOTFOUND' }));
    await expect(checkWire(request('user', DHCP), { resolve })).rejects.toThrow(
      'the profile dhcp demands DNS, QEMU’s user network hands queries to the resolver of this machine, and that has no address for ‘localhost’ (ENOTFOUND)',
    );
  });

  test('a profile without DNS asks no resolver, and one with it is content with an answer', async () => {
    const asked: string[] = [];
    const resolve = async (name: string): Promise<void> => void asked.push(name);
    await checkWire(request('user'), { resolve });
    expect(asked).toEqual([]);
    await checkWire(request('user', DHCP), { resolve });
    expect(asked).toEqual(['localhost']);
    await checkWire(request('embedded', DHCP, false), { resolve });
    expect(asked).toEqual(['localhost']);
  });
});
