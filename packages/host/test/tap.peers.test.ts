import { spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { systemEntropy } from '@nexus-net/host';
import { TapDevice, TapDriver, type TapError } from '@nexus-net/host/tap';
import { Host, type HostEvent } from '@nexus-net/net-os';
import { parseIpv4, parseMac, UsageError } from '@nexus-net/sansio';
import { encodeEthernet } from '@nexus-net/wire';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { missingOf } from './peers/support/installed.js';
import { Namespace } from './peers/support/namespace.js';

const MISSING = missingOf([]);
const CI = process.env['CI'] === 'true';
const MAC = parseMac('02:c1:00:00:00:01');
const KERNEL = parseIpv4('10.77.0.1');

describe.skipIf(MISSING !== undefined && !CI)('TAP devices', () => {
  let namespace: Namespace;

  beforeAll(async () => {
    namespace = await Namespace.make();
  });
  afterAll(() => namespace.remove());

  const up = (name: string): Promise<string> => namespace.ip(`addr add 10.77.0.1/24 dev ${name}`, `link set ${name} up`);
  const open = (name: string, frame: (frame: Uint8Array) => void = () => {}): TapDevice =>
    new TapDevice({ name, namespace: namespace.path, frame });

  test('a machine at the far end and the kernel ping each other', async () => {
    const host = new Host({ mac: MAC, entropy: systemEntropy() });
    let replied: (event: HostEvent) => void = () => {};
    const reply = new Promise<HostEvent>((resolve) => {
      replied = resolve;
    });
    const driver = new TapDriver(host, {
      name: 'far',
      namespace: namespace.path,
      event: (event) => {
        if (event.type === 'ping-reply') replied(event);
      },
    });
    await up('far');
    driver.drive((machine, now) => {
      machine.configure(now, { address: parseIpv4('10.77.0.2'), prefixLength: 24 });
      machine.ping(now, { destination: KERNEL });
    });
    expect(await reply).toMatchObject({ type: 'ping-reply', from: KERNEL });
    expect(driver.inspect().framesIn).toBeGreaterThan(0);
    await driver.close();
    expect(await namespace.ip('link')).not.toContain('far');
  });

  test('a frame goes through unchanged, and nothing comes after the close', async () => {
    const near = open('near');
    const frame = encodeEthernet({
      destination: MAC,
      source: parseMac('02:aa:00:00:00:01'),
      etherType: 0x88b5,
      payload: new Uint8Array(1_500).fill(7),
    });
    await namespace.ip('link set near up');
    expect([near.send(frame), near.inspect()]).toEqual(['sent', { framesIn: 0, framesOut: 1, unsent: {} }]);
    const [{ stats64 }] = (await namespace.show('link', 'show', 'near')) as [
      { stats64: { rx: { bytes: number; packets: number } } },
    ];
    expect(stats64.rx).toMatchObject({ bytes: frame.length, packets: 1 });
    await near.close();
    await near.close();
    expect(near.send(frame)).toBe('closed');
    expect(near.inspect().unsent).toEqual({ closed: 1 });
  });

  test('a frame into an interface that is down, and one that is none, are refused and counted', async () => {
    const device = open('down');
    expect([device.send(new Uint8Array(60)), device.send(new Uint8Array(3))]).toEqual(['refused', 'refused']);
    expect(device.inspect().unsent).toEqual({ EIO: 1, EINVAL: 1 });
    await device.close();
  });

  test('a device that somebody deletes ends, once', async () => {
    const error = await new Promise<TapError>((resolve) => {
      new TapDevice({ name: 'doomed', namespace: namespace.path, frame: () => {}, ended: resolve });
      void namespace.ip('link del doomed');
    });
    expect([error.name, error.code]).toEqual(['TapError', 'gone']);
  });

  test('many devices share one waiting thread, and each hears its own', async () => {
    const heard = new Map<string, Promise<void>>();
    const devices = Array.from({ length: 12 }, (_, i) => {
      const name = `m${i}`;
      let hear = (): void => {};
      heard.set(
        name,
        new Promise((resolve) => {
          hear = resolve;
        }),
      );
      return open(name, () => hear());
    });
    // Each kernel end asks by itself whether a neighbour is still there.
    await namespace.ip(
      ...devices.flatMap(({ name }, i) => [
        `addr add 10.79.${i}.1/24 dev ${name}`,
        `link set ${name} up`,
        `neigh add 10.79.${i}.2 lladdr 02:aa:00:00:00:02 nud probe dev ${name}`,
      ]),
    );
    await Promise.all(heard.values());
    await Promise.all(devices.map((device) => device.close()));
  });

  test.each<[string, () => unknown, string]>([
    [
      'a namespace that is not there',
      () => new TapDevice({ name: 'x', namespace: '/run/netns/nexus-none', frame: () => {} }),
      'no-namespace',
    ],
    [
      'a file that is no namespace',
      () => new TapDevice({ name: 'x', namespace: '/proc/self/status', frame: () => {} }),
      'no-namespace',
    ],
    ['an interface of another kind', () => open('lo'), 'in-use'],
  ])('%s is an error with a label', (_what, run, code) => {
    expect(run).toThrow(expect.objectContaining({ name: 'TapError', code }));
  });

  test('a device that is open already is in use', async () => {
    const first = open('once');
    expect(() => open('once')).toThrow(expect.objectContaining({ code: 'in-use' }));
    await first.close();
  });

  test.each(['', 'a/b', 'sixteen-letters!', 'two words', '..', 'ü'])('%j is no name', (name) => {
    expect(() => open(name)).toThrow(UsageError);
  });

  test('a process that leaves a device open still exits when it is told to', async () => {
    const root = join(import.meta.dirname, '../../..');
    mkdirSync(join(root, '.nexus'), { recursive: true });
    const folder = mkdtempSync(join(root, '.nexus/tap-'));
    try {
      const { build } = createRequire(createRequire(import.meta.url).resolve('tsup'))('esbuild') as {
        build(options: object): Promise<unknown>;
      };
      const program = join(folder, 'leave-open.mjs');
      const contents = `
        import { TapDevice } from '@nexus-net/host/tap';
        new TapDevice({ name: 'left', namespace: process.argv[2], frame: () => {} });
        setTimeout(() => process.exit(7), 50);`;
      const stdin = { contents, resolveDir: import.meta.dirname, loader: 'ts' };
      await build({
        stdin,
        outfile: program,
        bundle: true,
        platform: 'node',
        format: 'esm',
        conditions: ['@nexus-net/source'],
        external: ['koffi'],
      });
      const started = performance.now();
      const child = spawn(process.execPath, [program, namespace.path], { stdio: ['ignore', 'inherit', 'inherit'] });
      expect(await new Promise((resolve) => child.once('exit', resolve))).toBe(7);
      expect(performance.now() - started).toBeLessThan(10_000);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});
