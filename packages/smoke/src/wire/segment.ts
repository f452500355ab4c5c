import type { GatewayView, Lan, LanEvent, TapView } from '@nexus-net/lan';

/** What a segment does for a run, whoever owns it: it takes frames, lets witnesses see them, and asks for the guest. */
export type Segment = Pick<Lan, 'handleFrame' | 'handleTimeout' | 'nextTimeout' | 'command'> & {
  pollTransmit(): SegmentTransmit | undefined;
  pollEvent(): SegmentEvent | undefined;
  inspect(): {
    readonly tap: TapView;
    readonly gateway?: GatewayView;
    readonly transmitsDropped: number;
    readonly eventsDropped: number;
  };
};

/** A frame for a guest. */
export interface SegmentTransmit {
  /** The guest's port; absent where there is one guest. */
  readonly port?: string;
  readonly frame: Uint8Array;
}

export type SegmentEvent = LanEvent;
