import type { Ipv4Address } from '@nexus-net/sansio';
import type { DsoftbusSession, FactDetail, FactKind } from '@nexus-net/wire';

/** The two ends of a session: the client dialled. */
export type Side = 'client' | 'server';

/** `qd`: the datagram session of the OS. */
export type Dialect = 'bus' | 'os' | 'host' | 'qd';

/** Facts about sessions; whose session it is, is added by whoever tells. */
export type SessionFactKind = Exclude<Extract<FactKind, `dsoftbus.${string}`>, 'dsoftbus.announced'>;
export type SessionFactDetail<K extends SessionFactKind> = Omit<FactDetail[K], keyof DsoftbusSession>;

/** Rules of DSoftBus that a segment can be seen to break, and where they are written. */
export const DSOFTBUS_RULES = {
  'dsoftbus.malformed-announce': 'announce v1',
  'dsoftbus.oversize-message': 'Noise §3',
  'dsoftbus.plaintext': 'Noise §5',
  'dsoftbus.out-of-turn': 'Noise §5.3',
  'dsoftbus.malformed-handshake': 'dialect bus v1 §2',
  'dsoftbus.bad-handshake': 'Noise §5.3',
  'dsoftbus.bad-identity': 'identity of the dialect',
  'dsoftbus.undecryptable': 'Noise §5.1',
  'dsoftbus.malformed-record': 'records of the dialect',
  'dsoftbus.malformed-frame': 'frames of the dialect',
  'dsoftbus.early-record': 'dialect bus v1 §2',
} as const;

export type DsoftbusRule = keyof typeof DSOFTBUS_RULES;

/** How a reader of one session says what it has read, about the frame in hand. */
export interface SessionTeller {
  /** `whole`: the frames of the session so far prove it, not the one in hand alone. */
  fact<K extends SessionFactKind>(kind: K, detail: SessionFactDetail<K>, whole?: 'whole'): void;
  violation(rule: DsoftbusRule, message: string): void;
  /** Address of a side. */
  addressOf(side: Side): Ipv4Address;
}
