import { bytesEqual, isMacGroup, type MacAddress, type Millis, readMac, writeMac } from '@nexus-net/sansio';
import { demand, drain, type FuzzLimits, FuzzScript } from '../../../sansio/test/support/fuzz.js';
import { Switch, type SwitchTransmit } from '../../src/switch.js';

export const limits: FuzzLimits = { octetsMax: 400, costBase: 50_000, costPerOctet: 3000, allocatedPerOctet: 3000 };

const PORTS = ['a', 'b', 'c', 'd'] as const;
const TABLE_MAX = 3;
const AGE_MS = 10_000;
const OCTETS_MAX = 64;
const MACS: readonly MacAddress[] = [
  0x020000000001, 0x020000000002, 0x020000000003, 0x020000000004, 0x020000000005, 0xffffffffffff, 0x01005e000001, 0x0180c2000003,
  0,
] as MacAddress[];

/**
 * The octets are a sequence of time, frames and ports going up and down. Whatever comes: no frame goes back to its port or to
 * one that is down, none arrives twice or changed; a known station's frame goes to its port alone, an unknown one's to all
 * others; the table keeps to its limit and age; each frame in is forwarded, flooded or rejected.
 */
export function target(bytes: Uint8Array): void {
  const script = new FuzzScript(bytes);
  const bits = script.u8();
  const machine = new Switch({ macCountMax: TABLE_MAX, ageMs: AGE_MS, frameOctetsMax: OCTETS_MAX });
  for (const name of PORTS) machine.addPort(name);
  const watch = new Watch(machine, { owned: (bits & 1) !== 0 });
  while (!script.isAtEnd) {
    const kind = script.u8();
    if (kind % 8 === 0) watch.sleep(script.pick([0, 1, 1000, 9999, 10_000, 60_000, -1, -20_000]));
    else if (kind % 8 === 1) machine.setPort(watch.clock, { name: script.pick(PORTS), up: (kind & 8) !== 0 });
    else watch.frame(PORTS[(kind >>> 3) & 3] ?? 'a', kind % 8 === 2 ? script.take(script.u8() % 80) : drawFrame(script));
  }
}

function drawFrame(script: FuzzScript): Uint8Array {
  const frame = new Uint8Array(14 + (script.u8() % 60));
  writeMac(frame, 0, script.pick(MACS));
  writeMac(frame, 6, script.pick(MACS));
  frame.fill(script.u8(), 12);
  return frame;
}

class Watch {
  clock: Millis = 0;
  readonly #machine: Switch;
  readonly #owned: boolean;
  #now: Millis = Number.NEGATIVE_INFINITY;
  #received = 0;

  constructor(machine: Switch, { owned }: { readonly owned: boolean }) {
    this.#machine = machine;
    this.#owned = owned;
  }

  sleep(time: Millis): void {
    this.clock += time;
    this.#now = Math.max(this.#now, this.clock);
    this.#machine.handleTimeout(this.clock);
    demand(this.#machine.nextTimeout() > this.#now, 'what is due has been done');
    demand(this.#machine.pollTransmit() === undefined, 'time sends nothing');
  }

  frame(port: string, frame: Uint8Array): void {
    const machine = this.#machine;
    const sent = frame.slice();
    if (this.#owned) machine.handleOwnedFrame(this.clock, port, frame);
    else machine.handleFrame(this.clock, port, frame);
    this.#received++;
    const { ports, table, forwarded, flooded, rejects } = machine.inspect();
    demand(
      table.length <= TABLE_MAX && new Set(table.map(({ mac }) => mac)).size === table.length,
      'the table keeps to its limit',
    );
    const rejected = Object.values(rejects).reduce((sum, count) => sum + count, 0);
    demand(forwarded + flooded + rejected === this.#received, 'each frame is forwarded, flooded or rejected');

    const out = drain(() => machine.pollTransmit(), PORTS.length);
    const up = ports.filter((each) => each.up && each.name !== port).map(({ name }) => name);
    checkCopies(out, { sent, up });
    for (const event of drain(() => machine.pollEvent()))
      if (event.type === 'moved') demand(event.from !== event.to, 'a station moves to another port');
    const isUp = ports.find(({ name }) => name === port)?.up === true;
    if (!isUp || sent.length < 14 || sent.length > OCTETS_MAX) demand(out.length === 0, 'what is no frame goes nowhere');
    if (out.length === 0) return;
    const source = readMac(sent, 6);
    demand(!isMacGroup(source) && source !== 0, 'a frame comes from a station');
    // After the frame: learning its source does not change where its destination is, unless both are the same.
    const known = table.find(({ mac, seenAt }) => mac === readMac(sent, 0) && seenAt + AGE_MS > this.#now);
    const expected = known === undefined ? up : [known.port];
    demand(out.map((each) => each.port).join() === expected.join(), 'a known station gets its frames alone, others are sought');
  }
}

function checkCopies(
  out: readonly SwitchTransmit[],
  { sent, up }: { readonly sent: Uint8Array; readonly up: readonly string[] },
): void {
  demand(new Set(out.map(({ port }) => port)).size === out.length, 'a frame leaves a port once');
  demand(new Set(out.map(({ frame }) => frame)).size === out.length, 'each port has a copy of its own');
  for (const { port, frame } of out) {
    demand(up.includes(port), 'a frame leaves at another port that is up');
    demand(bytesEqual(frame, sent), 'a frame leaves as it came');
  }
}

/** Stations that learn of each other, one that moves, a full table, ageing, a port that goes down. */
export function seeds(): Uint8Array[] {
  const frame = (port: number, to: number, from: number): number[] => [(port << 3) | 3, 46, to, from, 7];
  const talk = [...frame(0, 1, 0), ...frame(1, 0, 1), ...frame(0, 1, 0)];
  return [
    Uint8Array.from([0, ...talk, ...frame(2, 1, 0), ...frame(1, 0, 1), ...frame(3, 5, 2), ...frame(3, 6, 3), 0, 4, ...talk]),
    Uint8Array.from([1, ...talk, 1, 0, ...talk, 9, 0, ...talk, ...frame(0, 7, 0), ...frame(0, 1, 8), ...frame(0, 0, 0)]),
  ];
}
