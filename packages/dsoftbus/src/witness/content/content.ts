import type { SessionTeller, Side } from '../session-teller.js';

/** Reads what the records of a session say, once they can be opened. */
export interface Content {
  /** `rekey`: the side's next record is under its next key. */
  record(side: Side, plaintext: Uint8Array): 'rekey' | undefined;
}

/** Names of the devices, where they are known. */
export type Devices = Readonly<Partial<Record<Side, string>>>;

export function tellEstablished(teller: SessionTeller, { client, server }: Devices): void {
  const detail = {
    ...(client === undefined ? {} : { clientDevice: client }),
    ...(server === undefined ? {} : { serverDevice: server }),
  };
  teller.fact('dsoftbus.session-established', detail, 'whole');
}
