import { SF_STATUS } from '@nexus-net/dsoftbus';
import { SeededEntropy } from '@nexus-net/sansio';
import { describe, expect, test } from 'vitest';
import { type BlockStore, DiskStatefs } from '../../src/index.js';
import { FakeDisk } from '../support/fake-disk.js';

const SIZE = 64 * 1_024;
const CALLER = { type: 'local', serviceId: 0 } as const;
const entropy = new SeededEntropy(1);

function open(disk: BlockStore): DiskStatefs {
  const opened = DiskStatefs.open(disk, entropy);
  if (!opened.ok) throw new Error(opened.error);
  return opened.value;
}

/** Everything that is kept, as text. */
function stateOf(store: DiskStatefs): string {
  const { keys = [] } = store.list('', 1_024, CALLER);
  return keys.map((key) => `${key}=${Buffer.from(store.get(key).value ?? []).toString('latin1')}`).join(';');
}

function damage(disk: FakeDisk, at: number, bits: number): void {
  disk.bytes[at] = (disk.bytes[at] as number) ^ bits;
}

function written(count: number, length = 50): FakeDisk {
  const disk = new FakeDisk(SIZE);
  const store = open(disk);
  for (let i = 0; i < count; i++) store.put(`/k${i % 7}`, new Uint8Array(length).fill(i));
  return disk;
}

describe('statefs on a disk', () => {
  test('what was put and deleted is there after a new start, from a blank disk on', () => {
    const disk = new FakeDisk(SIZE);
    const store = open(disk);
    store.put('/a', Uint8Array.of(1, 2));
    store.put('/b', Uint8Array.of(3));
    store.put('/a', Uint8Array.of(4));
    expect(store.delete('/b').status).toBe(SF_STATUS.ok);
    expect(store.delete('/b').status).toBe(SF_STATUS.notFound);
    const again = open(disk);
    expect(stateOf(again)).toBe('/a=\u0004');
    expect(again.inspect()).toMatchObject({ generation: 1, keyCount: 1, recovered: { records: 4, isTorn: false } });
  });

  test('a journal that is full is made anew in the other half, again and again; nothing is lost and it stays bounded', () => {
    const disk = written(700, 200);
    const store = open(disk);
    expect(store.inspect().generation).toBeGreaterThan(3);
    expect(store.inspect().octets).toBeLessThanOrEqual(store.inspect().octetsMax);
    expect(store.get('/k3').value).toEqual(new Uint8Array(200).fill(696));
    expect(store.inspect()).toMatchObject({
      keyCount: 7,
      recovered: { isTorn: false, damagedCount: 0, isCompactionTorn: false },
    });
  });

  test('the power goes at each octet of a write: what was answered is there, what was not is there or not, nothing else', () => {
    const before = written(8);
    const states = [stateOf(open(before))];
    const after = new FakeDisk(before.bytes);
    const store = open(after);
    store.put('/k1', Uint8Array.of(9, 9));
    states.push(stateOf(store));
    for (let octets = 0; octets <= after.written; octets++) {
      const disk = new FakeDisk(before.bytes);
      const dying = open(disk);
      disk.budget = octets;
      const { status } = dying.put('/k1', Uint8Array.of(9, 9));
      const state = stateOf(open(disk));
      expect(state === states[0] || state === states[1]).toBe(true);
      if (status === SF_STATUS.ok) expect(state === states[1]).toBe(true);
    }
  });

  test('and at each octet of a compaction, and of formatting', () => {
    let count = 0;
    for (let generation = 1; generation === 1; count++) generation = open(written(count + 1, 4_000)).inspect().generation;
    const before = written(count - 1, 4_000);
    const [old, done] = [stateOf(open(before)), stateOf(open(written(count, 4_000)))];
    const whole = new FakeDisk(before.bytes);
    open(whole).put(`/k${(count - 1) % 7}`, new Uint8Array(4_000).fill(count - 1));
    const rewritten = whole.written;
    // Each octet near the ends of what is written at once, and some in between.
    const places = Array.from({ length: rewritten + 1 }, (_, i) => i).filter(
      (i) => i % 4_999 === 0 || (i > rewritten - 540 && i % 64 === 0) || i > rewritten - 4,
    );
    for (const octets of places) {
      const disk = new FakeDisk(before.bytes);
      const dying = open(disk);
      disk.budget = octets;
      dying.put(`/k${(count - 1) % 7}`, new Uint8Array(4_000).fill(count - 1));
      const found = stateOf(open(disk));
      expect(found === old || found === done).toBe(true);
    }
    for (const octets of [0, 1, 4, 8, 10, 16, 27, 28, 300, 511, 512, 521]) {
      const disk = new FakeDisk(SIZE);
      disk.budget = octets;
      expect(() => open(disk)).toThrow('no power');
      disk.budget = Number.POSITIVE_INFINITY;
      expect(stateOf(open(disk))).toBe('');
    }
  });

  test('after a write that failed nothing is written any more, and what was is still read', () => {
    const disk = written(7);
    const store = open(disk);
    disk.budget = 3;
    const before = stateOf(store);
    expect(store.put('/k0', Uint8Array.of(1)).status).toBe(SF_STATUS.io);
    disk.budget = Number.POSITIVE_INFINITY;
    expect(store.put('/new', Uint8Array.of(1)).status).toBe(SF_STATUS.io);
    expect(store.delete('/k0').status).toBe(SF_STATUS.io);
    expect(store.sync().status).toBe(SF_STATUS.io);
    expect(stateOf(store)).toBe(before);
    expect(store.inspect().isFailed).toBe(true);
  });

  test('a record that the disk has changed costs that record; those behind it count', () => {
    const disk = written(7);
    // Seven puts of the same length: within the value of the fourth.
    damage(disk, 512 + 3 * (50 + 3 + 10) + 20, 1);
    const store = open(disk);
    expect(store.inspect().recovered).toMatchObject({ records: 6, damagedCount: 1, isTorn: false });
    expect(store.get('/k3').status).toBe(SF_STATUS.notFound);
    expect(store.get('/k6').status).toBe(SF_STATUS.ok);
  });

  test('a disk that is none of ours is left as it is', () => {
    const refused = (disk: FakeDisk): string => {
      const content = disk.bytes.slice();
      const opened = DiskStatefs.open(disk, entropy);
      expect(Buffer.compare(disk.bytes, content)).toBe(0);
      return opened.ok ? 'opened' : opened.error;
    };
    const foreign = new FakeDisk(SIZE);
    foreign.bytes.set([0x55, 0xaa], 510);
    expect(refused(foreign)).toBe('not-a-store');
    const later = new FakeDisk(SIZE);
    later.bytes[0x438] = 0x53; // where ext4 has its magic
    expect(refused(later)).toBe('not-a-store');
    expect(refused(new FakeDisk(SIZE - 1))).toBe('too-small');
    const newer = written(1);
    newer.bytes[9] = 2;
    expect(refused(newer)).toBe('damaged'); // its checksum says that nobody wrote that
    const lost = written(20);
    damage(lost, 12, 0x80);
    expect(refused(lost)).toBe('damaged');
  });
});
