// A program that stores leases as fast as it can, says which ones are durable, and waits to be killed.
import { writeSync } from 'node:fs';
import { JournalLeaseStore } from '../../src/index.js';
import { SqliteLeaseStore } from '../../src/sqlite.js';
import { row } from './lease-records.js';

const ADDRESS_COUNT = 50;
const IN_FLIGHT_COUNT = 40;

const [kind, path = ''] = process.argv.slice(2);
const store =
  kind === 'journal'
    ? await JournalLeaseStore.open({ path, compactOctetsMin: 20_000, compactRatio: 2 })
    : await SqliteLeaseStore.open({ path });
let revision = Math.max(0, ...store.rows().map((each) => each.revision));

function next(): void {
  const mine = ++revision;
  store.append(row(mine % ADDRESS_COUNT, { revision: mine }), (error) => {
    if (error !== undefined) throw error;
    writeSync(1, `${mine}\n`);
    next();
  });
}
for (let i = 0; i < IN_FLIGHT_COUNT; i++) next();
