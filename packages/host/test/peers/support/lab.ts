import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Driver, type EventOf, systemEntropy } from '@nexus-net/host';
import { TapDevice } from '@nexus-net/host/tap';
import { Lan } from '@nexus-net/lan';
import { type FrameMachine, formatMac, type MacAddress, type Millis } from '@nexus-net/sansio';
import { encodePcapng, type Fact, type FactKind, type ObservedFrame, type Violation } from '@nexus-net/wire';
import { Namespace, PeerFolder } from './namespace.js';
import { PeerProcess } from './peer-process.js';

/**
 * One Ethernet segment on the real clock: our own switch and witnesses, our machines at some of its ports, and at others, each
 * behind a TAP device in a network namespace of its own, a kernel with a real client or server on it.
 */
export class Lab {
  readonly frames: ObservedFrame[] = [];
  readonly facts: Fact[] = [];
  readonly violations: Violation[] = [];
  readonly #driver: Driver<Lan>;
  readonly #ends = new Map<string, (frame: Uint8Array) => void>();
  readonly #closers: (() => void | Promise<void>)[] = [];
  readonly #peers: Peer[] = [];
  readonly #waiting = new Set<() => void>();
  readonly #beside: Lab[] = [];
  readonly #parent: Lab | undefined;

  constructor(parent?: Lab) {
    this.#parent = parent;
    this.#driver = new Driver(new Lan({ entropy: systemEntropy(), gateway: 'off' }), {
      transmit: ({ port, frame }) => this.#ends.get(port)?.(frame),
      event: (event) => {
        if (event.type === 'frame') this.frames.push(event.observed);
        else if (event.type === 'fact') this.facts.push(event.fact);
        else if (event.type === 'violation') this.violations.push(event.violation);
        this.changed();
      },
    });
    this.#closers.push(() => this.#driver.close());
  }

  /** Puts a machine of ours at a port. */
  attach<M extends FrameMachine<unknown>>(port: string, machine: M): Station<M> {
    const station = new Station(port, machine, {
      send: (frame) => this.send(port, frame),
      changed: () => this.changed(),
    });
    this.connect(port, (frame) => station.receive(frame));
    station.wake();
    this.#closers.push(() => station.detach());
    return station;
  }

  /** Puts anything at a port; what is there is taken away. Frames from it come in by {@link send}. */
  connect(port: string, receive: (frame: Uint8Array) => void): void {
    this.#driver.drive((lan) => {
      if (!lan.ports.includes(port)) lan.addPort(port);
    });
    this.#ends.set(port, receive);
  }

  /** A frame from the station at a port. */
  send(port: string, frame: Uint8Array): void {
    if (!this.#driver.closed) this.#driver.drive((lan, now) => lan.handleFrame(now, port, frame));
  }

  /** Puts a kernel at a port, for a peer to run on. */
  async peer(port: string, { mac, address }: { readonly mac: MacAddress; readonly address?: string }): Promise<Peer> {
    const peer = new Peer(port, await Namespace.make(), () => this.changed());
    this.#peers.push(peer);
    this.#closers.push(() => peer.close());
    this.connect(port, (frame) => peer.receive(frame));
    await peer.plug({ mac, frame: (frame) => this.send(port, frame), ...(address === undefined ? {} : { address }) });
    return peer;
  }

  /** Pulls the cable at a port, or plugs it in. Frames into a pulled cable are in the capture and get no further. */
  setLink(port: string, state: 'up' | 'down'): void {
    this.#driver.drive((lan, now) => lan.setLink(now, port, state));
  }

  /** Facts of a kind, from the `from`th frame on. */
  factsOf<K extends FactKind>(kind: K, from = 0): readonly Fact<K>[] {
    return this.facts.filter((fact) => fact.kind === kind && (fact.frames.at(-1) ?? 0) > from) as unknown as Fact<K>[];
  }

  /** The number of frames seen so far: what comes later has a higher number. */
  get position(): number {
    return this.frames.length;
  }

  /** Waits until `find` finds something, asked whenever anything has happened. Rejects with `what` after `timeoutMs`. */
  until<T>(what: string, timeoutMs: Millis, find: () => T | undefined | false): Promise<T> {
    return new Promise((resolve, reject) => {
      const waiting = (): void => {
        try {
          const found = find();
          if (found === undefined || found === false) return;
          resolve(found);
        } catch (error) {
          reject(error);
        }
        clearTimeout(timer);
        this.#waiting.delete(waiting);
      };
      const timer = setTimeout(() => {
        this.#waiting.delete(waiting);
        reject(new Error(`not within ${timeoutMs} ms: ${what}`));
      }, timeoutMs);
      this.#waiting.add(waiting);
      waiting();
    });
  }

  /** Like {@link until}, for what has to be asked of the system: asked again when something has happened, or a while later. */
  async eventually(what: string, timeoutMs: Millis, find: () => Promise<boolean>): Promise<void> {
    const end = performance.now() + timeoutMs;
    while (!(await find())) {
      if (performance.now() > end) throw new Error(`not within ${timeoutMs} ms: ${what}`);
      await this.#change(ASK_MS);
    }
  }

  /** Resolves when something happens, or after a while. */
  #change(timeoutMs: Millis): Promise<void> {
    return new Promise((resolve) => {
      const changed = (): void => {
        clearTimeout(timer);
        this.#waiting.delete(changed);
        resolve();
      };
      const timer = setTimeout(changed, timeoutMs);
      this.#waiting.add(changed);
    });
  }

  /** A further segment, with nothing in common with this one but its end. What happens there wakes who waits here. */
  beside(): Lab {
    const lab = new Lab(this);
    this.#beside.push(lab);
    return lab;
  }

  /** This segment and those beside it. */
  get segments(): readonly Lab[] {
    return [this, ...this.#beside];
  }

  /** Something happened that a condition may have waited for. */
  changed(): void {
    this.#parent?.changed();
    for (const ask of [...this.#waiting]) ask();
  }

  /** The port at which the frame came in that broke the rule. */
  culprit({ frames }: Violation): string | undefined {
    return this.frames[(frames.at(-1) ?? 0) - 1]?.port;
  }

  /** Has something called at the end, before what was there earlier is closed. */
  closing(close: () => void | Promise<void>): void {
    this.#closers.push(close);
  }

  /** Writes the capture and what the peers said into a folder. */
  save(folder: string): void {
    for (const [i, lab] of this.#beside.entries()) lab.save(join(folder, `beside-${i + 1}`));
    mkdirSync(folder, { recursive: true });
    const ports = [...new Set(this.frames.map(({ port }) => port ?? ''))];
    const start = BigInt(Math.round(performance.timeOrigin * 1_000)) * 1_000n;
    const packets = this.frames.map(({ at, port, bytes }) => ({
      timestampNs: start + BigInt(Math.round(at * 1e6)),
      interfaceId: ports.indexOf(port ?? ''),
      bytes,
    }));
    writeFileSync(
      join(folder, 'capture.pcapng'),
      encodePcapng({ application: 'nexus-net', interfaces: ports.map((name) => ({ name })), packets }),
    );
    for (const peer of this.#peers) writeFileSync(join(folder, `${peer.port}.log`), peer.log);
  }

  /** Ends what runs, removes what was made. */
  async close(): Promise<void> {
    for (const lab of this.#beside) await lab.close();
    for (const close of this.#closers.reverse()) await close();
  }
}

/** A machine of ours at a port. */
export class Station<M extends FrameMachine<unknown>> {
  readonly port: string;
  readonly machine: M;
  /** Everything that it has said. */
  readonly events: EventOf<M>[] = [];
  readonly #driver: Driver<M>;

  constructor(port: string, machine: M, { send, changed }: { send: (frame: Uint8Array) => void; changed: () => void }) {
    this.port = port;
    this.machine = machine;
    this.#driver = new Driver(machine, {
      transmit: (frame) => send(frame as Uint8Array),
      event: (event) => {
        this.events.push(event);
        changed();
      },
    });
  }

  /** Carries out what the machine already has to say. */
  wake(): void {
    this.#driver.wake();
  }

  drive<R>(mutate: (machine: M, now: Millis) => R): R {
    return this.#driver.drive(mutate);
  }

  receive(frame: Uint8Array): void {
    if (!this.#driver.closed) this.#driver.drive((machine, now) => machine.handleFrame(now, frame));
  }

  /** It neither hears nor says anything from here on, as if its power were cut. */
  detach(): void {
    this.#driver.close();
  }
}

/** A kernel with one interface, `eth0`, in a namespace of its own, and the processes on it. */
export class Peer {
  readonly port: string;
  readonly folder: PeerFolder;
  readonly namespace: Namespace;
  readonly #changed: () => void;
  readonly #processes: PeerProcess[] = [];
  #tap: TapDevice | undefined;

  constructor(port: string, namespace: Namespace, changed: () => void) {
    this.port = port;
    this.namespace = namespace;
    this.folder = new PeerFolder(mkdtempSync(join(tmpdir(), `nexus-net-peer-${port}-`)));
    this.#changed = changed;
  }

  async plug({ mac, address, frame }: { mac: MacAddress; address?: string; frame: (frame: Uint8Array) => void }): Promise<void> {
    this.#tap = new TapDevice({ name: DEVICE, namespace: this.namespace.path, frame });
    const own = address === undefined ? [] : [`addr add ${address} dev ${DEVICE}`];
    await this.namespace.ip(`link set ${DEVICE} address ${formatMac(mac)}`, `link set ${DEVICE} up`, ...own);
  }

  /** A frame for the kernel. */
  receive(frame: Uint8Array): void {
    this.#tap?.send(frame);
  }

  run(command: string, args: readonly string[], env: Readonly<Record<string, string>> = {}): PeerProcess {
    const { namespace, folder } = this;
    const process = new PeerProcess({ namespace, folder, command, args, env, changed: this.#changed });
    this.#processes.push(process);
    return process;
  }

  /** What all of its processes have said. */
  get log(): string {
    return this.#processes.map(({ what, output }) => `$ ${what}\n${output}\n`).join('\n');
  }

  /** The addresses of the interface, as `10.77.0.100/24`. */
  addresses(): Promise<readonly string[]> {
    return this.namespace.addresses(DEVICE);
  }

  async close(): Promise<void> {
    await Promise.all(this.#processes.map((process) => process.stop()));
    await this.#tap?.close();
    await this.namespace.remove();
    this.folder.remove();
  }
}

const DEVICE = 'eth0';
const ASK_MS = 200;
