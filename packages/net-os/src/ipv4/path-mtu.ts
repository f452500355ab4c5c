import { formatIpv4, type Ipv4Address, type Millis } from '@nexus-net/sansio';

/** Octets of the largest packet that the path to a destination takes, and whether routers may be relied on to say so. */
export interface PathMtu {
  readonly mtu: number;
  /** False where the path claims less than the floor: packets of the floor's size go out without DF then. */
  readonly dontFragment: boolean;
}

interface Learnt extends PathMtu {
  readonly at: Millis;
}

export interface PathMtuOptions {
  /** The largest that is ever believed: the MTU of the link. */
  readonly linkMtu: number;
  readonly countMax: number;
  /** RFC 1191 §6.3: what was learnt is forgotten after this, and the path tried anew. */
  readonly ageMs: Millis;
  /** What no report gets below (RFC 5927 §7: a forged report must not make every octet a packet). */
  readonly floor: number;
}

/** What an ICMP error says: the next-hop MTU, 0 from routers older than RFC 1191, and the length of the packet it is about. */
export interface TooBigReport {
  readonly reported: number;
  readonly quotedLength: number;
}

/**
 * Path MTU discovery (RFC 1191) for each destination. Reports only ever lower, never below the floor. A path that swallows large
 * packets without a word is stepped down plateau by plateau by whoever notices (RFC 2923 §2.1), see {@link suspect}.
 */
export class PathMtuCache {
  readonly #options: PathMtuOptions;
  /** In order of what was learnt last. */
  readonly #learnt = new Map<Ipv4Address, Learnt>();
  #linkMtu: number;

  constructor(options: PathMtuOptions) {
    this.#options = options;
    this.#linkMtu = options.linkMtu;
  }

  get linkMtu(): number {
    return this.#linkMtu;
  }

  /** The link's MTU from now on, not above the one of the options. What was learnt of paths stays. */
  setLinkMtu(mtu: number): void {
    this.#linkMtu = Math.min(mtu, this.#options.linkMtu);
  }

  /** Octets of the largest packet for `destination`, IP header included. */
  mtuOf(now: Millis, destination: Ipv4Address): number {
    return this.#learnt.size === 0 ? this.#linkMtu : (this.#fresh(now, destination)?.mtu ?? this.#linkMtu);
  }

  /** May packets to `destination` carry DF? */
  discovers(now: Millis, destination: Ipv4Address): boolean {
    return this.#learnt.size === 0 || (this.#fresh(now, destination)?.dontFragment ?? true);
  }

  /** A router could not forward a packet of ours. The new MTU, or `undefined` where the report changes nothing. */
  report(now: Millis, destination: Ipv4Address, { reported, quotedLength }: TooBigReport): number | undefined {
    const current = this.mtuOf(now, destination);
    // RFC 1191 §5: an old router says 0; then the largest plateau below what did not fit.
    const claimed = reported === 0 ? plateauBelow(Math.min(quotedLength, current)) : reported;
    if (claimed >= current) return undefined;
    const { floor } = this.#options;
    const mtu = Math.max(claimed, Math.min(floor, current));
    this.#learn(now, destination, { mtu, dontFragment: claimed >= floor });
    return mtu < current ? mtu : undefined;
  }

  /** Packets of `size` octets vanish, smaller ones arrive: the next plateau below, or the floor. */
  suspect(now: Millis, destination: Ipv4Address, size: number): number {
    const current = this.mtuOf(now, destination);
    const { floor } = this.#options;
    const next = Math.max(Math.min(floor, current), plateauBelow(Math.min(size, current)));
    if (next < current) return this.#learn(now, destination, { mtu: next, dontFragment: next > floor });
    return current;
  }

  forget(): void {
    this.#learnt.clear();
  }

  inspect(now: Millis): readonly { readonly destination: string; readonly mtu: number }[] {
    return [...this.#learnt]
      .filter(([destination]) => this.#fresh(now, destination) !== undefined)
      .map(([destination, { mtu }]) => ({ destination: formatIpv4(destination), mtu }));
  }

  #fresh(now: Millis, destination: Ipv4Address): Learnt | undefined {
    const learnt = this.#learnt.get(destination);
    if (learnt === undefined || learnt.mtu > this.#linkMtu) return undefined;
    if (now - learnt.at < this.#options.ageMs) return learnt;
    this.#learnt.delete(destination);
    return undefined;
  }

  #learn(now: Millis, destination: Ipv4Address, path: PathMtu): number {
    this.#learnt.delete(destination);
    if (this.#learnt.size >= this.#options.countMax) {
      for (const oldest of this.#learnt.keys()) {
        this.#learnt.delete(oldest);
        break;
      }
    }
    this.#learnt.set(destination, { ...path, at: now });
    return path.mtu;
  }
}

function plateauBelow(size: number): number {
  return PLATEAUS.find((plateau) => plateau < size) ?? 68;
}

/** RFC 1191 §7.1, with 1 500 and 1 280 for the tunnels of today (RFC 8899 §5.1.2 names BASE_PLPMTU 1 200). */
const PLATEAUS: readonly number[] = [65_535, 32_000, 17_914, 8_166, 4_352, 2_002, 1_500, 1_492, 1_280, 1_006, 552, 508, 296, 68];
