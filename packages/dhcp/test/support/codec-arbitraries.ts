import { type Ipv4Address, ipv4FromU32, prefixOf } from '@nexus-net/sansio';
import fc from 'fast-check';
import { ipv4Address } from '../../../sansio/test/support/arbitraries.js';
import {
  type ClientFqdn,
  type DhcpMessage,
  type DhcpOption,
  OPTIONS,
  type OptionName,
  RELAY_OPTIONS,
  type RelayOptionName,
  type ShapeName,
  type ShapeValue,
} from '../../src/index.js';

const u8 = fc.integer({ min: 0, max: 0xff });
const u16 = fc.integer({ min: 0, max: 0xffff });
const u32 = fc.integer({ min: 0, max: 0xffffffff });
const host: fc.Arbitrary<Ipv4Address> = fc.integer({ min: 1, max: 0xffffffff }).map(ipv4FromU32);
const hosts = fc.array(host, { minLength: 1, maxLength: 6 });
const octets = (minLength: number, maxLength = 40): fc.Arbitrary<Uint8Array> => fc.uint8Array({ minLength, maxLength });
const list = <T>(one: fc.Arbitrary<T>): fc.Arbitrary<T[]> => fc.array(one, { minLength: 1, maxLength: 5 });

const mask = fc.integer({ min: 1, max: 32 }).map((length) => ipv4FromU32(-1 << (32 - length)));
const text = fc
  .string({ unit: 'grapheme', minLength: 1, maxLength: 20 })
  .filter((value) => !/[\p{Cc}\p{Cs}]/u.test(value) && value !== '');
const hostLabel = fc.stringMatching(/^[a-z0-9_]([a-z0-9-]{0,10}[a-z0-9])?$/);
const hostName = fc.array(hostLabel, { minLength: 1, maxLength: 4 }).map((labels) => labels.join('.'));
/** Any octet in any label, written as the decoder writes it; few different ones, so that suffixes repeat. */
const label = fc.oneof(
  { weight: 4, arbitrary: fc.constantFrom('lab', 'example', 'corp', 'a', 'net', 'x'.repeat(63)) },
  { weight: 1, arbitrary: octets(1, 8).map((label) => Array.from(label, written).join('')) },
);
const domain = fc
  .array(label, { minLength: 1, maxLength: 5 })
  .filter((labels) => labels.reduce((sum, one) => sum + one.replaceAll(/\\\d{3}/g, '?').length + 1, 1) <= 255)
  .map((labels) => labels.join('.'));
const subOptions = list(fc.record({ code: fc.integer({ min: 1, max: 254 }), value: octets(0, 12) }));
const seconds = fc.oneof(fc.integer({ min: 0, max: 0xfffffffe }), fc.constant(Number.POSITIVE_INFINITY));

/** Values of each shape: those that `encode` takes and `decode` gives. */
export const SHAPE_VALUES: { readonly [S in ShapeName]: fc.Arbitrary<ShapeValue<S>> } = {
  address: ipv4Address,
  addresses: hosts,
  addressesOrNone: fc.array(host, { maxLength: 4 }),
  authentication: fc.record({ protocol: u8, algorithm: u8, replayMethod: u8, replay: octets(8, 8), information: octets(0, 20) }),
  classlessRoutes: fc.array(
    fc
      .tuple(ipv4Address, fc.integer({ min: 0, max: 32 }), ipv4Address)
      .map(([address, length, router]) => ({ prefix: prefixOf(address, length), router })),
    { minLength: 1, maxLength: 60 },
  ),
  clientFqdn: fc
    .record({
      updates: fc.constantFrom('server', 'none', 'client'),
      overridden: fc.boolean(),
      resultCodes: fc.tuple(u8, u8),
      name: fc.oneof(
        fc.record({ encoding: fc.constant('wire' as const), name: domain, qualified: fc.boolean() }),
        fc.record({ encoding: fc.constant('ascii' as const), name: hostName, qualified: fc.boolean() }),
        fc.record({ encoding: fc.constantFrom('wire', 'ascii'), name: fc.constant(''), qualified: fc.constant(false) }),
      ),
    })
    .map(({ updates, overridden, resultCodes, name }): ClientFqdn => {
      return { serverUpdates: updates === 'server', noUpdates: updates === 'none', overridden, resultCodes, ...name };
    }),
  clientIdentifier: fc.oneof(
    fc.record({ form: fc.constant('typed' as const), type: fc.integer({ min: 0, max: 254 }), id: octets(1) }),
    fc.record({ form: fc.constant('duid' as const), iaid: u32, duid: octets(3) }),
  ),
  codes: fc.uniqueArray(u8, { minLength: 1, maxLength: 40 }),
  counted16Texts: list(text),
  directoryAgents: fc.record({ mandatory: fc.boolean(), addresses: fc.array(host, { maxLength: 3 }) }),
  domainName: domain,
  domainNames: list(domain),
  encapsulated: subOptions,
  encryptedResolvers: list(
    fc.oneof(
      fc.record({ priority: u16, name: domain, addresses: hosts, parameters: octets(0, 10) }),
      fc.record({ priority: u16, name: domain, addresses: fc.constant([]), parameters: fc.constant(new Uint8Array(0)) }),
    ),
  ),
  enterpriseData: fc.uniqueArray(fc.record({ enterprise: u32, data: octets(0, 600) }), {
    minLength: 1,
    maxLength: 3,
    selector: ({ enterprise }) => enterprise,
  }),
  flag: fc.boolean(),
  hostName,
  i32: fc.integer({ min: -0x80000000, max: 0x7fffffff }),
  leaseQueryStatus: fc.record({ code: u8, message: fc.oneof(text, fc.constant('')) }),
  machineId: fc.oneof(
    fc.record({ type: fc.constant(0), id: octets(16, 16) }),
    fc.record({ type: fc.integer({ min: 1, max: 255 }), id: octets(1) }),
  ),
  mask,
  mtu: fc.integer({ min: 68, max: 0xffff }),
  mtuList: list(fc.integer({ min: 68, max: 0xffff })),
  netbiosNodeType: fc.constantFrom(1, 2, 4, 8),
  networkInterfaceId: fc.record({ type: u8, major: u8, minor: u8 }),
  opaque: octets(1, 300),
  policyFilters: list(fc.record({ destination: ipv4Address, mask: ipv4Address })),
  portParameters: fc.record({ offset: fc.integer({ min: 0, max: 15 }), psidLength: fc.integer({ min: 0, max: 16 }), psid: u16 }),
  positiveU8: fc.integer({ min: 1, max: 255 }),
  presence: fc.constant(true as const),
  reassemblySize: fc.integer({ min: 576, max: 0xffff }),
  resolverSelection: fc.record({
    preference: fc.integer({ min: 0, max: 3 }),
    primary: ipv4Address,
    secondary: ipv4Address,
    domains: list(domain),
  }),
  searchList: fc.array(domain, { minLength: 1, maxLength: 20 }),
  seconds,
  serverAddressSets: list(hosts),
  serviceScope: fc.record({ mandatory: fc.boolean(), scopes: text }),
  sipServers: fc.oneof(
    fc.record({ form: fc.constant('names' as const), names: list(domain) }),
    fc.record({ form: fc.constant('addresses' as const), addresses: hosts }),
  ),
  staticRoutes: list(fc.record({ destination: host, router: ipv4Address })),
  subnetSelector: fc.oneof(
    fc.record({ type: fc.constant(0), info: octets(1) }),
    fc.record({ type: fc.constant(1), info: octets(7, 7) }),
    fc.record({ type: fc.constant(255), info: octets(0, 0) }),
  ),
  subOptions,
  text,
  u8,
  u8List: fc.array(u8, { minLength: 1, maxLength: 8 }),
  u16,
  u16List: list(u16),
  u32,
  userClass: list(octets(1, 20)).map((classes) => ({ form: 'classes' as const, classes })),
};

/** A row of either table, with a value for it. */
export const TYPED: fc.Arbitrary<readonly [shape: ShapeName, value: unknown]> = fc
  .constantFrom<(OptionName | RelayOptionName)[]>(
    ...([...Object.keys(OPTIONS), ...Object.keys(RELAY_OPTIONS)] as (OptionName | RelayOptionName)[]),
  )
  .chain((name) => {
    const { shape } = { ...OPTIONS, ...RELAY_OPTIONS }[name];
    return (SHAPE_VALUES[shape] as fc.Arbitrary<unknown>).map((value) => [shape, value] as const);
  });

const value = fc.oneof({ weight: 8, arbitrary: octets(0, 12) }, { weight: 1, arbitrary: octets(200, 800) });

/** Options with each code once and without 52 and 53, small ones mostly. */
export const CODED: fc.Arbitrary<DhcpOption[]> = fc.uniqueArray(
  fc.record({ code: fc.integer({ min: 1, max: 254 }).filter((code) => code !== 52 && code !== 53), value }),
  { maxLength: 12, selector: ({ code }) => code },
);

/** Any message that the encoder takes and the decoder gives. */
export const MESSAGE: fc.Arbitrary<DhcpMessage> = fc.record({
  op: fc.constantFrom(1, 2),
  htype: u8,
  hlen: fc.integer({ min: 0, max: 16 }),
  hops: u8,
  xid: u32,
  secs: u16,
  flags: u16,
  ciaddr: ipv4Address,
  yiaddr: ipv4Address,
  siaddr: ipv4Address,
  giaddr: ipv4Address,
  chaddr: octets(16, 16),
  sname: fc.oneof(octets(64, 64), fc.constant(new Uint8Array(64))),
  file: fc.oneof(octets(128, 128), fc.constant(new Uint8Array(128))),
  options: fc
    .tuple(u8, CODED, fc.nat(12))
    .map(([type, coded, at]) => [...coded.slice(0, at), { code: 53, value: Uint8Array.of(type) }, ...coded.slice(at)]),
});

function written(octet: number): string {
  return /[!-~]/.test(String.fromCharCode(octet)) && octet !== 0x2e && octet !== 0x5c
    ? String.fromCharCode(octet)
    : `\\${String(octet).padStart(3, '0')}`;
}
