import { readdirSync, readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import * as sansio from '../src/index.js';
import { NEVER, parseIpv4, SeededEntropy, UsageError } from '../src/index.js';
import { Beacon } from './support/beacon.js';
import { run } from './support/beacon-run.js';

const read = (path: string): string => readFileSync(new URL(`../${path}`, import.meta.url), 'utf8');
const readme = read('README.md');

test('the README shows the example that is tested', () => {
  const shown = [...readme.matchAll(/```ts\n(.*?)```/gs)].map(([, code]) => code);
  expect(shown).toEqual([read('test/support/beacon.ts'), read('test/support/beacon-run.ts')]);
});

test('the README names all exports and no others', () => {
  const exported = readdirSync(new URL('../src', import.meta.url))
    .flatMap((file) => [...read(`src/${file}`).matchAll(/^export (?:abstract )?(?:class|const|function|interface|type) (\w+)/gm)])
    .map(([, name]) => name as string);
  const table = readme.slice(readme.indexOf('## Exports'), readme.indexOf('\nAddresses are numbers'));
  const named = [...table.matchAll(/`(\w+)`/g)].map(([, name]) => name as string);
  expect(named.filter((name) => !['fork', 'overrun', 'overflow'].includes(name)).sort()).toEqual(exported.sort());
  expect(exported).toEqual(expect.arrayContaining(Object.keys(sansio)));
});

test('two beacons meet at time zero and go on saying hello', () => {
  expect(run(10_000)).toMatchInlineSnapshot(`
    [
      "0 10.0.2.15 hello",
      "0 10.0.2.16 hello",
      "0 10.0.2.15 peer-seen 10.0.2.16",
      "0 10.0.2.16 peer-seen 10.0.2.15",
      "4551 10.0.2.16 hello",
      "4924 10.0.2.15 hello",
      "9201 10.0.2.16 hello",
      "9490 10.0.2.15 hello",
    ]
  `);
});

const options = {
  local: { address: parseIpv4('10.0.2.15'), port: 4000 },
  group: { address: parseIpv4('224.0.0.100'), port: 4000 },
  entropy: new SeededEntropy(1),
  intervalMs: 100,
  peerCountMax: 1,
};
const hello = (text: string, payload = Uint8Array.of(0x48)): sansio.Datagram => ({
  source: { address: parseIpv4(text), port: 4000 },
  destination: options.group,
  payload,
});

test('the example keeps the contract: late and double calls, time backwards, rejects, limits, misuse', () => {
  const beacon = new Beacon(options);
  expect(beacon.nextTimeout()).toBe(NEVER);
  beacon.start(1_000);
  beacon.start(1_000);
  beacon.handleTimeout(0); // backwards: still 1 000
  expect(beacon.pollTransmit()).toBeDefined();
  expect(beacon.pollTransmit()).toBeUndefined();
  beacon.handleDatagram(1_010, hello('10.0.2.16'));
  beacon.handleDatagram(1_010, hello('10.0.2.16'));
  beacon.handleDatagram(1_010, hello('10.0.2.17'));
  beacon.handleDatagram(1_010, hello('10.0.2.18', new Uint8Array(0)));
  expect(beacon.inspect()).toMatchObject({ peers: 1, rejects: { 'bad-hello': 1, 'too-many-peers': 1 } });
  beacon.handleTimeout(9_000); // very late: one hello, one loss
  beacon.handleTimeout(9_000);
  expect([beacon.pollTransmit()?.payload, beacon.pollTransmit()]).toEqual([Uint8Array.of(0x48), undefined]);
  expect([beacon.pollEvent()?.type, beacon.pollEvent()?.type, beacon.pollEvent()]).toEqual(['peer-seen', 'peer-lost', undefined]);
  for (const wrong of [{ intervalMs: 9 }, { intervalMs: 10.5 }, { peerCountMax: 0 }])
    expect(() => new Beacon({ ...options, ...wrong })).toThrow(UsageError);
});
