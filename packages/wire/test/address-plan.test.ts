import { formatIpv4, formatMac, isHostAddress, isIpv4Multicast, isMacGroup, macToBytes } from '@nexus-net/sansio';
import { ADDRESS_PLAN } from '@nexus-net/wire';
import { expect, test } from 'vitest';
import { planRows, renderAddressPlan } from './support/address-plan-doc.js';

const { smoke, os2vm, ports } = ADDRESS_PLAN;

test('docs/address-plan.md is the generated text', async () => {
  await expect(renderAddressPlan()).toMatchFileSnapshot('../../../docs/address-plan.md');
});

test('the document has a row for every value of the plan', () => {
  expect(planRows().map(({ path }) => path)).toEqual(leaves(ADDRESS_PLAN));
});

test('the values that the guests are built with, typed by hand', () => {
  expect([smoke.gateway, smoke.dns, smoke.guest, os2vm.nodeA, os2vm.nodeB, os2vm.discoveryGroup].map(formatIpv4)).toEqual([
    '10.0.2.2',
    '10.0.2.3',
    '10.0.2.15',
    '10.42.0.10',
    '10.42.0.11',
    '239.42.0.1',
  ]);
  expect([smoke.gatewayMac, smoke.guestMac, os2vm.nodeAMac, os2vm.nodeBMac].map(formatMac)).toEqual([
    '52:55:0a:00:02:02',
    '52:54:00:12:34:56',
    '52:54:00:12:34:0a',
    '52:54:00:12:34:0b',
  ]);
  expect([ports.dhcpServer, ports.dhcpClient, ports.dns, ports.dsoftbusDiscovery]).toEqual([67, 68, 53, 37020]);
});

test('every address is a host of its network, the quiet one is outside the pool', () => {
  for (const address of [smoke.gateway, smoke.dns, smoke.guest, smoke.pool.first, smoke.pool.last, smoke.quiet])
    expect(isHostAddress(smoke.network, address)).toBe(true);
  for (const address of [os2vm.nodeA, os2vm.nodeB]) expect(isHostAddress(os2vm.network, address)).toBe(true);
  expect(smoke.quiet > smoke.pool.last || smoke.quiet < smoke.pool.first).toBe(true);
  expect(smoke.guest).toBe(smoke.pool.first);
  for (const owned of [smoke.gateway, smoke.dns]) expect(owned < smoke.pool.first || owned > smoke.pool.last).toBe(true);
  expect(isIpv4Multicast(os2vm.discoveryGroup)).toBe(true);
});

test('MACs are those of single hosts, and carry the last octet of the address between two guests', () => {
  for (const mac of [smoke.gatewayMac, smoke.guestMac, os2vm.nodeAMac, os2vm.nodeBMac]) expect(isMacGroup(mac)).toBe(false);
  expect(macToBytes(os2vm.nodeAMac)[5]).toBe(os2vm.nodeA & 0xff);
  expect(macToBytes(os2vm.nodeBMac)[5]).toBe(os2vm.nodeB & 0xff);
});

function leaves(value: object, path = ''): string[] {
  return Object.entries(value).flatMap(([key, inner]) => {
    const at = path === '' ? key : `${path}.${key}`;
    return typeof inner === 'object' && inner !== null ? leaves(inner, at) : [at];
  });
}
