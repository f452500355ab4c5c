import type { DhcpLease } from '@nexus-net/dhcp';
import { IPV4_ANY, type Ipv4Address, ipv4 as ip, NEVER, parsePrefix } from '@nexus-net/sansio';
import { describe, expect, test } from 'vitest';
import { leaseNetwork } from '../src/netstackd/lease-network.js';

const ROUTER = ip(10, 0, 2, 2);
const ANY = parsePrefix('0.0.0.0/0');

function lease(routes: readonly (readonly [string, Ipv4Address])[], fields: Partial<DhcpLease> = {}): DhcpLease {
  return {
    address: ip(10, 0, 2, 15),
    prefixLength: 24,
    server: ROUTER,
    routers: [],
    routes: routes.map(([prefix, router]) => ({ prefix: parsePrefix(prefix), router })),
    dnsServers: [ip(10, 0, 2, 3)],
    domainName: undefined,
    mtu: undefined,
    options: [],
    leaseMs: NEVER,
    renewMs: NEVER,
    rebindMs: NEVER,
    obtainedAt: 0,
    renewAt: NEVER,
    rebindAt: NEVER,
    expiresAt: NEVER,
    ...fields,
  };
}

const LIMITS = { routeCountMax: 64 };

describe('what the interface takes of a lease', () => {
  test('the first usable default route is the gateway; those after it stand for it', () => {
    const { config, refused } = leaseNetwork(
      lease([
        ['0.0.0.0/0', ip(10, 9, 9, 9)],
        ['0.0.0.0/0', ROUTER],
        ['0.0.0.0/0', ip(10, 0, 2, 4)],
      ]),
      LIMITS,
    );
    expect(config).toEqual({ address: ip(10, 0, 2, 15), prefixLength: 24, gateway: ROUTER });
    expect(refused).toEqual([{ part: 'route', prefix: ANY, router: ip(10, 9, 9, 9), reason: 'router' }]);
  });

  test('classless routes beside it', () => {
    const prefix = parsePrefix('192.0.2.0/24');
    const { config } = leaseNetwork(
      lease([
        ['192.0.2.0/24', ip(10, 0, 2, 9)],
        ['0.0.0.0/0', ROUTER],
      ]),
      LIMITS,
    );
    expect(config).toMatchObject({ gateway: ROUTER, routes: [{ prefix, router: ip(10, 0, 2, 9) }] });
  });

  test('a router that is on the link by a route of the same lease, in any order (RFC 3442)', () => {
    const cloud = ip(169, 254, 1, 1);
    const { config, refused } = leaseNetwork(
      lease(
        [
          ['0.0.0.0/0', cloud],
          ['169.254.1.1/32', IPV4_ANY],
        ],
        { prefixLength: 32 },
      ),
      LIMITS,
    );
    expect(config).toMatchObject({ gateway: cloud, routes: [{ prefix: parsePrefix('169.254.1.1/32'), router: IPV4_ANY }] });
    expect(refused).toEqual([]);
  });

  test.each([
    ['ourselves', ip(10, 0, 2, 15)],
    ['the broadcast address', ip(10, 0, 2, 255)],
    ['somebody off the link', ip(192, 0, 2, 1)],
  ])('%s is no router', (_, router) => {
    const { config, refused } = leaseNetwork(lease([['0.0.0.0/0', router]]), LIMITS);
    expect([config.gateway, config.routes]).toEqual([undefined, undefined]);
    expect(refused).toMatchObject([{ reason: 'router' }]);
  });

  test('fault/D04 what the policy refuses is told, and the rest installed: no halves of the Internet (CVE-2024-3661)', () => {
    const { config, refused } = leaseNetwork(
      lease([
        ['0.0.0.0/1', ROUTER],
        ['128.0.0.0/1', ROUTER],
        ['0.0.0.0/0', ROUTER],
      ]),
      {
        ...LIMITS,
        acceptRoute: ({ prefix }) => prefix !== parsePrefix('0.0.0.0/1') && prefix !== parsePrefix('128.0.0.0/1'),
      },
    );
    expect(config).toEqual({ address: ip(10, 0, 2, 15), prefixLength: 24, gateway: ROUTER });
    expect(refused.map((part) => (part.part === 'route' ? part.reason : part.part))).toEqual(['policy', 'policy']);
  });

  test('more routes than the host takes', () => {
    const routes = Array.from({ length: 5 }, (_, n) => [`192.0.${n}.0/24`, ROUTER] as const);
    const { config, refused } = leaseNetwork(lease(routes), { routeCountMax: 3 });
    expect(config.routes).toHaveLength(3);
    expect(refused).toMatchObject([{ reason: 'limit' }, { reason: 'limit' }]);
  });

  test.each([
    [1_400, { mtu: 1_400 }, []],
    [576, { mtu: 576 }, []],
    [575, {}, [{ part: 'mtu', mtu: 575 }]],
    [68, {}, [{ part: 'mtu', mtu: 68 }]],
  ])('an MTU of %i', (mtu, installed, refused) => {
    const network = leaseNetwork(lease([], { mtu }), LIMITS);
    expect(network).toMatchObject({ config: installed, refused });
    expect('mtu' in network.config).toBe('mtu' in installed);
  });
});
