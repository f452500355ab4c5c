import { describe, expect, test } from 'vitest';
import type { TcpConnection } from '../../src/index.js';
import { Lab, mss, PLAIN, type Short } from '../support/tcp-lab.js';

/**
 * RFC 9293 §3.10.7.3 and §3.10.7.4 with RFC 5961, segment by segment and state by state. Each cell, typed from the RFC: what we answer, then the state
 * afterwards where it is another one. `-`: no answer.
 */
interface Row {
  readonly segment: string;
  readonly short: (base: Base) => Short;
  readonly cells: Readonly<Record<StateName, string>>;
}

/** What the peer's next segment counts from in a state. */
interface Base {
  /** RCV.NXT */
  readonly next: number;
  /** SND.NXT */
  readonly all: number;
}

const STATES = [
  'SYN-RECEIVED',
  'ESTABLISHED',
  'FIN-WAIT-1',
  'FIN-WAIT-2',
  'CLOSE-WAIT',
  'CLOSING',
  'LAST-ACK',
  'TIME-WAIT',
] as const;
type StateName = (typeof STATES)[number];

const BASE: Readonly<Record<StateName, Base>> = {
  'SYN-RECEIVED': { next: 1, all: 1 },
  ESTABLISHED: { next: 1, all: 1 },
  'FIN-WAIT-1': { next: 1, all: 2 },
  'FIN-WAIT-2': { next: 1, all: 2 },
  'CLOSE-WAIT': { next: 2, all: 1 },
  CLOSING: { next: 2, all: 2 },
  'LAST-ACK': { next: 2, all: 2 },
  'TIME-WAIT': { next: 2, all: 2 },
};

/** A connection in that state, reached as a peer would lead it there. */
function inState(lab: Lab, state: StateName): { readonly connection: TcpConnection | undefined } {
  if (state === 'SYN-RECEIVED') {
    // An active open that met the peer's (figure 7), so that there is somebody to watch it.
    const connection = lab.connect(PLAIN);
    lab.take();
    lab.send({ flags: 'S', seq: 0, options: [mss(1_460)] });
    lab.take();
    return { connection };
  }
  const connection = lab.established(PLAIN);
  const fin: Short = { flags: 'FA', seq: 1, ack: 1 };
  switch (state) {
    case 'ESTABLISHED':
      break;
    case 'FIN-WAIT-1':
      connection.shutdown(lab.now);
      break;
    case 'FIN-WAIT-2':
      connection.shutdown(lab.now);
      lab.take();
      lab.send({ flags: 'A', seq: 1, ack: 2 });
      break;
    case 'CLOSE-WAIT':
      lab.send(fin);
      break;
    case 'CLOSING':
      connection.shutdown(lab.now);
      lab.take();
      lab.send(fin);
      break;
    case 'LAST-ACK':
      lab.send(fin);
      connection.shutdown(lab.now);
      break;
    case 'TIME-WAIT':
      connection.shutdown(lab.now);
      lab.take();
      lab.send({ ...fin, ack: 2 });
      break;
  }
  lab.take();
  return { connection };
}

/** The same cell for every state but those named. */
function cells(all: string, some: Partial<Record<StateName, string>> = {}): Record<StateName, string> {
  return { ...(Object.fromEntries(STATES.map((state) => [state, all])) as Record<StateName, string>), ...some };
}

/** "Where we are": the acknowledgment that answers what cannot be accepted. */
const HERE: Readonly<Record<StateName, string>> = {
  'SYN-RECEIVED': 'A 1:1',
  ESTABLISHED: 'A 1:1',
  'FIN-WAIT-1': 'A 2:1',
  'FIN-WAIT-2': 'A 2:1',
  'CLOSE-WAIT': 'A 1:2 w65534',
  CLOSING: 'A 2:2 w65534',
  'LAST-ACK': 'A 2:2 w65534',
  'TIME-WAIT': 'A 2:2 w65534',
};

const ROWS: readonly Row[] = [
  {
    segment: 'a reset at RCV.NXT ends it; in TIME-WAIT it is ignored (RFC 5961 §3.2, RFC 1337)',
    short: ({ next }) => ({ flags: 'R', seq: next }),
    cells: cells('- CLOSED', { 'TIME-WAIT': '-' }),
  },
  {
    segment: 'a reset in the window, not at RCV.NXT, is challenged (RFC 5961 §3.2)',
    short: ({ next }) => ({ flags: 'R', seq: next + 10 }),
    cells: { ...HERE, 'TIME-WAIT': '-' },
  },
  {
    segment: 'a reset outside of the window is dropped (RFC 5961 §3.2)',
    short: ({ next }) => ({ flags: 'R', seq: next + 70_000 }),
    cells: cells('-'),
  },
  {
    segment: 'a reset before the window is dropped (RFC 5961 §3.2)',
    short: ({ next }) => ({ flags: 'RA', seq: next - 5, ack: 1 }),
    cells: cells('-'),
  },
  {
    segment: 'a SYN in the window is challenged, whatever its number (RFC 5961 §4.2)',
    short: ({ next }) => ({ flags: 'S', seq: next + 3 }),
    // TIME-WAIT: a new incarnation may begin (RFC 9293 MAY-2).
    cells: { ...HERE, 'TIME-WAIT': 'SA 0:6 CLOSED' },
  },
  {
    segment: 'a SYN at RCV.NXT is challenged (RFC 5961 §4.2)',
    short: ({ next }) => ({ flags: 'S', seq: next }),
    cells: HERE,
  },
  {
    segment: 'a SYN outside of the window is challenged (RFC 5961 §4.2)',
    short: ({ next }) => ({ flags: 'SA', seq: next + 70_000, ack: 1 }),
    cells: HERE,
  },
  {
    segment: 'text without ACK is dropped (§3.10.7.4, fifth)',
    short: ({ next }) => ({ flags: '', seq: next, text: 'abc' }),
    cells: cells('-'),
  },
  {
    segment: 'an acknowledgment of what was never sent is answered, its text dropped (MUST, §3.10.7.4 fifth)',
    short: ({ next, all }) => ({ flags: 'A', seq: next, ack: all + 1, text: 'abc' }),
    cells: { ...HERE, 'SYN-RECEIVED': 'R 2' },
  },
  {
    segment: 'an acknowledgment older than the largest window is challenged (RFC 5961 §5.2)',
    short: ({ next }) => ({ flags: 'A', seq: next, ack: -70_000, text: 'abc' }),
    cells: { ...HERE, 'SYN-RECEIVED': 'R -70000' },
  },
  {
    segment: 'a pure acknowledgment of everything moves the state on',
    short: ({ next, all }) => ({ flags: 'A', seq: next, ack: all }),
    cells: cells('-', {
      'SYN-RECEIVED': '- ESTABLISHED',
      'FIN-WAIT-1': '- FIN-WAIT-2',
      CLOSING: '- TIME-WAIT',
      'LAST-ACK': '- CLOSED',
    }),
  },
  {
    segment: 'a pure acknowledgment of the SYN alone changes nothing but SYN-RECEIVED',
    short: ({ next }) => ({ flags: 'A', seq: next, ack: 1 }),
    cells: cells('-', { 'SYN-RECEIVED': '- ESTABLISHED' }),
  },
  {
    segment: 'a pure acknowledgment from before the window is answered',
    short: ({ next, all }) => ({ flags: 'A', seq: next - 1, ack: all }),
    cells: HERE,
  },
  {
    segment: 'text from beyond the window is answered (§3.10.7.4, first)',
    short: ({ next, all }) => ({ flags: 'A', seq: next + 70_000, ack: all, text: 'abc' }),
    cells: HERE,
  },
  {
    segment: 'text beyond a hole is answered at once (RFC 5681 §4.2); after the FIN there is no text',
    short: ({ next }) => ({ flags: 'A', seq: next + 5, ack: 1, text: 'abc' }),
    cells: { ...HERE, 'SYN-RECEIVED': 'A 1:1 ESTABLISHED' },
  },
  {
    segment: 'text seen before is answered at once',
    short: ({ next }) => ({ flags: 'A', seq: next - 1, ack: 1, text: 'x' }),
    cells: HERE,
  },
  {
    segment: 'a FIN in order is acknowledged and moves the state on',
    short: ({ next }) => ({ flags: 'FA', seq: next, ack: 1 }),
    cells: {
      'SYN-RECEIVED': 'A 1:2 w65534 CLOSE-WAIT',
      ESTABLISHED: 'A 1:2 w65534 CLOSE-WAIT',
      'FIN-WAIT-1': 'A 2:2 w65534 CLOSING',
      'FIN-WAIT-2': 'A 2:2 w65534 TIME-WAIT',
      'CLOSE-WAIT': HERE['CLOSE-WAIT'],
      CLOSING: HERE.CLOSING,
      'LAST-ACK': HERE['LAST-ACK'],
      'TIME-WAIT': HERE['TIME-WAIT'],
    },
  },
  {
    segment: 'a FIN with the acknowledgment of ours does both (§3.10.7.4, fifth then eighth)',
    short: ({ next, all }) => ({ flags: 'FA', seq: next, ack: all }),
    cells: {
      'SYN-RECEIVED': 'A 1:2 w65534 CLOSE-WAIT',
      ESTABLISHED: 'A 1:2 w65534 CLOSE-WAIT',
      'FIN-WAIT-1': 'A 2:2 w65534 TIME-WAIT',
      'FIN-WAIT-2': 'A 2:2 w65534 TIME-WAIT',
      'CLOSE-WAIT': HERE['CLOSE-WAIT'],
      CLOSING: '- TIME-WAIT',
      'LAST-ACK': '- CLOSED',
      'TIME-WAIT': HERE['TIME-WAIT'],
    },
  },
  {
    segment: 'a FIN beyond a hole waits for the hole',
    short: ({ next }) => ({ flags: 'FA', seq: next + 4, ack: 1 }),
    cells: { ...HERE, 'SYN-RECEIVED': 'A 1:1 ESTABLISHED' },
  },
  {
    segment: 'a FIN seen before is acknowledged again, and changes no state',
    short: ({ next }) => ({ flags: 'FA', seq: next - 1, ack: 1 }),
    cells: HERE,
  },
];

describe.each(STATES)('%s', (state) => {
  test.each(ROWS.map((row) => [row.segment, row] as const))('%s', (_, row) => {
    const lab = new Lab();
    const { connection } = inState(lab, state);
    expect(connection?.state).toBe(state);
    lab.events();
    const sent = lab.ask(row.short(BASE[state]));
    const after = connection?.state ?? 'CLOSED';
    const answer = sent.length === 0 ? '-' : sent.join(' | ');
    expect(after === state ? answer : `${answer} ${after}`).toBe(row.cells[state]);
  });
});
