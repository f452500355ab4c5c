import fc from 'fast-check';
import { property } from '../../sansio/test/support/law.js';
import { QmpMachine, type QmpMachineEvent } from '../src/index.js';

type Make = () => QmpMachine;
const real: Make = () => new QmpMachine({ lineBytesMax: 200 });
const ENCODER = new TextEncoder();

const START = '{"QMP": {}}\r\n{"return": {}, "id": 0}\r\n';

const line = fc.oneof(
  fc.constant('{"QMP": {"version": {}, "capabilities": ["oob"]}}\r\n'),
  fc.nat(3).map((id) => `{"return": {"é": "→"}, "id": ${id}}\r\n`),
  fc.nat(3).map((id) => `{"error": {"class": "C", "desc": "d"}, "id": ${id}}\n`),
  fc.string({ unit: fc.constantFrom('→', '🚀', 'é', 'x') }).map((name) => `${JSON.stringify({ event: name, data: {} })}\n`),
  fc.string({ maxLength: 12 }),
  fc.constant('\n'),
);
const wire: fc.Arbitrary<Uint8Array> = fc
  .tuple(fc.boolean(), fc.array(line, { maxLength: 8 }), fc.uint8Array({ maxLength: 8 }))
  .map(([ready, lines, noise]) => Uint8Array.from([...ENCODER.encode((ready ? START : '') + lines.join('')), ...noise]));
const cuts = fc.array(
  fc.nat(1000).map((thousandth) => thousandth / 1000),
  { maxLength: 8 },
);

/** The whole conversation after two early commands: events, and what was sent. */
function converse(
  machine: QmpMachine,
  chunks: readonly Uint8Array[],
): { readonly events: QmpMachineEvent[]; readonly sent: string } {
  const events: QmpMachineEvent[] = [];
  let sent = '';
  const step = (mutate: () => void): void => {
    mutate();
    for (let out = machine.pollTransmit(); out !== undefined; out = machine.pollTransmit()) sent += new TextDecoder().decode(out);
    for (let event = machine.pollEvent(); event !== undefined; event = machine.pollEvent()) events.push(event);
  };
  for (const command of ['a', 'b']) step(() => machine.execute(0, { command, timeoutMs: 1 }));
  for (const chunk of chunks) {
    const borrowed = chunk.slice();
    step(() => machine.handleBytes(0, borrowed));
    borrowed.fill(0x20);
  }
  step(() => machine.handleTimeout(2));
  step(() => machine.handleEnd(3));
  return { events, sent };
}

property('any split of the bytes gives the same conversation', {
  law: (make: Make) =>
    fc.property(wire, cuts, (bytes, places) => {
      const at = [0, ...places.map((place) => Math.floor(place * bytes.length)).sort((a, b) => a - b), bytes.length];
      const chunks = at.slice(1).map((end, i) => bytes.subarray(at[i], end));
      return JSON.stringify(converse(make(), chunks)) === JSON.stringify(converse(real(), [bytes]));
    }),
  real,
  planted: {
    'each read is taken for whole lines': () => {
      const machine = real();
      const handleBytes = machine.handleBytes.bind(machine);
      machine.handleBytes = (now, bytes) => {
        handleBytes(now, bytes);
        if (bytes.at(-1) !== 10) handleBytes(now, new Uint8Array([10]));
      };
      return machine;
    },
    'text decoded before the lines are whole': () => {
      const machine = real();
      const handleBytes = machine.handleBytes.bind(machine);
      machine.handleBytes = (now, bytes) => handleBytes(now, ENCODER.encode(new TextDecoder().decode(bytes)));
      return machine;
    },
  },
});

property('every command has exactly one outcome, and the end comes once and last', {
  law: (make: Make) =>
    fc.property(wire, (bytes) => {
      const { events } = converse(make(), [bytes]);
      const outcomes = events.flatMap((event) => ('id' in event ? [event.id] : []));
      const ends = events.filter(({ type }) => type === 'ended');
      return (
        [...outcomes].sort().join() === '1,2' && ends.length === 1 && events.slice(0, -1).every(({ type }) => type !== 'ended')
      );
    }),
  real,
  planted: {
    'commands die silently at their deadline': () => {
      const machine = real();
      const pollEvent = machine.pollEvent.bind(machine);
      machine.pollEvent = () => {
        let event = pollEvent();
        while (event?.type === 'unanswered') event = pollEvent();
        return event;
      };
      return machine;
    },
    'the same answer counts twice': () => {
      const machine = real();
      const pollEvent = machine.pollEvent.bind(machine);
      let again: QmpMachineEvent | undefined;
      machine.pollEvent = () => {
        const event = again ?? pollEvent();
        again = again === undefined && event?.type === 'returned' ? event : undefined;
        return event;
      };
      return machine;
    },
  },
});
