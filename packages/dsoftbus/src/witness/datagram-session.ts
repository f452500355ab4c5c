import { QD_OPCODE, type QdDatagram } from '../os/qd/datagram.js';
import { OS_MESSAGE_LENGTHS } from '../os/session/handshake.js';
import type { FollowedSession } from './followed-session.js';
import type { SessionTeller, Side } from './session-teller.js';

/**
 * The datagram session of the OS: three messages, then PING and PONG in clear, as the OS has them. Datagrams may be lost and repeated;
 * the next one in order counts, others change nothing.
 */
export class DatagramSession {
  readonly #teller: SessionTeller;
  readonly #followed: FollowedSession | undefined;
  #step = 0;

  constructor(teller: SessionTeller, followed: FollowedSession | undefined) {
    this.#teller = teller;
    this.#followed = followed;
  }

  handleDatagram(side: Side, { opcode, payload }: QdDatagram): void {
    const due = STEPS[this.#step];
    if (due === undefined || side !== due.side || opcode !== due.opcode || payload.length !== due.length) return;
    this.#step++;
    if (this.#step <= 3) this.#followed?.handshake((this.#step - 1) as 0 | 1 | 2, payload);
    // PONG proves nothing by itself, but only a server that took the third message sends it.
    else if (this.#step === STEPS.length)
      this.#teller.fact('dsoftbus.session-opened', { handshake: OS_MESSAGE_LENGTHS.join(' ') }, 'whole');
  }
}

const STEPS: readonly { readonly side: Side; readonly opcode: number; readonly length: number }[] = [
  { side: 'client', opcode: QD_OPCODE.msg1, length: OS_MESSAGE_LENGTHS[0] },
  { side: 'server', opcode: QD_OPCODE.msg2, length: OS_MESSAGE_LENGTHS[1] },
  { side: 'client', opcode: QD_OPCODE.msg3, length: OS_MESSAGE_LENGTHS[2] },
  { side: 'client', opcode: QD_OPCODE.ping, length: 4 },
  { side: 'server', opcode: QD_OPCODE.pong, length: 4 },
];
