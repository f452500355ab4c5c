import { nodeCrypto } from '@nexus-net/dsoftbus/crypto-node';
import { type Millis, SeededEntropy } from '@nexus-net/sansio';
import { describe, expect, test } from 'vitest';
import { type DsoftbusConfig, NexusMachine, packageImage, readNexusConfig } from '../src/index.js';

/** What a guest prints of its bus, alone on its cable, within that time. */
function printed(dsoftbus: DsoftbusConfig, withinMs: Millis): string[] {
  const line = { node: 'a', mac: '52:54:00:12:34:0a', seed: '00'.repeat(32), proofs: [], dsoftbus };
  const config = readNexusConfig(JSON.stringify({ ...line, bringUp: { type: 'from-mac', network: '10.42.0.0/24' } }));
  const machine = new NexusMachine({ config, entropy: new SeededEntropy(1), bus: { crypto: nodeCrypto, packageImage: IMAGE } });
  machine.start(0);
  const lines: string[] = [];
  for (let now = 0; now <= withinMs; now = machine.nextTimeout()) {
    machine.handleTimeout(now);
    for (let out = machine.pollTransmit(); out !== undefined; out = machine.pollTransmit())
      if (out.to === 'console' && out.line.includes('dsoftbus')) lines.push(out.line);
  }
  return lines;
}

const IMAGE = packageImage({ 'ro.product.name': 'virtual' });

/** Typed by hand from the list of the OS's harness right after ADR-0025. */
const TWELVE = [
  'dsoftbusd: discovery up (udp loopback)',
  'dsoftbusd: discovery announce sent',
  'dsoftbusd: discovery peer found device=local',
  'dsoftbusd: os transport up (udp+tcp)',
  'dsoftbusd: session connect peer=node-b',
  'dsoftbusd: identity bound peer=node-b',
  'dsoftbusd: dual-node session ok',
  'dsoftbusd: ready',
  'dsoftbusd: auth ok',
  'dsoftbusd: os session ok',
  'SELFTEST: dsoftbus os connect ok',
  'SELFTEST: dsoftbus ping ok',
];

describe.each(['bus', 'os'] as const)('two nodes in one machine, dialect %s', (dialect) => {
  test('the twelve lines, in their order', () => {
    expect(printed({ dialect, mode: 'single' }, 3_000)).toEqual(TWELVE);
  });

  test('node-a has a wrong key for node-b: that is said, and nothing of a session', () => {
    const lines = printed({ dialect, mode: 'single', fault: 'wrong-peer-key' }, 5_000);
    expect(lines.at(-1)).toBe('dsoftbusd: identity mismatch peer=node-b');
    expect(lines.filter((line) => /identity bound|session ok|ready/.test(line))).toEqual([]);
  });
});
