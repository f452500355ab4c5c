import type { Impairment, LinkImpairment } from '../../src/index.js';
import { type BusStation, busStation } from './bus.js';
import { network } from './network.js';

export interface Trouble {
  readonly seed: number;
  /** 0..0.3 of all frames. */
  readonly loss: number;
  /** 0..0.5 of all frames come twice, the second time up to a minute later. */
  readonly replay: number;
  /** `swizzle`: the directions are cut one by one and freed in another order. */
  readonly partition: 'none' | 'symmetric' | 'a-deaf' | 'a-mute' | 'swizzle';
  /** `b` vanishes and comes back with nothing but its key and its trust. */
  readonly crash: boolean;
}

export const PARTITIONS: readonly Trouble['partition'][] = ['none', 'symmetric', 'a-deaf', 'a-mute', 'swizzle'];

/** Two nodes on hosts through trouble and out of it; what went wrong, or nothing: a session of both and an answer, in bounded time, without a storm. */
export function convergence({ seed, loss, replay, partition, crash }: Trouble): string | undefined {
  const plan: Impairment = { loss, duplicate: replay, duplicateLagMs: 60_000, delayMs: 2, jitterMs: 5 };
  const cut: Impairment = { ...plan, cut: true };
  const sim = network(`converge ${seed}`, { gateway: 'off', witnesses: [], frames: false }, { trace: { kinds: [] } });
  const link = (port: string, { toSwitch = plan, toStation = plan }: LinkImpairment = {}): void =>
    sim.lan.setLink(sim.now, port, { toSwitch, toStation });
  for (const port of ['a', 'b']) link(port);
  const gateway = {
    rules: [{ deviceId: 'a', service: 'samgr' as const, operations: ['resolve' as const] }],
    gatewayServices: { perform: () => ({ status: 'not-found' as const }) },
  };
  const a = busStation(sim, { port: 'a', seed });
  let b = busStation(sim, { port: 'b', seed, ...gateway });
  const isDone = (): boolean => a.node.node.sessions().length === 1 && b.node.node.sessions().length === 1;
  const settle = (ms: number): boolean => {
    sim.run({ until: sim.now + ms, stop: isDone });
    return isDone();
  };
  if (!settle(180_000)) return 'no first session';
  const dialsBefore = dials(a) + dials(b);
  const troubledAt = sim.now;
  if (crash) {
    sim.detach('b');
    sim.runFor(3_000);
    b = busStation(sim, { port: 'b', seed: seed + 1_000_000, ...gateway });
  }
  if (partition === 'symmetric') link('a', { toSwitch: cut, toStation: cut });
  if (partition === 'a-deaf') link('a', { toStation: cut });
  if (partition === 'a-mute') link('a', { toSwitch: cut });
  if (partition === 'swizzle') {
    link('a', { toSwitch: cut });
    sim.runFor(4_000);
    link('a', { toSwitch: cut, toStation: cut });
    sim.runFor(4_000);
    link('b', { toStation: cut });
    sim.runFor(20_000);
    link('a', { toStation: cut });
  }
  sim.runFor(40_000);
  if (partition !== 'none' && a.node.node.sessions().length > 0) return 'a session outlives a partition';
  for (const port of ['a', 'b']) link(port);
  // At a loss of 30 % a handshake seldom comes through in its five seconds, and the waits between tries grow to a minute.
  if (!settle(1_800_000)) return 'no session after the trouble';
  const ask = (): number | undefined =>
    a.node.act(sim.now, (node, now) => node.request(now, 'b', { service: 'samgr', operation: 'resolve', name: 'x' }));
  const isAnswered = (): boolean => a.events.some(({ event }) => event.type === 'reply' && event.result.status === 'not-found');
  for (let tries = 0; tries < 10 && !isAnswered(); tries++) {
    if (settle(60_000)) ask();
    sim.run({ until: sim.now + 30_000, stop: isAnswered });
  }
  if (!isAnswered()) return 'no answer after the trouble';
  const rate = (dials(a) + dials(b) - dialsBefore) / ((sim.now - troubledAt) / 1_000);
  if (rate > 1) return `a storm of ${rate} dials a second`;
  return a.node.service.inspect().connections > 8 ? 'connections are left over' : undefined;
}

function dials({ events }: BusStation): number {
  return events.filter(({ event }) => event.type === 'dialling').length;
}
