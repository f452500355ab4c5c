import { parseMac, SeededEntropy } from '@nexus-net/sansio';
import { describe, expect, test } from 'vitest';
import { Host } from '../src/index.js';
import { drainEvents, exchange, OUR_IP, ourHost, PEER_IP, PEER_MAC } from './support/wire.js';

describe('two hosts on one cable', () => {
  test('a ping is answered after ARP, and the round trip is the time that passed', () => {
    const a = ourHost();
    const b = new Host({ mac: PEER_MAC, entropy: new SeededEntropy('b') });
    b.configure(2_000, { address: PEER_IP, prefixLength: 24 });
    exchange(2_000, a, b);
    drainEvents(a);
    const id = a.ping(3_000, { destination: PEER_IP });
    exchange(3_007, a, b);
    expect(drainEvents(a)).toEqual([
      { type: 'arp-resolved', address: PEER_IP, mac: PEER_MAC },
      { type: 'ping-reply', id, from: PEER_IP, roundTripMs: 7 },
    ]);
    expect(b.inspect().neighbours.known).toMatchObject([{ address: '10.1.0.1', mac: '02:00:00:00:00:01' }]);
    expect(b.owns(PEER_IP) && a.owns(OUR_IP) && a.mac === parseMac('02:00:00:00:00:01')).toBe(true);
  });
});
