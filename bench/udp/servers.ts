import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { DEVICE, Link } from './link.js';
import type { OurServer } from './our-server.js';

/** A server that is put under load. All have the network 10.77.0.0/16, a pool of 51 200 addresses, leases of an hour, and check no address. */
export interface ServerUnderLoad {
  readonly name: string;
  /** What it does before it says ACK. */
  readonly durability: string;
  /** Absent: ours. */
  readonly program?: string;
  readonly ready: RegExp;
  command(
    folder: string,
    program: string,
  ): { readonly command: string; readonly args: readonly string[]; readonly env?: Record<string, string> };
}

export const SERVERS: readonly ServerUnderLoad[] = [
  ours('nexus-net, no store', 'nothing is kept', {}),
  kea('Kea 2.2, no lease file', 'nothing is kept', false),
  ours('nexus-net, journal, sync none', 'written, not synced', { sync: 'none' }),
  kea('Kea 2.2, memfile', 'written, not synced', true),
  ours('nexus-net, journal, fdatasync', 'synced, in groups', { sync: 'fdatasync' }),
  {
    name: 'dnsmasq 2.90',
    durability: 'whole file written anew and synced',
    program: 'dnsmasq',
    ready: /DHCP, IP range/,
    command: (folder) => ({
      command: 'dnsmasq',
      args: [
        '--conf-file=/dev/null',
        '--keep-in-foreground',
        '--log-facility=-',
        '--quiet-dhcp',
        '--user=root',
        '--pid-file=',
        '--port=0',
        `--interface=${DEVICE}`,
        '--bind-interfaces',
        '--dhcp-authoritative',
        '--no-ping',
        '--dhcp-lease-max=60000',
        `--dhcp-leasefile=${join(folder, 'leases')}`,
        '--dhcp-range=10.77.1.0,10.77.200.255,255.255.0.0,1h',
      ],
    }),
  },
];

function ours(name: string, durability: string, store: Pick<OurServer, 'sync'>): ServerUnderLoad {
  return {
    name,
    durability,
    ready: /serving/,
    command: (folder, program) => {
      const options: OurServer = { ...store, folder };
      const script = `const { udpServerMain } = await import(${JSON.stringify(pathToFileURL(program).href)});
        await udpServerMain(${JSON.stringify(options)});`;
      return { command: process.execPath, args: ['--input-type=module', '--eval', script] };
    },
  };
}

function kea(name: string, durability: string, persist: boolean): ServerUnderLoad {
  return {
    name,
    durability,
    program: 'kea-dhcp4',
    ready: /DHCP4_STARTED/,
    command: (folder) => {
      const config = join(folder, 'kea.json');
      const database = { type: 'memfile', persist, ...(persist ? { name: join(folder, 'leases.csv') } : {}) };
      const Dhcp4 = {
        'interfaces-config': { interfaces: [DEVICE], 'dhcp-socket-type': 'raw' },
        'lease-database': database,
        authoritative: true,
        'valid-lifetime': 3600,
        'multi-threading': { 'enable-multi-threading': false },
        subnet4: [{ id: 1, subnet: '10.77.0.0/16', pools: [{ pool: '10.77.1.0 - 10.77.200.255' }] }],
        loggers: [
          // One line when it serves, none for each message.
          { name: 'kea-dhcp4', output_options: [{ output: 'stdout' }], severity: 'WARN' },
          { name: 'kea-dhcp4.dhcp4', output_options: [{ output: 'stdout' }], severity: 'INFO' },
          { name: 'kea-dhcp4.leases', output_options: [{ output: 'stdout' }], severity: 'WARN' },
        ],
      };
      writeFileSync(config, JSON.stringify({ Dhcp4 }));
      return { command: 'kea-dhcp4', args: ['-c', config], env: { KEA_PIDFILE_DIR: folder, KEA_LOCKFILE_DIR: folder } };
    },
  };
}

/** A server that runs, at its end of a link of its own. */
export class Running {
  readonly server: ServerUnderLoad;
  readonly link: Link;
  readonly #folder: string = mkdtempSync(join(tmpdir(), 'nexus-net-bench-'));
  #child: ChildProcess | undefined;
  #output = '';

  private constructor(server: ServerUnderLoad, link: Link) {
    this.server = server;
    this.link = link;
  }

  /** Starts it, and waits until it serves. `ours`: the program that has our server. */
  static async start(server: ServerUnderLoad, ours: string): Promise<Running> {
    const running = new Running(server, await Link.make());
    try {
      await running.#start(ours);
      return running;
    } catch (error) {
      await running.stop();
      throw error;
    }
  }

  #start(ours: string): Promise<void> {
    const { name, ready } = this.server;
    const { command, args, env = {} } = this.server.command(this.#folder, ours);
    const inside = ['netns', 'exec', this.link.server.name, 'setpriv', '--pdeathsig', 'KILL', '--', command, ...args];
    const child = spawn('ip', inside, {
      stdio: ['ignore', 'pipe', 'pipe'],
      cwd: this.#folder,
      env: { PATH: '/usr/sbin:/usr/bin:/sbin:/bin', ...env },
    });
    this.#child = child;
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error(`${name} does not serve: ${this.#output}`)), START_MS);
      const heard = (text: string): void => {
        this.#output = (this.#output + text).slice(-20_000);
        if (ready.test(this.#output)) settle(resolve);
      };
      const settle = (then: () => void): void => {
        clearTimeout(timer);
        then();
      };
      for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', heard);
      child.once('error', (error) => settle(() => reject(error)));
      child.once('exit', () => settle(() => reject(new Error(`${name} ended: ${this.#output}`))));
    });
  }

  /** Processor time that it has taken so far, all threads, in nanoseconds. */
  get cpu(): number {
    // Fields 14 and 15, counted behind the name, which may hold anything; in hundredths of a second (proc(5)).
    const fields = readFileSync(`/proc/${this.#child?.pid}/stat`, 'utf8')
      .replace(/^.*\) /s, '')
      .split(' ');
    return (Number(fields[11]) + Number(fields[12])) * 1e7;
  }

  /** Ends it, and removes what it had. */
  async stop(): Promise<void> {
    const child = this.#child;
    if (child !== undefined && child.exitCode === null && child.signalCode === null) {
      const ended = new Promise((resolve) => child.once('exit', resolve));
      child.kill('SIGKILL');
      await ended;
    }
    await this.link.remove();
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

/** Which of these programs are not here. */
export function missingPrograms(programs: readonly string[]): string[] {
  const folders = [...(process.env['PATH'] ?? '').split(delimiter), '/usr/sbin', '/sbin'];
  return programs.filter((program) => !folders.some((folder) => existsSync(join(folder, program))));
}

const START_MS = 60_000;
