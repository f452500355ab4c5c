import type { Tcb } from './tcb.js';

/** Connections that want to send, oldest wish first: a chain through the control blocks, so that a wish makes no garbage. */
export class OutputList {
  #head: Tcb | undefined;
  #tail: Tcb | undefined;

  get first(): Tcb | undefined {
    return this.#head;
  }

  /** At the end, where it is not there yet. */
  add(tcb: Tcb): void {
    if (tcb.isQueuedForOutput) return;
    tcb.isQueuedForOutput = true;
    tcb.nextForOutput = undefined;
    if (this.#tail === undefined) this.#head = tcb;
    else this.#tail.nextForOutput = tcb;
    this.#tail = tcb;
  }

  removeFirst(): void {
    const tcb = this.#head;
    if (tcb === undefined) return;
    this.#head = tcb.nextForOutput;
    if (this.#head === undefined) this.#tail = undefined;
    tcb.nextForOutput = undefined;
    tcb.isQueuedForOutput = false;
  }
}

/** Connections with news for the user, in the order in which they got them. */
export class NewsList {
  #head: Tcb | undefined;
  #tail: Tcb | undefined;

  get first(): Tcb | undefined {
    return this.#head;
  }

  add(tcb: Tcb): void {
    if (tcb.isQueuedForNews) return;
    tcb.isQueuedForNews = true;
    tcb.nextForNews = undefined;
    if (this.#tail === undefined) this.#head = tcb;
    else this.#tail.nextForNews = tcb;
    this.#tail = tcb;
  }

  removeFirst(): void {
    const tcb = this.#head;
    if (tcb === undefined) return;
    this.#head = tcb.nextForNews;
    if (this.#head === undefined) this.#tail = undefined;
    tcb.nextForNews = undefined;
    tcb.isQueuedForNews = false;
  }
}
