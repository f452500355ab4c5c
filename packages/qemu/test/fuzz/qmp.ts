import { demand, drain, type FuzzLimits, FuzzScript, isSame } from '../../../sansio/test/support/fuzz.js';
import { QmpMachine, type QmpMachineEvent } from '../../src/qmp-machine.js';

export const limits: FuzzLimits = { octetsMax: 800, costBase: 20_000, costPerOctet: 500, allocatedPerOctet: 500 };

const EVENTS_MAX = 4;

/**
 * The octets are a way to split, a number of commands, and what QEMU says. Whatever comes: the events are the same however
 * the stream is cut; each command has one answer or none, said once; nothing follows the end; what is sent is lines of JSON.
 */
export function target(bytes: Uint8Array): void {
  const script = new FuzzScript(bytes);
  const pieceOctets = 1 + (script.u8() % 64);
  const commands = script.u8() % 4;
  const octets = script.rest();
  const { events, ids } = talk(octets, { pieceOctets: octets.length, commands });
  demand(isSame(talk(octets, { pieceOctets, commands }), { events, ids }), 'events are the same however the stream is cut');
  demand(events.at(-1)?.type === 'ended', 'the end is the last event');
  demand(events.filter(({ type }) => type === 'ended').length === 1, 'a session ends once');
  demand(events.filter(({ type }) => type === 'ready').length <= 1, 'a session is negotiated once');
  demand(events.filter(({ type }) => type === 'event').length <= EVENTS_MAX, 'events keep to their limit');
  const answered = events.flatMap((event) => ('id' in event ? [event.id] : []));
  demand(isSame([...answered].sort(), ids), 'each command has one answer');
  for (const event of events) {
    if (event.type === 'refused') demand(typeof event.description === 'string', 'a refusal has words');
    if (event.type === 'event') demand(Number.isFinite(event.at), 'an event has a time');
  }
}

function talk(
  octets: Uint8Array,
  { pieceOctets, commands }: { readonly pieceOctets: number; readonly commands: number },
): { readonly events: QmpMachineEvent[]; readonly ids: number[] } {
  const machine = new QmpMachine({ lineBytesMax: 400, eventCountMax: EVENTS_MAX });
  const ids = Array.from({ length: commands }, () => machine.execute(0, { command: 'query-status', timeoutMs: 1000 }));
  const size = Math.max(1, pieceOctets);
  for (let at = 0; at < octets.length; at += size) machine.handleBytes(0, octets.subarray(at, at + size));
  machine.handleEnd(0);
  for (const line of drain(() => machine.pollTransmit(), 8)) {
    const text = new TextDecoder().decode(line);
    demand(text.indexOf('\n') === text.length - 1 && typeof JSON.parse(text) === 'object', 'a line of JSON is sent');
  }
  machine.handleTimeout(2000);
  return { events: drain(() => machine.pollEvent()), ids };
}

/** A greeting, a session with an answer, a refusal and an event; a failed negotiation; no JSON. */
export function seeds(): Uint8Array[] {
  const greeting =
    '{"QMP": {"version": {"qemu": {"micro": 7, "minor": 2, "major": 7}, "package": "Debian"}, "capabilities": ["oob"]}}\r\n';
  const texts = [
    `${greeting}{"return": {}, "id": 0}\r\n{"return": {"running": true}, "id": 1}\r\n{"error": {"class": "GenericError", "desc": "no"}, "id": 2}\r\n{"timestamp": {"seconds": 1700000000, "microseconds": 5}, "event": "SHUTDOWN", "data": {"guest": false}}\r\n`,
    `${greeting}{"error": {"class": "CommandNotFound", "desc": "?"}, "id": 0}\n{"return": {}, "id": 1}\n`,
    `${greeting}nonsense\n[1]\n{"event": "STOP"}\n{"event": 1}\n{"return": {}, "id": "x"}`,
    `${'x'.repeat(500)}\n`,
  ];
  return texts.map((text) => Uint8Array.from([7, 2, ...new TextEncoder().encode(text)]));
}
