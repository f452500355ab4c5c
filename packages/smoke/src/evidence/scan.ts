import { type ObservedConnection, TcpStreams } from '@nexus-net/net-os';
import { concatBytes } from '@nexus-net/sansio';
import { FrameDissector } from '@nexus-net/wire';
import { decodeFrames } from '../capture-file.js';
import { RUN_FILES } from '../run-folder.js';
import type { ArchiveFile } from './archive.js';
import { type Chunk, chunksOf } from './chunks.js';
import { findSecrets, type SecretFinding, type SecretMatch } from './secrets.js';
import { findWithheldOctets, findWithheldText, withheldIn } from './withheld.js';

/** Octets of frames at each of which a secret of the run is looked for; further ones are searched for forms and hexadecimal text only. */
const OCTETS_SEARCHED_MAX = 2 ** 20;
/** Findings that are listed. */
const FINDINGS_MAX = 100;

/**
 * Looks for secrets in all files of a run: as text in each, and in the capture also across the fragments of datagrams and the segments of TCP
 * connections. What is encrypted, compressed, or encoded otherwise than the rules say is not looked into.
 */
export function scanForSecrets(files: readonly ArchiveFile[]): readonly SecretFinding[] {
  const events = files.find(({ name }) => name === RUN_FILES.events)?.bytes ?? new Uint8Array(0);
  const withheld = withheldIn(events);
  const findings = new Map<string, SecretFinding>();
  const add = (file: string, place: string, { kind }: SecretMatch): void => {
    if (findings.size < FINDINGS_MAX) findings.set(`${kind} ${file} ${place}`, { kind, file, place });
  };
  for (const { name, bytes } of files) {
    const matches = [...findSecrets(bytes), ...findWithheldText(bytes, withheld)].slice(0, FINDINGS_MAX);
    if (name === RUN_FILES.wire) {
      const chunks = matches.length === 0 ? [] : chunksOf('frames', bytes);
      for (const match of matches) add(name, framePlace(chunks, match), match);
      scanCapture(bytes, withheld, (place, match) => add(name, place, match));
    } else for (const match of matches) add(name, linePlace(bytes, match), match);
  }
  return [...findings.values()];
}

function scanCapture(bytes: Uint8Array, withheld: ReadonlySet<string>, found: (place: string, match: SecretMatch) => void): void {
  const capture = decodeFrames(bytes, 0);
  if (typeof capture === 'string') return; // its octets were searched
  const streams = new Map<string, StreamPiece[]>();
  const join = new TcpStreams((event) => {
    if (event.type !== 'bytes') return;
    const key = `${event.from} ${keyOf(event.connection)}`;
    const pieces = streams.get(key) ?? [];
    pieces.push({ bytes: event.bytes, frame: event.frame });
    streams.set(key, pieces);
  });
  const dissector = new FrameDissector();
  let searched = 0;
  for (const { number, at, bytes: frame } of capture.frames) {
    const layers = dissector.dissect(at, frame);
    join.handleFrame({ number, at, bytes: frame, layers });
    searched += frame.length;
    if (searched <= OCTETS_SEARCHED_MAX) for (const match of findWithheldOctets(frame, withheld)) found(`frame ${number}`, match);
    // A datagram of one frame is in the octets of the file as it is; one of fragments is nowhere whole.
    if (layers.reassembled === undefined) continue;
    const { payload } = layers.reassembled;
    for (const match of [...findSecrets(payload), ...findWithheldText(payload, withheld)])
      found(`frame ${number} (the datagram that it makes whole)`, match);
  }
  for (const pieces of streams.values()) scanStream(pieces, withheld, found);
}

interface StreamPiece {
  readonly bytes: Uint8Array;
  readonly frame: number;
}

function scanStream(
  pieces: readonly StreamPiece[],
  withheld: ReadonlySet<string>,
  found: (place: string, match: SecretMatch) => void,
): void {
  const bytes = concatBytes(pieces.map((piece) => piece.bytes));
  const octets = bytes.length <= OCTETS_SEARCHED_MAX ? findWithheldOctets(bytes, withheld) : [];
  for (const match of [...findSecrets(bytes), ...findWithheldText(bytes, withheld), ...octets]) {
    const ends = [frameAt(pieces, match.offset), frameAt(pieces, match.offset + match.length - 1)];
    const [first, last] = [Math.min(...ends), Math.max(...ends)]; // segments may come in another order than they were sent
    found(first === last ? `frame ${first}` : `frames ${first}–${last} (TCP stream)`, match);
  }
}

function frameAt(pieces: readonly StreamPiece[], offset: number): number {
  let end = 0;
  for (const { bytes, frame } of pieces) {
    end += bytes.length;
    if (offset < end) return frame;
  }
  return pieces.at(-1)?.frame ?? 0;
}

function linePlace(bytes: Uint8Array, { offset }: SecretMatch): string {
  let line = 1;
  let start = 0;
  for (let lf = bytes.indexOf(LF); lf >= 0 && lf < offset; lf = bytes.indexOf(LF, start)) {
    line++;
    start = lf + 1;
  }
  return `line ${line}, column ${offset - start + 1}`;
}

function framePlace(chunks: readonly Chunk[], { offset }: SecretMatch): string {
  const chunk = chunks.find(({ end }) => offset < end);
  return chunk !== undefined && chunk.first <= chunk.last ? `frame ${chunk.first}` : `octet ${offset}, between frames`;
}

function keyOf({ client, clientPort, server, serverPort, opened }: ObservedConnection): string {
  return `${client}:${clientPort} ${server}:${serverPort} ${opened}`;
}

const LF = 0x0a;
