import { Tap } from '@nexus-net/lan';
import { type Ipv4Address, type Millis, NEVER } from '@nexus-net/sansio';
import { LineAssembler, type NodeName } from '@nexus-net/verdict';
import type { Fact } from '@nexus-net/wire';
import { ConsoleScript, type ScriptStep } from './console-script.js';
import type { GuestDefinition, GuestPlace } from './guest.js';
import { loopbackWitnesses } from './loopback.js';

export interface SmokeNodeOptions {
  readonly name: NodeName;
  readonly place: GuestPlace;
  readonly answers: GuestDefinition['answers'];
  /** Who asks for the guest. */
  readonly asker: Ipv4Address;
  /** It has its address from the start, without a lease. */
  readonly isStatic: boolean;
  /** The name of its loopback interface in the capture. */
  readonly loopbackPort: string;
  readonly script: readonly ScriptStep[];
  /** Draws the number of each frame of the capture. */
  readonly nextNumber: () => number;
}

/** One guest of a run, as the harness knows it: its consoles, its script, its exported loopback interface, and whether it is reachable. */
export class SmokeNode {
  readonly name: NodeName;
  readonly place: GuestPlace;
  readonly answers: GuestDefinition['answers'];
  readonly loopbackPort: string;
  readonly console: LineAssembler = new LineAssembler();
  readonly kernel: LineAssembler = new LineAssembler();
  readonly loopback: Tap;
  #script: ConsoleScript;
  readonly #isStatic: boolean;
  readonly #asker: Ipv4Address;
  /** The guest asked for the gateway from its present address. */
  #speaks = false;
  /** The guest answered an ARP request of the gateway for its present address. */
  #found = false;
  /** The newest address leased to the guest. */
  #leased: Ipv4Address | undefined;
  /** When the gateway asks the guest next. */
  probeAt: Millis = NEVER;
  /** When the gateway tries the guest's listener next. */
  exchangeAt: Millis = NEVER;
  /** Without power on purpose: its end is no news. */
  isDown = false;

  constructor({ name, place, answers, asker, isStatic, loopbackPort, script, nextNumber }: SmokeNodeOptions) {
    this.name = name;
    this.place = place;
    this.answers = answers;
    this.loopbackPort = loopbackPort;
    this.#isStatic = isStatic;
    this.#asker = asker;
    this.#script = new ConsoleScript(script);
    this.loopback = new Tap({ witnesses: loopbackWitnesses(), nextNumber });
  }

  get script(): ConsoleScript {
    return this.#script;
  }

  /** It has power again: all is typed anew. */
  restart(script: readonly ScriptStep[]): void {
    this.#script = new ConsoleScript(script);
    this.isDown = false;
  }

  /** The address that the guest should have by now. */
  get address(): Ipv4Address | undefined {
    return this.#leased ?? (this.#isStatic ? this.place.address : undefined);
  }

  /** The guest answered an ARP request: it can be pinged. */
  get isFound(): boolean {
    return this.#found;
  }

  /**
   * The ladder wants to know whether the guest is reachable. A guest that has not used its address yet may not have it: an ARP request too
   * early is not repeated for a second. A guest without a router is asked from its first frame on, since the other one of two may come much later.
   */
  wantsProbe(now: Millis): void {
    if (!this.place.isUnrouted) this.probeAt = this.#speaks ? now : now + FIRST_PROBE_MS;
  }

  nextTimeout(): Millis {
    return Math.min(this.probeAt, this.exchangeAt);
  }

  /** What a fact of the wire says of this guest. `answered`: it answered the gateway's ping, which need not be sent any more. */
  handleFact(now: Millis, fact: Fact): 'answered' | undefined {
    const { mac } = this.place;
    if (fact.kind === 'dhcp.leased' && fact.client === mac) {
      this.#found &&= this.#leased === fact.address;
      this.#speaks &&= this.#leased === fact.address;
      this.#leased = fact.address;
    }
    if (fact.kind === 'ethernet.seen' && fact.mac === mac && this.place.isUnrouted) this.probeAt = now;
    const own = this.address;
    if (fact.kind === 'arp.resolved' && fact.askerMac === mac && fact.askerIp === own) {
      this.#speaks = true;
      if (this.probeAt !== NEVER) this.probeAt = now;
    }
    if (fact.kind === 'arp.resolved' && fact.askerIp === this.#asker && fact.ownerIp === own) this.#found = true;
    if (fact.kind !== 'icmp.echo-answered' || fact.asker !== this.#asker || fact.answerer !== own || !this.#found)
      return undefined;
    this.probeAt = NEVER;
    return 'answered';
  }
}

const FIRST_PROBE_MS: Millis = 1_000;
