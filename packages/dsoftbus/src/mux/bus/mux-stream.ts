import type { DeadlineEntry } from '@nexus-net/sansio';
import type { Waiting } from './frame-order.js';
import type { MuxStreamId } from './mux-event.js';
import { OctetRing } from './octet-ring.js';

/** One stream. `send` moves from open to closed by way of closing, while octets in front of the CLOSE wait. */
export class MuxStream implements Waiting {
  readonly id: MuxStreamId;
  readonly name: string;
  readonly nameOctets: Uint8Array;
  readonly priority: number;
  /** We opened it. */
  readonly isOwn: boolean;
  /** Octets that the application wrote. */
  readonly outgoing: OctetRing;
  /** Octets that the application has not read. */
  readonly incoming: OctetRing;
  send: 'open' | 'closing' | 'closed' = 'open';
  isPeerClosed = false;
  /** Our OPEN is not sent yet. */
  isOpenDue: boolean;
  isAccepted = false;
  /** Octets that we may send. */
  sendCredit: number;
  /** Octets that the peer may send. `receiveCredit + incoming + consumed` is the window. */
  receiveCredit: number;
  /** Octets that were read and not given back. */
  consumed = 0;
  isCreditDue = false;
  /** A `write` took less than all. */
  isWriterWaiting = false;
  /** Gone from the table. */
  isGone = false;
  stall: DeadlineEntry<MuxStream> | undefined;
  previous: Waiting | undefined;
  next: Waiting | undefined;
  isWaiting = false;

  constructor(stream: MuxStreamNames, limits: MuxStreamLimits) {
    this.id = stream.id;
    this.name = stream.name;
    this.nameOctets = stream.nameOctets;
    this.priority = stream.priority;
    this.isOwn = stream.isOwn;
    this.isOpenDue = stream.isOwn;
    this.sendCredit = limits.sendCredit;
    this.receiveCredit = limits.windowOctets;
    this.outgoing = new OctetRing(limits.sendBufferOctetsMax);
    this.incoming = new OctetRing(limits.windowOctets);
  }

  get state(): MuxStreamState {
    if (this.send === 'open') return this.isPeerClosed ? 'half-closed-remote' : 'open';
    return this.isPeerClosed ? 'finished' : 'half-closed-local';
  }

  /** Has something that may go out now. */
  get isReady(): boolean {
    if (this.isOpenDue) return true;
    return this.outgoing.length > 0 ? this.sendCredit > 0 : this.send === 'closing';
  }
}

export interface MuxStreamNames {
  readonly id: MuxStreamId;
  readonly name: string;
  readonly nameOctets: Uint8Array;
  readonly priority: number;
  readonly isOwn: boolean;
}

export interface MuxStreamLimits {
  readonly sendCredit: number;
  readonly windowOctets: number;
  readonly sendBufferOctetsMax: number;
}

/** As the application sees it: what it has closed is closed, even while octets in front of the CLOSE wait. */
export type MuxStreamState = 'open' | 'half-closed-local' | 'half-closed-remote' | 'finished';
