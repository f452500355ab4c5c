import { fileURLToPath } from 'node:url';
import { quantile } from '../harness.js';
import { count, duration } from '../report.js';
import { perfdhcp, type Served } from '../udp/perfdhcp.js';
import { missingPrograms, Running, SERVERS, type ServerUnderLoad } from '../udp/servers.js';
import type { BenchContext, Suite, SuiteResult } from './suite.js';

/** As many clients as the figures that others measured have. */
const CLIENTS = 20_000;
/** Offered rates, exchanges begun in a second: the last ones are more than any of the servers can do here. */
const RATES = [250, 1_000, 2_000, 4_000, 8_000];
/** Where the processor time of all but the slowest is compared. */
const COMPARED_RATE = 1_000;
const ROUNDS = 5;
const SECONDS = 2;

export const UDP_PEERS: Suite = {
  name: 'peers-udp',
  about: 'DHCP servers over UDP between two network namespaces, under the load of perfdhcp',
  run: async (context) => {
    const needed = missingPrograms(['ip', 'setpriv', 'perfdhcp']);
    if (process.getuid?.() !== 0) needed.push('root');
    if (needed.length > 0) return { groups: [], missing: [`all of it: there is no ${needed.join(', ')}`] };
    const missing: string[] = [];
    const servers = SERVERS.filter(({ name, program }) => {
      if (program === undefined || missingPrograms([program]).length === 0) return true;
      missing.push(`${name}: not installed (CI=true node scripts/setup-peers.mjs)`);
      return false;
    });
    const ours = fileURLToPath(import.meta.url); // the bundle, which has our server as well
    const running: Running[] = [];
    try {
      for (const server of servers) {
        context.progress(`${server.name} starts`);
        running.push(await Running.start(server, ours));
      }
      return { ...(await measure(running, context)), missing };
    } finally {
      for (const each of running) await each.stop();
    }
  },
};

interface Round extends Served {
  /** Processor time of the server for each completed exchange, nanoseconds. */
  readonly cpu: number;
}

/** All servers run, each on a cable of its own, and take turns under the load: at each rate, in each round. */
async function measure(servers: readonly Running[], { progress }: BenchContext): Promise<SuiteResult> {
  const seen = servers.map(() => new Map<number, Round[]>(RATES.map((rate) => [rate, []])));
  for (const each of servers) await under(each, WARM_UP_RATE); // compilers settle, caches and pools fill
  for (let round = 0; round < ROUNDS; round++) {
    const tired = new Set<Running>();
    for (const rate of RATES) {
      for (const [i, each] of servers.entries()) {
        if (tired.has(each)) continue;
        const served = await under(each, rate);
        seen[i]?.get(rate)?.push(served);
        if (served.perSecond < rate / 2) tired.add(each);
      }
    }
    progress(`round ${round + 1} of ${ROUNDS}`);
  }
  return {
    groups: [],
    tables: [{ title: TITLE, head: HEAD, rows: servers.map(({ server }, i) => row(server, seen[i] ?? new Map())) }],
  };
}

async function under(running: Running, rate: number): Promise<Round> {
  const before = running.cpu;
  const served = await perfdhcp(running.link, { rate, clients: CLIENTS, seconds: SECONDS });
  return { ...served, cpu: (running.cpu - before) / served.completed };
}

function row({ name, durability }: ServerUnderLoad, seen: ReadonlyMap<number, readonly Round[]>): readonly string[] {
  // A rate that was not offered in most rounds was too much.
  const rates = RATES.filter((rate) => (seen.get(rate) ?? []).length > ROUNDS / 2);
  const of = (rate: number, pick: (round: Round) => number, q = 0.5): number => quantile((seen.get(rate) ?? []).map(pick), q);
  const perSecond = (rate: number, q = 0.5): number => of(rate, (round) => round.perSecond, q);
  const best = rates.reduce((a, b) => (perSecond(b) > perSecond(a) ? b : a), rates[0] as number);
  const lost = (rate: number): number => of(rate, ({ begun, completed }) => 1 - completed / begun);
  const clean = rates.filter((rate) => lost(rate) < 0.01).at(-1);
  const compared = rates.includes(COMPARED_RATE) ? COMPARED_RATE : (rates[0] as number);
  return [
    name,
    durability,
    `${count(perSecond(best))} (${count(perSecond(best, 0))} … ${count(perSecond(best, 1))})`,
    `${count(best)}, ${(100 * lost(best)).toFixed(1)} % lost`,
    clean === undefined ? 'none' : count(clean),
    `${duration(of(compared, (round) => round.cpu))} at ${count(compared)}/s`,
    duration(of(best, (round) => round.cpu)),
    `${of(compared, (round) => round.ackMs).toPrecision(2)} ms`,
  ];
}

const WARM_UP_RATE = 2_000;
const TITLE = `Four-way exchanges of ${CLIENTS} clients: all servers run, and take turns of ${SECONDS} s under the load, ${ROUNDS} rounds of ${RATES.join(', ')} offered a second`;
const HEAD = [
  'server',
  'before its ACK the lease is',
  'most exchanges/s: median (lowest … highest) of the rounds',
  'when offered/s',
  'most offered/s with less than 1 % lost',
  'processor time of the server per exchange',
  '… at its most',
  'REQUEST to ACK, mean',
];
