import { join } from 'node:path';
import { Host, type HostEvent, type TcpConnection } from '@nexus-net/net-os';
import { fresh, KERNEL_ADDRESS, KernelLab, OUR_ADDRESS, OUR_MAC } from '../../packages/host/test/kernel/support/kernel-lab.js';
import { missingOf } from '../../packages/host/test/peers/support/installed.js';
import { Namespace } from '../../packages/host/test/peers/support/namespace.js';
import { quantile } from '../harness.js';
import type { Suite } from './suite.js';

const MIB = 2 ** 20;
const COUNT = 32 * MIB;
const ROUNDS = 7;

export const TAP: Suite = {
  name: 'tap',
  about: 'TCP with the Linux kernel over a TAP, against two kernels over a veth pair',
  run: async ({ root, progress }) => {
    const missing = missingOf(['node', 'ethtool']);
    if (missing !== undefined) return { groups: [], missing: [`not run: there is no ${missing}`] };
    const program = join(root, 'packages/host/test/kernel/support/kernel-peer.mjs');
    const cases = new Map<string, Measure>([
      ['kernel to kernel, veth, segments joined up to 64 KiB', (port) => overVeth({ program, port, whole: true })],
      ['kernel to kernel, veth, a segment a frame', (port) => overVeth({ program, port, whole: false })],
      ['kernel to us, TAP', (port) => overTap({ program, port, sender: 'kernel' })],
      ['us to kernel, TAP', (port) => overTap({ program, port, sender: 'us' })],
    ]);
    const seen = new Map<string, Seen[]>([...cases.keys()].map((name) => [name, []]));
    for (let round = 0; round < ROUNDS; round++) {
      for (const [name, measure] of cases) seen.get(name)?.push(await measure(PORT));
      progress(`round ${round + 1} of ${ROUNDS}`);
    }
    const middle = (name: string, pick: (seen: Seen) => number, q = 0.5): number => quantile((seen.get(name) ?? []).map(pick), q);
    const fair = middle([...cases.keys()][1] as string, (each) => each.megabytesPerSecond);
    const rows = [...cases.keys()].map((name) => {
      const rate = (q: number): number => middle(name, (each) => each.megabytesPerSecond, q);
      const cpu = middle(name, (each) => each.cpuMs ?? Number.NaN);
      return [
        name,
        `${rate(0.5).toPrecision(3)} (${rate(0).toPrecision(3)} … ${rate(1).toPrecision(3)})`,
        `${(rate(0.5) / fair).toFixed(2)}`,
        Number.isNaN(cpu) ? '–' : `${((cpu * MIB) / COUNT).toFixed(1)} ms`,
      ];
    });
    return { groups: [], tables: [{ title: TITLE, head: HEAD, rows }] };
  },
};

interface Seen {
  readonly megabytesPerSecond: number;
  /** Processor time of this process, where one of the ends is in it. */
  readonly cpuMs?: number;
}

type Measure = (port: number) => Promise<Seen>;

interface VethCase {
  readonly program: string;
  readonly port: number;
  /** Does the sender hand over segments of up to 64 KiB, as Linux does where it can, or one for each frame? */
  readonly whole: boolean;
}

/** The same program at both ends, in two namespaces. */
async function overVeth({ program, port, whole }: VethCase): Promise<Seen> {
  const lab = await KernelLab.make<Host, HostEvent>(new Host({ mac: OUR_MAC, entropy: fresh() }), { program });
  const far = await Namespace.make();
  try {
    await lab.namespace.ip(
      `link add east type veth peer name west netns ${far.name}`,
      'addr add 10.78.0.1/24 dev east',
      'link set east up',
    );
    await far.ip('addr add 10.78.0.2/24 dev west', 'link set west up');
    if (!whole)
      for (const [namespace, device] of [[lab.namespace, 'east'] as const, [far, 'west'] as const])
        await lab.runIn(namespace, 'ethtool', '-K', device, 'tso', 'off', 'gso', 'off', 'gro', 'off').exited;
    const server = await lab.kernelPeer('tcp', { listen: port, send: 0, plain: true });
    const client = await lab.kernelPeer('tcp', { connect: ['10.78.0.1', port], send: COUNT, plain: true }, far);
    await lab.until('both are done', () => (/"received":/.test(client.output) && /"received":/.test(server.output)) || undefined);
    return { megabytesPerSecond: rateOf(server.output) };
  } finally {
    await lab.close();
    await far.remove();
  }
}

interface TapCase {
  readonly program: string;
  readonly port: number;
  readonly sender: 'us' | 'kernel';
}

async function overTap({ program, port, sender }: TapCase): Promise<Seen> {
  const buffer = new Uint8Array(65_536);
  let left = sender === 'us' ? COUNT : 0;
  let received = 0;
  let startedAt: number | undefined;
  let cpuAtStart = process.cpuUsage();
  let result: Seen | undefined;
  const move = (now: number, connection: TcpConnection): void => {
    if (startedAt === undefined) {
      startedAt = performance.now();
      cpuAtStart = process.cpuUsage();
    }
    while (left > 0) {
      const taken = connection.send(now, buffer.subarray(0, Math.min(left, buffer.length)));
      if (typeof taken !== 'number') break;
      left -= taken;
      if (left === 0) connection.shutdown(now);
    }
    for (;;) {
      const count = connection.receiveInto(now, buffer);
      if (typeof count === 'number') received += count;
      else if (count !== 'eof' || result !== undefined) return;
      else {
        result = { megabytesPerSecond: received / 1e3 / (performance.now() - startedAt), cpuMs: cpuSince(cpuAtStart) };
        if (sender === 'kernel') connection.shutdown(now);
        return;
      }
    }
  };
  const lab: KernelLab<Host, HostEvent> = await KernelLab.make<Host, HostEvent>(new Host({ mac: OUR_MAC, entropy: fresh() }), {
    program,
    event: (event) => lab.drive((_host, now) => ('connection' in event ? move(now, event.connection) : undefined)),
  });
  try {
    lab.drive((host, now) => host.configure(now, { address: OUR_ADDRESS, prefixLength: 24 }));
    const send = sender === 'us' ? 0 : COUNT;
    const server = await lab.kernelPeer('tcp', { listen: port, send, plain: true });
    lab.drive((host, now) => host.tcp.connect(now, { remote: { address: KERNEL_ADDRESS, port } }));
    const kernel = await lab.until('the kernel is done', () => (/"received":/.test(server.output) ? server.output : undefined));
    if (sender === 'us') return { megabytesPerSecond: rateOf(kernel), cpuMs: cpuSince(cpuAtStart) };
    const ours = await lab.until('we are done', () => result);
    if (received !== COUNT) throw new Error(`${received} of ${COUNT} octets arrived`);
    return ours;
  } finally {
    await lab.close();
  }
}

function cpuSince(start: NodeJS.CpuUsage): number {
  const { user, system } = process.cpuUsage(start);
  return (user + system) / 1e3;
}

/** The receiver's word: octets from the first to the last one. */
function rateOf(output: string): number {
  const { received, receiveMs } = JSON.parse(output.split('\n').find((line) => line.includes('"received":')) ?? '{}');
  if (received !== COUNT) throw new Error(`${received} of ${COUNT} octets arrived`);
  return received / 1e3 / receiveMs;
}

const PORT = 7_000;
const TITLE = `One TCP connection, ${COUNT / MIB} MiB one way, an MTU of 1500, no loss: turns of each case, ${ROUNDS} rounds`;
const HEAD = [
  'what',
  'MB/s: median (lowest … highest)',
  'against kernel to kernel, a segment a frame',
  'processor time of our process per MiB',
];
