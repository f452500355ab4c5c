import type { Impairment } from '@nexus-net/lan';
import type { Millis } from '@nexus-net/sansio';
import type { NodeName, PhaseName } from '@nexus-net/verdict';

/** When something happens to the wire or to a machine: at an instant of the run, or when the ladder comes to a phase. */
export type Moment = { readonly type: 'at'; readonly ms: Millis } | { readonly type: 'phase'; readonly phase: PhaseName };

/** What is done to a run on purpose. All of it is in the record of the run. */
export interface WireFaults {
  /** What happens to each frame of a guest on its way to the other one; with one guest, to and from the gateway. Default: nothing. */
  readonly impairment?: Impairment;
  /** The fate of each frame is drawn from it: the same seed and the same frames, the same fate. */
  readonly seed: string;
  /** Nothing passes between the guests for so long. */
  readonly partition?: { readonly from: Moment; readonly forMs: Millis };
  /** The cable of a guest is pulled, and stays out. */
  readonly cut?: { readonly node: NodeName; readonly from: Moment };
  /** The machine of a guest loses its power; with `restart` it gets it back at once. */
  readonly kill?: { readonly node: NodeName; readonly from: Moment; readonly restart: boolean };
}

/**
 * How much longer than on a good wire anything may take: a frame that is lost is repeated after a second at most while a connection is young, and
 * twice that later; a partition is waited out.
 */
export function slackOf({ impairment = {}, partition, kill }: Partial<WireFaults>): Millis {
  const { loss = 0, delayMs = 0, jitterMs = 0, reorder = 0, reorderMeanMs = 50 } = impairment;
  const repeats = loss > 0 ? 60_000 * Math.min(1, loss * 5) : 0;
  const delays = 40 * (delayMs + jitterMs) + (reorder > 0 ? 10 * reorderMeanMs : 0);
  return Math.round(repeats + delays + 2 * (partition?.forMs ?? 0) + (kill?.restart ? 60_000 : 0));
}
