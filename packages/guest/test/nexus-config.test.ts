import { describe, expect, test } from 'vitest';
import { readNexusConfig } from '../src/index.js';

const KEY = '0f'.repeat(32);
const CROSS_VM = {
  dialect: 'os',
  mode: 'cross-vm',
  self: 'node-b',
  identity: KEY,
  peer: { key: KEY, address: '10.42.0.10' },
};

function lineOf(dsoftbus: object, bringUp: object = { type: 'from-mac', network: '10.42.0.0/24' }): string {
  return JSON.stringify({ node: 'b', mac: '52:54:00:12:34:0b', seed: KEY, bringUp, proofs: [], dsoftbus });
}

describe('the bus in the line of configuration', () => {
  test('both modes are read as they are', () => {
    expect(readNexusConfig(lineOf(CROSS_VM)).dsoftbus).toEqual(CROSS_VM);
    const single = { dialect: 'bus', mode: 'single', fault: 'wrong-peer-key' };
    expect(readNexusConfig(lineOf(single, { type: 'dhcp-only' })).dsoftbus).toEqual(single);
  });

  test.each([
    [{ ...CROSS_VM, mode: 'both' }, 'mode is single or cross-vm'],
    [{ ...CROSS_VM, dialect: 'host' }, 'dialect is bus or os'],
    [{ ...CROSS_VM, self: 'node-c' }, 'self is node-a or node-b'],
    [{ ...CROSS_VM, self: undefined }, 'has no self'],
    [{ ...CROSS_VM, identity: KEY.toUpperCase() }, 'identity is 64 digits'],
    [{ ...CROSS_VM, peer: { address: '10.42.0.10' } }, 'key of the peer is 64 digits'],
    [{ ...CROSS_VM, peer: { key: KEY } }, 'peer has an address'],
    [{ ...CROSS_VM, peer: { ...CROSS_VM.peer, port: 1 } }, 'peer has a key port'],
    [{ ...CROSS_VM, fault: 'wrong-key' }, 'fault is wrong-peer-key'],
    [{ ...CROSS_VM, port: 1 }, 'has a key port'],
    [{ dialect: 'bus', mode: 'single', self: 'node-a' }, 'has a key self'],
  ])('%j is refused: %s', (dsoftbus, message) => {
    expect(() => readNexusConfig(lineOf(dsoftbus))).toThrow(message);
  });

  test('two machines need addresses that stay', () => {
    expect(() => readNexusConfig(lineOf(CROSS_VM, { type: 'dhcp-only' }))).toThrow('from-mac or static');
  });
});
