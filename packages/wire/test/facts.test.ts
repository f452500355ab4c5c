import { ipv4, parseMac } from '@nexus-net/sansio';
import { describeFact, type Fact } from '@nexus-net/wire';
import { expect, test } from 'vitest';

const LEASED: Fact<'dhcp.leased'> = {
  kind: 'dhcp.leased',
  at: 1500,
  frames: [3, 4],
  client: parseMac('52:54:00:12:34:56'),
  server: ipv4(10, 0, 2, 2),
  address: ipv4(10, 0, 2, 15),
  xid: 7,
  leaseMs: 86_400_000,
  prefixLength: 24,
  router: ipv4(10, 0, 2, 2),
};

test('a lease: addresses are text, numbers stay numbers', () => {
  expect(describeFact(LEASED)).toEqual({
    kind: 'dhcp.leased',
    at: 1500,
    client: '52:54:00:12:34:56',
    server: '10.0.2.2',
    address: '10.0.2.15',
    xid: 7,
    leaseMs: 86_400_000,
    prefixLength: 24,
    router: '10.0.2.2',
  });
});

test('a lease without end survives JSON, absent details are absent', () => {
  const { prefixLength: _, router: __, ...rest } = LEASED;
  const description = describeFact({ ...rest, leaseMs: Number.POSITIVE_INFINITY });
  expect(description['leaseMs']).toBe('infinite');
  expect(Object.keys(description)).toEqual(['kind', 'at', 'client', 'server', 'address', 'xid', 'leaseMs']);
  expect(JSON.parse(JSON.stringify(description))).toEqual(description);
});

test('the same field name may be a MAC in one kind and an IPv4 address in another', () => {
  const answered: Fact = {
    kind: 'dns.answered',
    at: 0,
    frames: [1, 2],
    client: ipv4(10, 0, 2, 15),
    server: ipv4(10, 0, 2, 3),
    id: 0x1234,
    name: 'localhost',
    responseCode: 0,
  };
  expect(describeFact(answered)).toMatchObject({ client: '10.0.2.15', server: '10.0.2.3', name: 'localhost' });
  const refused: Fact = { kind: 'dhcp.refused', at: 0, frames: [1], client: LEASED.client, server: LEASED.server, xid: 1 };
  expect(describeFact(refused)).toMatchObject({ client: '52:54:00:12:34:56', server: '10.0.2.2' });
});

test('zero and the empty text are details too', () => {
  const fact: Fact = { kind: 'dhcp.discovered', at: 0, frames: [], client: parseMac('00:00:00:00:00:00'), xid: 0 };
  expect(describeFact(fact)).toEqual({ kind: 'dhcp.discovered', at: 0, client: '00:00:00:00:00:00', xid: 0 });
});
