import { type Millis, parseIpv4 } from '@nexus-net/sansio';
import { dissect } from '@nexus-net/wire';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { property } from '../../sansio/test/support/law.js';
import { runs } from '../../sansio/test/support/runs.js';
import { DHCP_RULES, DhcpWitness, type DhcpWitnessOptions } from '../src/index.js';
import { correctScene } from './support/correct-scene.js';
import { Director, observe, SCENE_SERVER } from './support/scene.js';
import { SERVER } from './support/server-lab.js';

const SCENE = correctScene().frames();

interface Frame {
  readonly at: Millis;
  readonly bytes: Uint8Array;
}

/** Frames of the scene in any order, with holes and flipped octets, and octets that are no frames at all. */
const frames: fc.Arbitrary<readonly Frame[]> = fc
  .array(
    fc.oneof(
      {
        weight: 9,
        arbitrary: fc
          .record({
            index: fc.nat({ max: SCENE.length - 1 }),
            edits: fc.array(fc.tuple(fc.nat({ max: 400 }), fc.nat({ max: 255 })), { maxLength: 3 }),
            cut: fc.option(fc.nat({ max: 400 }), { freq: 8 }),
          })
          .map(({ index, edits, cut }) => {
            const bytes = SCENE[index]!.bytes.slice(0, cut ?? undefined);
            for (const [at, value] of edits) if (at < bytes.length) bytes[at] = value;
            // A checksum that is not computed: the edits below it are read.
            if (bytes.length > 42 && bytes[23] === 17) bytes.fill(0, 40, 42);
            return bytes;
          }),
      },
      { weight: 1, arbitrary: fc.uint8Array({ maxLength: 80 }) },
    ),
    { maxLength: 30 },
  )
  .chain((list) =>
    fc.array(fc.integer({ min: 0, max: 400_000 }), { minLength: list.length, maxLength: list.length }).map((waits) => {
      let at = 0;
      return list.map((bytes, i) => ({ at: (at += waits[i] as number), bytes }));
    }),
  );

type Watch = (frames: readonly Frame[]) => ReturnType<typeof observe>;

property('whatever frames come, the witness reads them all, and says only what its table says', {
  law: (watch: Watch) =>
    fc.property(frames, (frames) => {
      const { facts, violations } = watch(frames);
      return (
        violations.every(
          ({ rule, reference, frames: proof }) =>
            DHCP_RULES[rule as keyof typeof DHCP_RULES]?.reference === reference &&
            proof.every((n, i) => n >= 1 && n <= frames.length && (i === 0 || n > (proof[i - 1] as number))),
        ) && facts.every(({ frames: proof }) => proof.every((n) => n >= 1 && n <= frames.length))
      );
    }),
  real: (frames) => observe(frames),
  planted: {
    'it throws on a short frame': (frames) => {
      if (frames.some(({ bytes }) => bytes.length < 14)) throw new Error('short');
      return observe(frames);
    },
    'it counts frames from 0': (frames) => {
      const { facts, violations } = observe(frames);
      return { facts, violations: violations.map((v) => ({ ...v, frames: v.frames.map((n) => n - 1) })) };
    },
  },
  count: 60,
});

property('equal frames give equal facts and violations, and the frames are left alone', {
  law: (watch: Watch) =>
    fc.property(frames, (frames) => {
      const before = frames.map(({ bytes }) => bytes.slice());
      const first = watch(frames);
      const second = watch(frames.map(({ at, bytes }) => ({ at, bytes: Uint8Array.from(bytes) })));
      expect(second).toEqual(first);
      expect(frames.map(({ bytes }) => bytes)).toEqual(before);
    }),
  real: (frames) => observe(frames),
  planted: {
    'it remembers the run before': (() => {
      const witness = new DhcpWitness();
      return (frames: readonly Frame[]) => observe(frames, witness);
    })(),
    'it writes into a frame': (frames) => {
      const result = observe(frames);
      frames[0]?.bytes.fill(7);
      return result;
    },
  },
  count: 20,
});

interface Life {
  readonly client: number;
  readonly wait: Millis;
  readonly renewals: number;
  readonly end: 'release' | 'expire' | 'decline';
  readonly flags: number;
}

/** Clients that keep the rules, against our own server: whatever they do, nothing is held against them. */
const lives: fc.Arbitrary<readonly Life[]> = fc.array(
  fc.record({
    client: fc.integer({ min: 0, max: 3 }),
    wait: fc.integer({ min: 0, max: 100_000 }),
    renewals: fc.nat({ max: 3 }),
    end: fc.constantFrom('release', 'expire', 'decline'),
    flags: fc.constantFrom(0, 0x8000),
  }),
  { minLength: 1, maxLength: 6 },
);

function play(lives: readonly Life[], { source }: { readonly source: 'unset' | 'offered' }): Frame[] {
  const director = new Director(SCENE_SERVER);
  let at = 0;
  for (const [i, { client, wait, renewals, end, flags }] of lives.entries()) {
    at += wait;
    const mac = (0x020000000000 + client) as never;
    const base = { mac, flags };
    const name = (text: string): string => `${i} ${text}`;
    const xid = 10 * i + 1;
    const address = director.ask(at, name('discover'), { ...base, type: 'discover', xid }, name('offer'));
    const asked = { ...base, type: 'request', xid, requested: address, server: SERVER } as const;
    director.ask(at + 5, name('request'), source === 'unset' ? asked : { ...asked, source: address }, name('ack'));
    at += 10;
    if (end === 'decline') {
      director.ask(at, name('decline'), { mac, type: 'decline', xid: xid + 1, requested: address, server: SERVER });
      continue;
    }
    director.scene.use(name('use'), at, mac, address);
    for (let n = 0; n < renewals; n++) {
      at += 300_000;
      const renewal = {
        ...base,
        type: 'request',
        xid: xid + 2 + n,
        ciaddr: address,
        source: address,
        destination: SERVER,
      } as const;
      director.ask(at, name(`renew ${n}`), renewal, name(`renewed ${n}`));
      director.scene.use(name(`use ${n}`), at + 10, mac, address);
    }
    at += 20;
    if (end === 'release')
      director.ask(at, name('release'), {
        mac,
        type: 'release',
        xid: xid + 9,
        ciaddr: address,
        source: address,
        destination: SERVER,
        server: SERVER,
      });
    else at += 700_000;
  }
  return director.scene.frames();
}

property('peers that keep the rules are never accused', {
  law: (make: (lives: readonly Life[]) => readonly Frame[]) =>
    fc.property(lives, (lives) => observe(make(lives)).violations.length === 0),
  real: (lives) => play(lives, { source: 'unset' }),
  planted: { 'the client uses the offered address too early': (lives) => play(lives, { source: 'offered' }) },
  count: 15,
});

const LIMITS: Required<DhcpWitnessOptions> = { exchangeCountMax: 50, leaseCountMax: 20, stationCountMax: 30, eventCountMax: 40 };

property('the memory of the witness is bounded, whoever speaks', {
  law: (options: DhcpWitnessOptions) =>
    fc.property(fc.constant(0), () => {
      const witness = new DhcpWitness(options);
      const pool = { first: parseIpv4('10.16.0.1'), last: parseIpv4('10.31.0.0') };
      const director = new Director({ address: SERVER, prefix: (10 * 2 ** 24 * 64 + 8) as never, pool });
      const count = Math.max(100, runs(100)); // enough to reach every limit
      for (let i = 0; i < count; i++) {
        const mac = (0x020000000000 + i) as never;
        const address = director.ask(i, `${i} discover`, { mac, type: 'discover', xid: i }, `${i} offer`);
        director.ask(i, `${i} request`, { mac, type: 'request', xid: i, requested: address, server: SERVER }, `${i} ack`);
        director.scene.use(`${i} use`, i, mac, address);
      }
      for (const [i, { at, bytes }] of director.scene.frames().entries())
        witness.handleFrame(at, { number: i + 1, at, bytes, layers: dissect(bytes) });
      const { exchanges, leases, stations, evicted, eventsDropped } = witness.inspect();
      return (
        exchanges <= LIMITS.exchangeCountMax &&
        leases <= LIMITS.leaseCountMax &&
        stations <= LIMITS.stationCountMax &&
        evicted > 0 &&
        eventsDropped > 0
      );
    }),
  real: LIMITS,
  planted: {
    'no limit of exchanges': { ...LIMITS, exchangeCountMax: 1e6 },
    'no limit of leases': { ...LIMITS, leaseCountMax: 1e6 },
    'no limit of stations': { ...LIMITS, stationCountMax: 1e6 },
  },
  count: 1,
});

test('a capture that begins anywhere in the scene accuses nobody', () => {
  for (let start = 1; start < SCENE.length; start++) {
    const { violations } = observe(SCENE.slice(start));
    expect(violations, `from frame ${start + 1}`).toEqual([]);
  }
});
