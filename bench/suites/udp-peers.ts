import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { quantile } from '../harness.js';
import { count, duration } from '../report.js';
import { Link } from '../udp/link.js';
import { perfdhcp, type Served } from '../udp/perfdhcp.js';
import { missingPrograms, Running, SERVERS, type ServerUnderLoad } from '../udp/servers.js';
import type { BenchContext, Suite, SuiteResult } from './suite.js';

/** As many clients as the figures that others measured have. */
const CLIENTS = 20_000;
/** Offered rates, exchanges begun in a second, until one is far more than the server can do. */
const LADDER = [125, 250, 500, 1_000, 2_000, 3_000, 4_000, 6_000, 8_000, 12_000, 16_000, 24_000];
const LADDER_SECONDS = 2;
const ROUNDS = 5;
const ROUND_SECONDS = 4;

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
    const link = await Link.make();
    try {
      return { ...(await measure(link, servers, context)), missing };
    } finally {
      await link.remove();
    }
  },
};

interface Climb {
  /** The highest offered rate at which less than one exchange of a hundred was lost; 0 for none. */
  readonly clean: number;
  /** The offered rate at which most exchanges were completed. */
  readonly busiest: number;
}

interface Round extends Served {
  /** Processor time of the server for each completed exchange, nanoseconds. */
  readonly cpu: number;
}

async function measure(link: Link, servers: readonly ServerUnderLoad[], context: BenchContext): Promise<SuiteResult> {
  const climbs: Climb[] = [];
  for (const server of servers) climbs.push(await withServer(link, server, () => climb(link, server, context)));
  const rounds = servers.map((): Round[] => []);
  for (let round = 0; round < ROUNDS; round++) {
    for (const [i, server] of servers.entries()) {
      const done = await withServer(link, server, (running) => once(link, running, (climbs[i] as Climb).busiest));
      context.progress(`round ${round + 1}/${ROUNDS} ${server.name}: ${count(done.perSecond)}/s`);
      (rounds[i] as Round[]).push(done);
    }
  }
  const rows = servers.map(({ name, durability }, i) => {
    const all = rounds[i] as Round[];
    const of = (pick: (round: Round) => number, q = 0.5): number => quantile(all.map(pick), q);
    const { clean, busiest } = climbs[i] as Climb;
    const lost = of(({ begun, completed }) => 1 - completed / begun);
    return [
      name,
      durability,
      `${count(of((round) => round.perSecond))} (${count(of((round) => round.perSecond, 0))} … ${count(of((round) => round.perSecond, 1))})`,
      count(busiest),
      `${(100 * lost).toFixed(1)} %`,
      clean === 0 ? 'none' : count(clean),
      duration(of((round) => round.cpu)),
      `${of((round) => round.ackMs).toPrecision(2)} ms`,
    ];
  });
  const head = [
    'server',
    'before its ACK the lease is',
    `exchanges/s, median of ${ROUNDS} rounds (lowest … highest)`,
    'offered/s',
    'lost',
    'highest offered/s with less than 1 % lost',
    'processor time of the server per exchange',
    'REQUEST to ACK, mean',
  ];
  return { groups: [], tables: [{ title: `Four-way exchanges, ${CLIENTS} clients, ${ROUND_SECONDS} s a round`, head, rows }] };
}

/** Offers more and more. */
async function climb(link: Link, { name }: ServerUnderLoad, { progress }: BenchContext): Promise<Climb> {
  let clean = 0;
  let busiest = { rate: 0, perSecond: 0 };
  for (const rate of LADDER) {
    const served = await perfdhcp(link, { rate, clients: CLIENTS, seconds: LADDER_SECONDS });
    progress(`${name}, ${rate}/s offered: ${count(served.perSecond)}/s completed`);
    if (served.completed >= 0.99 * served.begun) clean = rate;
    if (served.perSecond > busiest.perSecond) busiest = { rate, perSecond: served.perSecond };
    if (served.perSecond < 0.5 * rate) break;
  }
  return { clean, busiest: busiest.rate };
}

async function once(link: Link, running: Running, rate: number): Promise<Round> {
  await perfdhcp(link, { rate, clients: CLIENTS, seconds: 1 }); // its compiler settles, its caches fill
  const before = running.cpu;
  const served = await perfdhcp(link, { rate, clients: CLIENTS, seconds: ROUND_SECONDS });
  return { ...served, cpu: (running.cpu - before) / served.completed };
}

async function withServer<R>(link: Link, server: ServerUnderLoad, use: (running: Running) => Promise<R>): Promise<R> {
  const folder = mkdtempSync(join(tmpdir(), 'nexus-net-bench-'));
  const program = fileURLToPath(import.meta.url); // of the bundle, which has our server as well
  const running = await Running.start(link, server, { folder, program });
  try {
    return await use(running);
  } finally {
    await running.stop();
    rmSync(folder, { recursive: true, force: true });
  }
}
