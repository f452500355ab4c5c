import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Netstackd } from '@nexus-net/net-os';
import { type FrameMachine, MAC_BROADCAST, type Millis, NEVER, parseIpv4, SeededEntropy } from '@nexus-net/sansio';
import { encodeUdpFrame } from '@nexus-net/wire';
import { expect, test } from 'vitest';
import { missingOf } from './peers/support/installed.js';
import { KNOWN_VIOLATIONS, unknownViolations } from './peers/support/known-violations.js';
import { Lab } from './peers/support/lab.js';
import { CLIENT_MAC, FIRST, leased, SERVER_MAC, serve } from './peers/support/our-server.js';

test('the segment that real peers are tested on joins our machines on the real clock, and nobody breaks a rule', async () => {
  const lab = new Lab();
  try {
    serve(lab, 'server');
    const entropy = new SeededEntropy('lab');
    const machine = new Netstackd({ mac: CLIENT_MAC, entropy, policy: { type: 'dhcp-only' }, conflictCheck: false });
    lab.attach('client', machine).drive((each, now) => each.linkUp(now));
    expect(await leased(lab, 5_000)).toBe(FIRST);
    expect(unknownViolations(lab, {})).toEqual([]);
  } finally {
    await lab.close();
  }
});

test('a rule that is broken is seen, blamed on the port of the frame, and excused only for the peer that is known for it', async () => {
  const lab = new Lab();
  try {
    lab.attach('server', new Talker([noise(SERVER_MAC)])).drive((each, now) => each.handleTimeout(now));
    await lab.until('a violation', 2_000, () => lab.violations.length > 0);
    expect(unknownViolations(lab, { server: 'dnsmasq' })).toEqual([
      expect.stringMatching(/^server: dhcp\.malformed, frames 1: /),
    ]);
    const excused = { peer: 'babbler', rule: 'dhcp.malformed', why: 'planted' } as const;
    expect(unknownViolations(lab, { server: 'babbler' }, [...KNOWN_VIOLATIONS, excused])).toEqual([]);
    expect(unknownViolations(lab, { client: 'babbler' }, [excused])).toHaveLength(1);
  } finally {
    await lab.close();
  }
});

test('the documentation lists what each peer is known for', () => {
  const text = readFileSync(join(import.meta.dirname, '../../../docs/dhcp-peers.md'), 'utf8');
  const rows = [...text.matchAll(/^\| (\w+) +\| `([\w.-]+)` +\| (.+?) +\|$/gm)].map(([, peer, rule, why]) => ({
    peer,
    rule,
    why,
  }));
  expect(rows).toEqual(KNOWN_VIOLATIONS);
});

test('what does not happen in time is an error that says what', async () => {
  const lab = new Lab();
  await expect(lab.until('rain', 1, () => false)).rejects.toThrow('not within 1 ms: rain');
  await lab.close();
});

test('a program that is not installed is named', () => {
  expect(missingOf(['no-such-program'])).toMatch(/no-such-program|root|Linux|tun/);
});

/** No DHCP message, between its ports. */
function noise(source: typeof SERVER_MAC): Uint8Array {
  return encodeUdpFrame({
    link: { source, destination: MAC_BROADCAST },
    datagram: {
      source: { address: parseIpv4('10.77.0.1'), port: 67 },
      destination: { address: parseIpv4('255.255.255.255'), port: 68 },
      payload: Uint8Array.of(1, 2, 3),
    },
  });
}

/** Says what it was given, and nothing else. */
class Talker implements FrameMachine<never> {
  readonly #frames: Uint8Array[];

  constructor(frames: readonly Uint8Array[]) {
    this.#frames = [...frames];
  }

  handleFrame(): void {}

  handleTimeout(_now: Millis): void {}

  pollTransmit(): Uint8Array | undefined {
    return this.#frames.shift();
  }

  pollEvent(): undefined {
    return undefined;
  }

  nextTimeout(): Millis {
    return NEVER;
  }
}
