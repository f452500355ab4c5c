import { InMemoryStatefs, SF_STATUS, type StatefsService } from '@nexus-net/dsoftbus';
import { SeededEntropy, toHex } from '@nexus-net/sansio';
import fc from 'fast-check';
import { property } from '../../../sansio/test/support/law.js';
import { type BlockStore, DiskStatefs } from '../../src/index.js';
import { AREA_HEADER_LENGTH, encodeAreaHeader, encodeRecord } from '../../src/statefs/journal-format.js';
import { FakeDisk } from '../support/fake-disk.js';

type Open = (disk: BlockStore) => StatefsService;

const entropy = new SeededEntropy(1);
const CALLER = { type: 'local', serviceId: 0 } as const;
const SIZE = 64 * 1_024;

const open: Open = (disk) => {
  const opened = DiskStatefs.open(disk, entropy);
  if (!opened.ok) throw new Error(opened.error);
  return opened.value;
};

const step = fc.oneof(
  { weight: 8, arbitrary: fc.record({ op: fc.constant('put'), key: fc.nat(9), length: fc.oneof(fc.nat(60), fc.nat(1_500)) }) },
  { weight: 2, arbitrary: fc.record({ op: fc.constant('delete'), key: fc.nat(9), length: fc.constant(0) }) },
  /** The power goes while the next change is written. */
  { weight: 1, arbitrary: fc.record({ op: fc.constant('crash'), key: fc.nat(9), length: fc.nat(2_500) }) },
);

function stateOf(store: StatefsService): string {
  const { keys = [] } = store.list('', 1_024, CALLER) ?? {};
  return keys.map((key) => `${key}=${toHex(store.get(key, CALLER)?.value ?? new Uint8Array(0))}`).join(';');
}

property<Open>('a new start finds what was answered, and at most the one change more that was not', {
  law: (opens) =>
    fc.property(fc.array(step, { minLength: 1, maxLength: 60 }), (steps) => {
      const disk = new FakeDisk(SIZE);
      const model = new InMemoryStatefs();
      let store = opens(disk);
      let fill = 0;
      for (const { op, key, length } of steps) {
        const name = `/key/${key}`;
        const value = new Uint8Array(op === 'crash' ? 40 : length).fill(++fill);
        if (op === 'crash') disk.budget = length;
        const answered = op === 'delete' ? store.delete(name, CALLER) : store.put(name, value, CALLER);
        const [before, had] = [stateOf(model), model.get(name).value];
        if (op === 'delete') model.delete(name);
        else model.put(name, value);
        if (op !== 'crash' && answered?.status !== SF_STATUS.ok && op === 'put') return false;
        if (op !== 'crash') continue;
        disk.budget = Number.POSITIVE_INFINITY;
        store = opens(disk);
        const found = stateOf(store);
        if (found === stateOf(model)) continue;
        if (answered?.status === SF_STATUS.ok || found !== before) return false;
        // It is not there, and it never was: the model forgets it as well.
        if (had === undefined) model.delete(name);
        else model.put(name, had);
      }
      return stateOf(opens(disk)) === stateOf(model);
    }),
  real: open,
  planted: {
    'answers before it writes': (disk) => {
      const store = open(disk);
      const memory = new InMemoryStatefs();
      for (const key of store.list('', 1_024, CALLER)?.keys ?? [])
        memory.put(key, store.get(key, CALLER)?.value ?? new Uint8Array(0));
      return memory;
    },
    'deletes in memory only': (disk) => {
      const store = open(disk);
      return {
        put: (key, value, caller) => store.put(key, value, caller),
        get: (key, caller) => store.get(key, caller),
        delete: () => ({ status: SF_STATUS.ok }),
        list: (prefix, limit, caller) => store.list(prefix, limit, caller),
        sync: (caller) => store.sync(caller),
      };
    },
  },
  count: 40,
});

/** A disk whose first area is ours, with anything behind its header. */
const ours = fc
  .tuple(fc.array(fc.uint8Array({ maxLength: 40 }), { maxLength: 5 }), fc.uint8Array({ maxLength: 200 }))
  .map(([values, rest]) => {
    const salt = new Uint8Array(8).fill(7);
    const records = values.map((value) => encodeRecord({ op: 'put', key: Uint8Array.of(0x2f, 0x61), value }, salt));
    const disk = new Uint8Array(SIZE);
    disk.set(encodeAreaHeader({ generation: 1, salt }));
    let at = AREA_HEADER_LENGTH;
    for (const bytes of [...records, rest]) {
      disk.set(bytes, at);
      at += bytes.length;
    }
    return disk;
  });
const anything = fc.uint8Array({ maxLength: 600 }).map((bytes) => {
  const disk = new Uint8Array(SIZE);
  disk.set(bytes);
  return disk;
});

property<typeof DiskStatefs.open>('whatever is on a disk, it is opened or refused, and then takes a change and keeps it', {
  law: (opens) =>
    fc.property(fc.oneof(ours, anything), (content) => {
      const disk = new FakeDisk(content);
      const opened = opens(disk, entropy);
      if (!opened.ok) return disk.written === 0;
      const isOurs = content[0] === 0x4e || content.every((octet) => octet === 0);
      if (!isOurs) return false;
      if (opened.value.put('/new', Uint8Array.of(1)).status !== SF_STATUS.ok) return false;
      const again = opens(disk, entropy);
      return again.ok && again.value.get('/new').value?.[0] === 1;
    }),
  real: DiskStatefs.open,
  planted: {
    'formats what is foreign': (disk, salts) => {
      const opened = DiskStatefs.open(disk, salts);
      if (opened.ok) return opened;
      disk.write(0, new Uint8Array(disk.size));
      return DiskStatefs.open(disk, salts);
    },
  },
  count: 60,
});
