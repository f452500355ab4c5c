import { decodeConnectRequest, decodeConnectResponse, decodeHostFrame } from '../../host/messages.js';
import type { SessionTeller, Side } from '../session-teller.js';
import { type Content, type Devices, tellEstablished } from './content.js';

/** Dialect `host`: the client says who it is, the server answers yes or no, then frames. */
export class HostContent implements Content {
  readonly #teller: SessionTeller;
  readonly #devices: Devices;
  #isAsked = false;
  #isAnswered = false;

  constructor(teller: SessionTeller, devices: Devices) {
    this.#teller = teller;
    this.#devices = devices;
  }

  record(side: Side, plaintext: Uint8Array): undefined {
    const teller = this.#teller;
    if (side === 'client' && !this.#isAsked) {
      this.#isAsked = true;
      const claim = decodeConnectRequest(plaintext);
      if (!claim.ok) teller.violation('dsoftbus.malformed-frame', claim.error);
      else if (this.#devices.client !== undefined && claim.value !== this.#devices.client)
        teller.violation('dsoftbus.bad-identity', 'the client asks under another id than the one it has proven');
      return;
    }
    if (side === 'server' && !this.#isAnswered) {
      this.#isAnswered = true;
      const answer = decodeConnectResponse(plaintext);
      if (!answer.ok) teller.violation('dsoftbus.malformed-frame', answer.error);
      else if (answer.value) tellEstablished(teller, this.#devices);
      return;
    }
    const frame = decodeHostFrame(plaintext);
    if (!frame.ok) {
      teller.violation('dsoftbus.malformed-frame', frame.error);
      return;
    }
    const { channel, payload } = frame.value;
    teller.fact('dsoftbus.frame', { sender: teller.addressOf(side), channel, octets: payload.length });
  }
}
