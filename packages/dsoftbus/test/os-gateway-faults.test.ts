import { fromHex } from '@nexus-net/sansio';
import { describe, expect, test } from 'vitest';
import { encodeBnList } from '../src/os/gateway/bn.js';
import { OS_SERVICE_KIND, type OsAnswer, OsGateway } from '../src/os/gateway/gateway.js';
import { InMemoryPackagefs, InMemoryStatefs } from '../src/os/gateway/in-memory.js';
import { encodePkRequest, PK_STATUS } from '../src/os/gateway/pk.js';
import type { OsCaller, OsServices } from '../src/os/gateway/services.js';
import { encodeSfRequest, SF_STATUS, type SfRequest } from '../src/os/gateway/sf.js';
import { encodeSmResolve } from '../src/os/gateway/sm.js';
import { recordedServices } from './support/os/nodes.js';

const CALLER: OsCaller = { type: 'remote', deviceId: 'node-a' };
const { samgrd, bundlemgrd, packagefsd, statefsd } = OS_SERVICE_KIND;

function gateway(services: OsServices = recordedServices()): OsGateway {
  return new OsGateway({ services, caller: CALLER });
}

const sf = (request: SfRequest, nonce?: bigint): Uint8Array => encodeSfRequest({ request, nonce });
const put = (key: string, value = Uint8Array.of(1)): Uint8Array => sf({ op: 'put', key, value });
const stat = (path: string): Uint8Array => encodePkRequest({ op: 'stat', path });
const NOTHING = new Uint8Array(0);
const DENIED = { status: 1, payload: NOTHING };

describe('kinds without a rule', () => {
  test('fault/P01 an unknown service, and every operation but the listed one: denied, audited, one constant answer', () => {
    const answers = [
      gateway().handle(0, NOTHING),
      gateway().handle(5, encodeSmResolve('samgrd')),
      gateway().handle(255, NOTHING),
      gateway().handle(samgrd, fromHex('534d01010a030000000400000062756e646c656d677264')), // REGISTER
      gateway().handle(samgrd, fromHex('534d01020673616d677264')), // LOOKUP
      gateway().handle(bundlemgrd, fromHex('424e0102')),
      gateway().handle(bundlemgrd, new Uint8Array(200)),
    ];
    for (const answer of answers) expect(answer).toMatchObject({ ...DENIED, audit: { decision: 'denied', caller: CALLER } });
    expect(answers.map(({ audit }) => audit.denial)).toEqual([
      'unknown-service',
      'unknown-service',
      'unknown-service',
      ...Array.from({ length: 4 }, () => 'operation-not-allowed'),
    ]);
  });

  test('each request has one answer and one audit, whatever its octets', () => {
    const one = gateway();
    const odd: number[] = [];
    for (let kind = 0; kind < 256; kind++)
      for (const length of [0, 3, 4, 256, 257]) {
        const { payload, audit } = one.handle(kind, new Uint8Array(length).fill(0x53));
        if (payload.length > 512 || audit.kind !== kind) odd.push(kind);
      }
    expect(odd).toEqual([]);
  });
});

const TRAVERSALS = ['..', '%2e%2e/a', 'a/..', 'a/./b', 'a//b', 'a/', '/a', 'a\\b', 'a\0b', '../a', 'a/../../b'];

test.each(TRAVERSALS)('fault/P02 the path %j reaches nothing', (path) => {
  const asked: string[] = [];
  const packagefs = {
    resolve: (canonical: string) => {
      asked.push(canonical);
      return 'not-found' as const;
    },
  };
  const { payload } = gateway({ packagefs }).handle(packagefsd, stat(`pkg:/${path}`));
  // Encoded dots are a name like any other: nothing is decoded, so that it is the name that the service sees.
  const isName = path.startsWith('%');
  expect([payload[4], asked]).toEqual(isName ? [PK_STATUS.notFound, [path]] : [PK_STATUS.traversal, []]);
});

test.each([
  '/state/shared/../x',
  '/state/shared//x',
  '/state/shared/./x',
  '/state/shared/x\\y',
  '/state/shared/x\0',
  '/state/shared/..',
])('fault/P02 the key %j is refused before the access list is asked', (key) => {
  expect(gateway().handle(statefsd, put(key))).toMatchObject({
    payload: Uint8Array.of(0x53, 0x46, 1, 0x81, SF_STATUS.invalidKey),
    audit: { decision: 'denied', detail: 'prefix-escape' },
  });
});

test('fault/P03 the services are told who asks: the device of the session, never this node', () => {
  const callers: OsCaller[] = [];
  const spy = {
    handle: (_frame: Uint8Array, caller: OsCaller) => {
      callers.push(caller);
      return NOTHING;
    },
  };
  const one = gateway({ samgr: spy, bundlemgr: spy });
  one.handle(samgrd, encodeSmResolve('samgrd'));
  one.handle(bundlemgrd, encodeBnList());
  expect(callers).toEqual([CALLER, CALLER]);
});

test('fault/P04 a name in the payload is data: a key or path that says who sent it changes no right', () => {
  const statefs = new InMemoryStatefs();
  const answer = gateway({ statefs }).handle(statefsd, put('/state/keystored/identity'));
  expect(answer).toMatchObject({ audit: { caller: CALLER, decision: 'denied', detail: 'outside-acl' } });
  expect(statefs.changes).toBe(0);
});

test('fault/P05 what is longer than a record, a key, a value or a path may be: refused before it is read', () => {
  const one = gateway();
  expect(one.handle(packagefsd, new Uint8Array(1_000_000))).toMatchObject({ ...DENIED, audit: { denial: 'oversized' } });
  expect(one.handle(statefsd, put(`/state/shared/${'k'.repeat(90)}`)).payload[4]).toBe(SF_STATUS.valueTooLarge);
  expect(one.handle(statefsd, put('/state/shared/k', new Uint8Array(129))).payload[4]).toBe(SF_STATUS.valueTooLarge);
  expect(one.handle(packagefsd, fromHex('504b0101ffff')).payload[4]).toBe(PK_STATUS.oversized);
  expect(one.handle(statefsd, sf({ op: 'list', prefix: '/state/shared/', limit: 65 })).payload[4]).toBe(SF_STATUS.valueTooLarge);
});

test('fault/P06 a reply that doesn’t fit: a typed failure, nothing is cut', () => {
  const statefs = new InMemoryStatefs();
  statefs.put('/state/shared/long', new Uint8Array(600));
  const get = gateway({ statefs }).handle(statefsd, sf({ op: 'get', key: '/state/shared/long' }));
  expect(get.payload).toEqual(Uint8Array.of(0x53, 0x46, 1, 0x82, SF_STATUS.valueTooLarge, 0, 0, 0, 0));
  const endless = { handle: () => new Uint8Array(513) };
  expect(gateway({ bundlemgr: endless }).handle(bundlemgrd, encodeBnList())).toMatchObject({
    ...DENIED,
    audit: { detail: 'reply-oversized', outcome: { answered: false } },
  });
  for (let i = 0; i < 64; i++) statefs.put(`/state/shared/${'k'.repeat(60)}${i}`, NOTHING);
  const list = gateway({ statefs }).handle(statefsd, sf({ op: 'list', prefix: '/state/shared/', limit: 64 }));
  expect(list.payload.length).toBeLessThanOrEqual(512);
});

test.each([
  ['two STATs', packagefsd, '504b01010500706b673a2f504b01010500706b673a2f', PK_STATUS.badRequest],
  ['a READ with an octet behind', packagefsd, '504b0103010000000000000001000000', PK_STATUS.badRequest],
  ['two GETs', statefsd, '5346010201006153460102010061', SF_STATUS.malformed],
  ['a length that lies', statefsd, '534601020500616263', SF_STATUS.malformed],
])('fault/P07 %s in one frame: refused as a whole', (_what, kind, hex, status) => {
  const answer = gateway().handle(kind, fromHex(hex));
  expect([answer.payload[4], answer.audit.decision]).toEqual([status, 'denied']);
});

test('fault/P08 a service that is taken away answers no further request, and an open file keeps what it had', () => {
  const services: { packagefs?: InMemoryPackagefs; statefs?: InMemoryStatefs } = {
    packagefs: new InMemoryPackagefs({ a: Uint8Array.of(1) }),
    statefs: new InMemoryStatefs(),
  };
  const one = gateway(services);
  expect(one.handle(statefsd, put('/state/shared/k')).payload[4]).toBe(SF_STATUS.ok);
  delete services.statefs;
  expect(one.handle(statefsd, put('/state/shared/k'))).toMatchObject({
    payload: Uint8Array.of(0x53, 0x46, 1, 0x81, SF_STATUS.io),
    audit: { outcome: { answered: false } },
  });
});

test('fault/P09 no kind and no operation takes an address: a remote peer can make this node dial nobody', () => {
  const names = ['127.0.0.1:80', '169.254.169.254', 'http://10.42.0.10:34567/'];
  for (const name of names) {
    expect(gateway().handle(samgrd, encodeSmResolve(name)).payload[4]).toBe(1); // not found: a name like any other
    expect(gateway().handle(packagefsd, stat(name)).payload[4]).toBe(PK_STATUS.scheme);
  }
});

test('fault/P10 outside of what may be touched, absent and present keys have the same answer', () => {
  const statefs = new InMemoryStatefs();
  statefs.put('/state/private/secret', Uint8Array.of(1));
  const answer = (key: string): OsAnswer => gateway({ statefs }).handle(statefsd, sf({ op: 'get', key }));
  expect(answer('/state/private/secret')).toEqual(answer('/state/private/absent'));
});

test.each(['__proto__', 'constructor', 'toString'])('fault/P11 %s is a name and a key like any other', (name) => {
  const statefs = new InMemoryStatefs();
  const one = gateway({ ...recordedServices(), statefs });
  expect(one.handle(samgrd, encodeSmResolve(name)).payload[4]).toBe(1);
  expect(one.handle(packagefsd, stat(`pkg:/${name}`)).payload[4]).toBe(PK_STATUS.notFound);
  expect(one.handle(statefsd, sf({ op: 'get', key: `/state/shared/${name}` })).payload[4]).toBe(SF_STATUS.notFound);
  expect(one.handle(statefsd, put(`/state/shared/${name}`, Uint8Array.of(9))).payload[4]).toBe(SF_STATUS.ok);
  expect(statefs.get(`/state/shared/${name}`)).toEqual({ status: 0, value: Uint8Array.of(9) });
});

test('fault/P12 rules are prefixes and equal texts: the longest hostile name costs what any name costs', () => {
  const hostile = `${'a'.repeat(91)}!`;
  expect(gateway().handle(statefsd, put(hostile)).audit.detail).toBe('outside-acl');
  expect(gateway().handle(packagefsd, stat(`pkg:/${'a/'.repeat(93)}!`)).payload[4]).toBe(PK_STATUS.notFound);
});

test('fault/P13 the text that was checked is the text that the service gets', () => {
  const seen: string[] = [];
  const statefs = new InMemoryStatefs();
  const spy = Object.assign(Object.create(statefs) as InMemoryStatefs, {
    put: (key: string) => {
      seen.push(key);
      return { status: 0 };
    },
  });
  const frame = put('/state/shared/key');
  gateway({ statefs: spy }).handle(statefsd, frame);
  frame.fill(0x2e); // the caller's octets are its own again
  expect(seen).toEqual(['/state/shared/key']);
});

test('fault/P14 eight open files a session, and every request is answered before the next is looked at', () => {
  const services = { packagefs: new InMemoryPackagefs({ a: Uint8Array.of(1) }) };
  const greedy = gateway(services);
  const statuses = Array.from(
    { length: 1_000 },
    () => greedy.handle(packagefsd, encodePkRequest({ op: 'open', path: 'pkg:/a' })).payload[4],
  );
  expect(statuses.filter((status) => status === PK_STATUS.ok)).toHaveLength(8);
  expect(greedy.openCount).toBe(8);
  const other = gateway(services);
  expect(other.handle(packagefsd, encodePkRequest({ op: 'open', path: 'pkg:/a' })).payload[4]).toBe(PK_STATUS.ok);
});
