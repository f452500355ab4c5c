import {
  chance,
  type Datagram,
  IPV4_BROADCAST,
  type Ipv4Address,
  ipv4FromU32,
  type MacAddress,
  type Millis,
  SeededEntropy,
  uniform,
} from '@nexus-net/sansio';
import { type Ask, datagramOf, FIRST, LAB_OPTIONS, number, readReply, SERVER } from '../../../dhcp/test/support/server-lab.js';
import {
  DhcpServerDriver,
  JournalLeaseStore,
  type JournalLeaseStoreOptions,
  type LeaseStore,
  type StoreFiles,
} from '../../src/index.js';
import { type CrashKind, FakeDisk, type FakeDiskOptions } from './fake-disk.js';
import { ManualTime } from './manual-time.js';

/** Six clients and four addresses: every lease is wanted by somebody else. */
const CLIENT_COUNT = 6;
const ADDRESS_COUNT = 4;
const CRASHES_PER_WORLD = 20;
const PATH = 'leases';

export interface CrashRunOptions extends FakeDiskOptions {
  readonly crashes: number;
  readonly seed: number;
  readonly kind: CrashKind;
  readonly sync?: JournalLeaseStoreOptions['sync'];
  /** A planted bug: what the store gets in place of the disk. */
  readonly files?: (disk: FakeDisk) => StoreFiles;
  /** A planted bug: what the server gets in place of the store. */
  readonly store?: (store: LeaseStore) => LeaseStore;
}

export interface CrashRunResult {
  /** What went wrong, first of all. */
  readonly violation: string | undefined;
  readonly crashes: number;
  /** What the run has met: proof that it was about something. */
  readonly seen: { acks: number; heldAtRecovery: number; damagedRecoveries: number; failures: number; compactions: number };
}

/** Crashes a DHCP server with a journal on a fake disk, again and again, and holds it to what its clients were told. */
export async function runCrashes(options: CrashRunOptions): Promise<CrashRunResult> {
  const seen = { acks: 0, heldAtRecovery: 0, damagedRecoveries: 0, failures: 0, compactions: 0 };
  let crashes = 0;
  for (let world = 0; crashes < options.crashes; world++) {
    const run = new LeaseWorld(new SeededEntropy(`${options.seed}/${world}`), options, seen);
    for (let life = 0; life < CRASHES_PER_WORLD; life++) {
      try {
        await run.live();
      } catch (error) {
        run.violation ??= `threw: ${String(error)}`;
      }
      crashes++;
      if (run.violation !== undefined) return { violation: `world ${world}, life ${life}: ${run.violation}`, crashes, seen };
      if (crashes === options.crashes) break;
      run.crash();
    }
  }
  return { violation: undefined, crashes, seen };
}

/** The law of a lease store under crashes; throws where it is broken, or where the run met too little to say anything. */
export async function crashLaw(options: CrashRunOptions): Promise<void> {
  const { violation, seen, crashes } = await runCrashes(options);
  if (violation !== undefined) throw new Error(violation);
  const { acks, heldAtRecovery, damagedRecoveries, failures, compactions } = seen;
  const torn = options.kind === 'kill' || damagedRecoveries > crashes / 50;
  const failed = (options.failureRate ?? 0) === 0 || failures > crashes / 20;
  if (crashes !== options.crashes || acks < crashes / 4 || heldAtRecovery < crashes / 4 || compactions === 0 || !torn || !failed)
    throw new Error(`a run about nothing: ${JSON.stringify({ crashes, ...seen })}`);
}

/** What a client was promised by the last ACK that left the server. */
interface Promised {
  readonly client: number;
  readonly until: Millis;
}

class LeaseWorld {
  violation: string | undefined;
  readonly #entropy: SeededEntropy;
  readonly #options: CrashRunOptions;
  readonly #seen: CrashRunResult['seen'];
  readonly #promised = new Map<Ipv4Address, Promised>();
  /** What each client was offered last. */
  readonly #offered = new Map<number, Ipv4Address>();
  /** The address that each client had last. */
  readonly #last = new Map<number, Ipv4Address>();
  #disk: FakeDisk;
  #now: Millis = 1_700_000_000_000;
  #xid = 1;

  constructor(entropy: SeededEntropy, options: CrashRunOptions, seen: CrashRunResult['seen']) {
    this.#entropy = entropy;
    this.#options = options;
    this.#seen = seen;
    this.#disk = new FakeDisk(entropy, options);
  }

  crash(): void {
    this.#disk = this.#disk.crash(this.#options.kind);
    // Clients' messages may be hours late, but the wall clock goes on.
    this.#now += 1_000 * this.#below(30);
  }

  /** One life of the server, from the recovery to just before the crash. */
  async live(): Promise<void> {
    const time = new ManualTime(this.#now);
    const opened = await this.#open(time);
    if (opened === undefined) return;
    this.#checkRecovered(opened);
    if (opened.inspect().recovered.damagedOctets > 0) this.#seen.damagedRecoveries++;
    const driver = new DhcpServerDriver({
      server: { ...LAB_OPTIONS, offerMs: 20_000, quarantineMs: 60_000 },
      store: this.#options.store?.(opened) ?? opened,
      transmit: (reply) => this.#heard(readReply(reply)),
      clock: time,
      timers: time,
    });
    for (let steps = this.#below(60); steps > 0 && this.violation === undefined; steps--) {
      const dice = this.#below(10);
      if (dice < 4) driver.handleDatagram(this.#ask());
      else if (dice < 9) await this.#stepDisk(opened);
      else {
        this.#now += 1_000 * (chance(this.#entropy, 0.2) ? this.#below(120) : this.#below(4));
        time.advanceTo(this.#now);
      }
    }
    driver.close();
    const { compactions, failures } = opened.inspect();
    this.#seen.compactions += compactions;
    for (const count of Object.values(failures)) this.#seen.failures += count;
  }

  /** Opens the store; `undefined` where the crash comes first, or where a failing disk can't be opened. */
  async #open(time: ManualTime): Promise<JournalLeaseStore | undefined> {
    const { sync = 'fdatasync', files, failureRate = 0 } = this.#options;
    const opening = JournalLeaseStore.open({
      path: PATH,
      sync,
      files: files?.(this.#disk) ?? this.#disk,
      entropy: this.#entropy,
      clock: time,
      compactOctetsMin: 300,
      compactRatio: 1.5,
    });
    let outcome: JournalLeaseStore | Error | undefined;
    opening.then(
      (store) => (outcome = store),
      (error) => (outcome = error as Error),
    );
    // Most lives begin well; the others end in the middle of the recovery.
    for (let steps = chance(this.#entropy, 0.9) ? 1_000 : this.#below(8); steps > 0; steps--) {
      await tick();
      if (outcome !== undefined || !this.#disk.busy) break;
      this.#disk.step();
    }
    await tick();
    if (outcome instanceof Error) {
      if (failureRate === 0 || !/ENOSPC|EIO/.test(outcome.message)) this.violation = `recovery failed: ${outcome.message}`;
      return undefined;
    }
    return outcome;
  }

  async #stepDisk(store: LeaseStore): Promise<void> {
    if (!this.#disk.busy && store.inspect().queued > 0) await tick();
    this.#disk.step();
    await tick();
  }

  /** Every lease that some client was promised, and did not give back, is in the store. */
  #checkRecovered(store: LeaseStore): void {
    const rows = new Map(store.rows().map((row) => [row.address, row]));
    for (const [address, { client, until }] of this.#promised) {
      if (until <= this.#now) continue;
      this.#seen.heldAtRecovery++;
      const row = rows.get(address);
      if (row?.state === 'leased' && row.hardware[5] === client && row.until >= until) continue;
      this.violation ??= `an acknowledged lease is lost: ${address - FIRST} of client ${client}, found ${JSON.stringify(row)}`;
    }
  }

  #heard(reply: ReturnType<typeof readReply>): void {
    const { yiaddr, chaddr } = reply.message;
    const client = chaddr[5] as number;
    if (reply.type === 'offer') this.#offered.set(client, yiaddr);
    if (reply.type !== 'ack') return;
    const holder = this.#promised.get(yiaddr);
    if (holder !== undefined && holder.client !== client && holder.until > this.#now)
      this.violation ??= `address ${yiaddr - FIRST} is leased to client ${client} while client ${holder.client} has it`;
    this.#promised.set(yiaddr, { client, until: this.#now + 1_000 * (number(reply, 51) ?? 0) });
    this.#last.set(client, yiaddr);
    this.#seen.acks++;
  }

  /** What one of the clients says next. */
  #ask(): Datagram {
    const client = 1 + this.#below(CLIENT_COUNT);
    const mac = (0x020000000000 + client) as MacAddress;
    const common: Ask = { mac, xid: this.#xid++, flags: 0x8000, leaseSeconds: 60 + this.#below(120) };
    const own = [...this.#promised].find(([, held]) => held.client === client && held.until > this.#now)?.[0];
    if (own !== undefined) {
      const dice = this.#below(10);
      if (dice < 5) return datagramOf({ ...common, type: 'request', ciaddr: own, source: own, destination: SERVER });
      if (dice < 7) return datagramOf({ ...common, type: 'request', requested: own });
      if (dice < 9) return datagramOf({ ...common, type: 'discover' });
      this.#promised.delete(own);
      if (chance(this.#entropy, 0.5)) return datagramOf({ ...common, type: 'decline', requested: own, server: SERVER });
      return datagramOf({ ...common, type: 'release', ciaddr: own, source: own, server: SERVER });
    }
    const offered = this.#offered.get(client);
    if (offered !== undefined && chance(this.#entropy, 0.7)) {
      this.#offered.delete(client);
      return datagramOf({ ...common, type: 'request', requested: offered, server: SERVER, destination: IPV4_BROADCAST });
    }
    if (chance(this.#entropy, 0.7)) return datagramOf({ ...common, type: 'discover' });
    const wanted = this.#last.get(client) ?? ipv4FromU32(FIRST + this.#below(ADDRESS_COUNT));
    return datagramOf({ ...common, type: 'request', requested: wanted });
  }

  #below(count: number): number {
    return uniform(this.#entropy, { low: 0, high: count - 1 });
  }
}

/** Everything that waits for a promise or for the end of this turn of the event loop has run. */
function tick(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
