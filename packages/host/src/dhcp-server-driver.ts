import { DhcpServer, type DhcpServerEvent, type DhcpServerOptions, type DhcpServerTransmit } from '@nexus-net/dhcp';
import type { Datagram } from '@nexus-net/sansio';
import { type Clock, epochClock } from './clock.js';
import { Driver } from './driver.js';
import type { LeaseStore } from './lease-store/lease-store.js';
import type { Timers } from './timers.js';

/** What the application is told: everything but the errands to the store. */
export type DhcpServerDriverEvent = Exclude<DhcpServerEvent, { type: 'store' }>;

export interface DhcpServerDriverOptions {
  /** The driver sets `durability` and `restored`: they follow from {@link store}. */
  readonly server: Omit<DhcpServerOptions, 'durability' | 'restored'>;
  /** Where leases outlive the process. Absent: they are forgotten, and an ACK waits for nothing. */
  readonly store?: LeaseStore;
  /** Takes each reply: to a socket, or as a frame to a wire. It owns what it gets. */
  readonly transmit: (reply: DhcpServerTransmit) => void;
  readonly event?: (event: DhcpServerDriverEvent) => void;
  /** Default {@link epochClock}: leases in a store need an axis that a restart doesn't move. */
  readonly clock?: Clock;
  readonly timers?: Timers;
}

/**
 * Joins a DHCP server, a lease store and a wire: a lease goes to the store, and its ACK to the wire when it is durable.
 * Knows no socket: feed {@link handleDatagram} from whatever carries datagrams.
 */
export class DhcpServerDriver {
  readonly #driver: Driver<DhcpServer>;
  readonly #store: LeaseStore | undefined;

  /** Restores what the store has. Throws `UsageError` for a configuration that contradicts itself. */
  constructor(options: DhcpServerDriverOptions) {
    const { store, transmit, event, clock = epochClock, timers } = options;
    this.#store = store;
    const server = new DhcpServer({
      ...options.server,
      ...(store === undefined ? { durability: 'immediate' } : { durability: 'confirmed', restored: store.rows() }),
    });
    this.#driver = new Driver(server, {
      transmit,
      event: (each) => {
        if (each.type === 'store') this.#save(each);
        else event?.(each);
      },
      clock,
      ...(timers === undefined ? {} : { timers }),
    });
    this.#driver.wake();
  }

  get closed(): boolean {
    return this.#driver.closed;
  }

  /** A datagram for the server's port. The payload is borrowed for the call. */
  handleDatagram(datagram: Datagram): void {
    this.drive((server, now) => server.handleDatagram(now, datagram));
  }

  /** Gives the server a command of the application, or looks at it, then does what follows. */
  drive<R>(mutate: (server: DhcpServer, now: number) => R): R {
    return this.#driver.drive(mutate);
  }

  /** Stops the server; ACKs that still wait for the store are not sent. The store stays open: it is its opener's. Idempotent. */
  close(): void {
    this.#driver.close();
  }

  #save({ id, record }: Extract<DhcpServerEvent, { type: 'store' }>): void {
    this.#store?.append(record, (error) => {
      if (this.#driver.closed) return;
      this.#driver.drive((server, now) => (error === undefined ? server.confirmStored(now, id) : server.storeFailed(now, id)));
    });
  }
}
