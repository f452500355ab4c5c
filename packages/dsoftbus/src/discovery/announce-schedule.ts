import { type Entropy, type Millis, requireArgument, uniform } from '@nexus-net/sansio';

/** When a device announces itself. */
export type AnnounceSchedule =
  | {
      readonly type: 'steady';
      /** Time between announces. Default 5 000 ms. */
      readonly intervalMs?: number;
      /** Each interval is longer by 0..`jitterMs`, drawn anew, so that devices that started together drift apart. Default 500 ms. */
      readonly jitterMs?: number;
      /** Announces at the start, the first one at once, that follow each other faster. Default 3. */
      readonly quickCount?: number;
      /** Time between those. Default 250 ms. */
      readonly quickIntervalMs?: number;
    }
  /** As the OS: at once, then at each multiple of 64 ms of uptime, without jitter. */
  | { readonly type: 'os' };

/** `t & 63 == 0` of the OS. */
export const OS_ANNOUNCE_INTERVAL_MS = 64;
/** `t & 31 == 0`: how often the OS looks for datagrams once it knows its peer. */
export const OS_POLL_INTERVAL_MS = 32;

/** Does the OS announce at this millisecond of its uptime (an unsigned 64-bit number)? */
export function isOsAnnounceDue({ announced, uptimeMs }: { readonly announced: boolean; readonly uptimeMs: bigint }): boolean {
  return !announced || uptimeMs % BigInt(OS_ANNOUNCE_INTERVAL_MS) === 0n;
}

/** Does the OS look for a datagram at this millisecond of its uptime? */
export function isOsPollDue({ peerKnown, uptimeMs }: { readonly peerKnown: boolean; readonly uptimeMs: bigint }): boolean {
  return !peerKnown || uptimeMs % BigInt(OS_POLL_INTERVAL_MS) === 0n;
}

/** Says when the announce after this one is due. */
export class AnnounceClock {
  readonly #next: (now: Millis, sent: number) => Millis;
  #sent = 0;

  constructor(schedule: AnnounceSchedule, entropy: Entropy) {
    if (schedule.type === 'os') {
      this.#next = (now) => (Math.floor(now / OS_ANNOUNCE_INTERVAL_MS) + 1) * OS_ANNOUNCE_INTERVAL_MS;
      return;
    }
    const { intervalMs = 5_000, jitterMs = 500, quickCount = 3, quickIntervalMs = 250 } = schedule;
    requireArgument(Number.isSafeInteger(intervalMs) && intervalMs >= 1, 'intervalMs is a whole number of at least 1 ms');
    requireArgument(Number.isSafeInteger(jitterMs) && jitterMs >= 0, 'jitterMs is a whole number of ms');
    requireArgument(Number.isSafeInteger(quickCount) && quickCount >= 0, 'quickCount is a whole number');
    requireArgument(Number.isSafeInteger(quickIntervalMs) && quickIntervalMs >= 1, 'quickIntervalMs is at least 1 ms');
    this.#next = (now, sent) =>
      now +
      (sent < quickCount ? quickIntervalMs : intervalMs + (jitterMs === 0 ? 0 : uniform(entropy, { low: 0, high: jitterMs })));
  }

  /** An announce goes out at `now`: when is the next one due? Announces that were missed are not made up for. */
  sentAt(now: Millis): Millis {
    this.#sent++;
    return this.#next(now, this.#sent);
  }
}
