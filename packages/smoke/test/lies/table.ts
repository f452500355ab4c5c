import { after, type Evidence, indexOf, type Lie, tooEarly, withLines, withoutFrames } from './lies.js';

interface Place {
  /** The marker's line up to its values. */
  readonly line: string;
  readonly phase: string;
  /** The next marker may not come before this one. */
  readonly first?: true;
  /** Beginnings of lines that say the opposite. */
  readonly twin?: string;
}

/** The markers of the strict gate in the order in which the recorded guest prints them. */
const PLACES: readonly Place[] = [
  { line: 'netstackd: ready', phase: 'boot' },
  { line: 'net: virtio-net up', phase: 'link', first: true, twin: 'netstackd: net FAIL no-bufs' },
  { line: 'net: dhcp bound', phase: 'dhcp', first: true },
  { line: 'net: smoltcp iface up', phase: 'iface', first: true },
  { line: 'SELFTEST: net ping ok', phase: 'ping', twin: 'SELFTEST: net ping FAIL' },
  { line: 'SELFTEST: icmp ping ok', phase: 'icmp', twin: 'SELFTEST: icmp ping FAIL' },
  { line: 'SELFTEST: net tcp listen ok', phase: 'listen', twin: 'netstackd: tcp listen FAIL' },
  { line: 'SELFTEST: net udp dns ok', phase: 'dns', twin: 'netstackd: net dns proof fail' },
];

type Change = (evidence: Evidence, index: number, text: string) => Evidence;

/** The same lie at each of these places. */
function each(
  kind: string,
  what: string,
  change: Change,
  verdict: (place: Place) => string | readonly [timed: string, timeless: string],
  places: readonly Place[] = PLACES,
): readonly Lie[] {
  return places.map((place) => {
    const said = verdict(place);
    const [timed, timeless] = typeof said === 'string' ? [said] : said;
    return {
      kind,
      what: `${what}: \`${place.line}\``,
      tell: (evidence) => {
        const index = indexOf(evidence, place.line);
        return change(evidence, index, evidence.lines[index]?.text as string);
      },
      timed: timed as string,
      ...(timeless !== undefined && { timeless }),
    };
  });
}

function one(kind: string, what: string, tell: Lie['tell'], timed: string, timeless?: string): Lie {
  return { kind, what, tell, timed, ...(timeless !== undefined && { timeless }) };
}

const missing = ({ phase, first }: Place): string => `${first ? 'out-of-order' : 'missing-marker'} in ${phase}`;
const corrupt = ({ phase }: Place): string => `corrupt-log in ${phase}`;
const passed = (): string => 'passed';

/**
 * The phase that a run stands in when the line of this place has come: the frames that show it come a little later, and without times they
 * have come before.
 */
const STANDS_AFTER: Readonly<Record<string, readonly [timed: string, timeless: string]>> = {
  boot: ['link', 'link'],
  link: ['link', 'dhcp'],
  dhcp: ['iface', 'iface'],
  iface: ['iface', 'ping'],
  ping: ['dns', 'dns'],
  icmp: ['dns', 'dns'],
  listen: ['dns', 'dns'],
};

/** What such a line comes to: after the last marker the run is over, and only who has no times can't know. */
const atOnce =
  (cause: string) =>
  ({ phase }: Place): readonly [timed: string, timeless: string] => {
    const [timed, timeless] = STANDS_AFTER[phase] ?? [];
    return timed === undefined ? ['passed', `${cause} in icmp`] : [`${cause} in ${timed}`, `${cause} in ${timeless}`];
  };

const IP_PROTOCOL = 23;
const ICMP = 1;
const UDP = 17;
const isIcmp = (bytes: Uint8Array): boolean => bytes[12] === 8 && bytes[13] === 0 && bytes[IP_PROTOCOL] === ICMP;
const isUdp = (bytes: Uint8Array, port: number): boolean => {
  const has = (offset: number): boolean => (((bytes[offset] as number) << 8) | (bytes[offset + 1] as number)) === port;
  return bytes[12] === 8 && bytes[13] === 0 && bytes[IP_PROTOCOL] === UDP && (has(34) || has(36));
};
const isTcp = (bytes: Uint8Array): boolean => bytes[12] === 8 && bytes[13] === 0 && bytes[IP_PROTOCOL] === 6;
const isArp = (bytes: Uint8Array): boolean => bytes[12] === 8 && bytes[13] === 6;

const NOISE = '[   12.345678] virtio_net virtio0: nothing to see ........................................................\n';

/** So many octets of lines that say nothing, as one text. */
export function noise(octets: number): string {
  return NOISE.repeat(Math.ceil(octets / NOISE.length)).slice(0, -1);
}

/** Every lie about a run of the strict gate that passed. */
export const LIES: readonly Lie[] = [
  ...each('drop', 'the line is missing', (evidence, index) => withLines(evidence, index), missing),
  ...each('duplicate', 'the line comes twice', (evidence, index, text) => withLines(evidence, index, text, text), passed),
  ...each(
    'swap',
    'the line changes places with the next',
    (evidence, index, text) => {
      const next = evidence.lines[index + 1]?.text as string;
      return withLines(withLines(evidence, index, next), index + 1, text);
    },
    ({ line, phase }) => (/dhcp bound|iface up/.test(line) ? `out-of-order in ${phase}` : 'passed'),
    PLACES.slice(0, -1),
  ),
  ...each(
    'tear',
    'the line is torn in two',
    (evidence, index, text) => withLines(evidence, index, text.slice(0, text.length >> 1), text.slice(text.length >> 1)),
    corrupt,
  ),
  ...each(
    'tear',
    'the last octets of the line are lost',
    (evidence, index, text) => withLines(evidence, index, text.slice(0, -1)),
    // The end of this line is a value: it says another address, and the wire knows it not.
    ({ line, phase }) => (line === 'net: smoltcp iface up' ? `contradicted-marker in ${phase}` : `corrupt-log in ${phase}`),
  ),
  ...each(
    'splice',
    'a message of the kernel runs into the line',
    (evidence, index, text) =>
      withLines(evidence, index, `${text.slice(0, 9)}[    1.234567] random: crng init done`, text.slice(9)),
    (place) => missing(place),
  ),
  ...each(
    'splice',
    'something stands before the line',
    (evidence, index, text) => withLines(evidence, index, `[    1.234567] ${text}`),
    corrupt,
  ),
  ...each(
    'splice',
    'something stands behind the line',
    (evidence, index, text) => withLines(evidence, index, `${text}[    1.234567] x`),
    corrupt,
  ),
  ...each(
    'forge',
    'only inside of what a user typed',
    (evidence, index, text) => withLines(evidence, index, `sh: ${text}: not found`),
    corrupt,
  ),
  ...each(
    'forge',
    'the line comes 5 s before the wire can show it',
    (evidence, index) => tooEarly(evidence, index, 5_000),
    ({ phase }) => {
      // A driver is up before it has anything to send; whose order nobody demands may be early; all else is not believed.
      if (phase === 'boot' || phase === 'link') return 'passed';
      if (phase === 'dhcp' || phase === 'icmp') return [`unproven-marker in ${phase}`, 'passed'];
      return 'out-of-order in boot';
    },
  ),
  one(
    'forge',
    'the lease is of an address that nobody leased',
    (e) => withLines(e, indexOf(e, 'net: dhcp bound'), 'net: dhcp bound 10.0.2.99/24 gw=10.0.2.2'),
    'contradicted-marker in dhcp',
  ),
  one(
    'forge',
    'the lease has another prefix',
    (e) => withLines(e, indexOf(e, 'net: dhcp bound'), 'net: dhcp bound 10.0.2.15/8 gw=10.0.2.2'),
    'contradicted-marker in dhcp',
  ),
  one(
    'forge',
    'the lease has another gateway',
    (e) => withLines(e, indexOf(e, 'net: dhcp bound'), 'net: dhcp bound 10.0.2.15/24 gw=none'),
    'contradicted-marker in dhcp',
  ),
  one(
    'forge',
    'the interface has an address that nobody leased',
    (e) => withLines(e, indexOf(e, 'net: smoltcp iface up'), 'net: smoltcp iface up 10.0.2.99'),
    'contradicted-marker in iface',
  ),
  one('forge', 'the capture has no frame at all', (e) => withoutFrames(e, () => true), 'unproven-marker in dhcp'),
  one('forge', 'no DHCP on the wire', (e) => withoutFrames(e, ({ bytes }) => isUdp(bytes, 67)), 'unproven-marker in dhcp'),
  one('forge', 'no ARP on the wire', (e) => withoutFrames(e, ({ bytes }) => isArp(bytes)), 'unproven-marker in iface'),
  one('forge', 'no ICMP on the wire', (e) => withoutFrames(e, ({ bytes }) => isIcmp(bytes)), 'unproven-marker in iface'),
  one('forge', 'no DNS on the wire', (e) => withoutFrames(e, ({ bytes }) => isUdp(bytes, 53)), 'unproven-marker in dns'),
  one('forge', 'no TCP on the wire', (e) => withoutFrames(e, ({ bytes }) => isTcp(bytes)), 'unproven-marker in listen'),
  one(
    'forge',
    'the guest sends the gateway’s frames itself',
    (e) => ({
      ...e,
      frames: e.frames.map((frame) => ({
        ...frame,
        port: frame.port === 'gateway' && frame.number > 4 ? 'guest' : (frame.port as string),
      })),
    }),
    'wire-violation in dhcp',
    'wire-violation in boot',
  ),
  ...each(
    'late panic',
    'a crash of the kernel after the line',
    (evidence, index) => after(evidence, index, 'Kernel panic - not syncing: Fatal exception'),
    atOnce('guest-panic'),
  ),
  ...each(
    'failure twin',
    'the guest says the opposite instead',
    (evidence, index) =>
      evidence.lines[index] === undefined
        ? evidence
        : withLines(evidence, index, PLACES.find(({ line }) => evidence.lines[index]?.text.startsWith(line))?.twin as string),
    ({ phase }) => `failure-marker in ${phase}`,
    PLACES.filter(({ twin }) => twin !== undefined),
  ),
  ...each(
    'failure twin',
    'the guest says both',
    (evidence, index) =>
      after(evidence, index, PLACES.find(({ line }) => evidence.lines[index]?.text.startsWith(line))?.twin as string),
    (place) => {
      // A marker whose phase waits for another one fails in its own.
      const own = place.phase === 'icmp' || place.phase === 'listen';
      return own ? `failure-marker in ${place.phase}` : atOnce('failure-marker')(place);
    },
    PLACES.filter(({ twin }) => twin !== undefined),
  ),
  ...each(
    'both outcomes',
    'the static fallback after the line',
    (evidence, index) => after(evidence, index, 'net: dhcp unavailable (fallback static 10.0.2.15/24)'),
    atOnce('forbidden-marker'),
  ),
  one('empty log', 'not one line', (e) => ({ ...e, lines: [] }), 'missing-marker in boot'),
  one(
    'empty log',
    'not one line, and no frame',
    (e) => withoutFrames({ ...e, lines: [] }, () => true),
    'guest-silent in boot',
    'missing-marker in boot',
  ),
  one(
    'empty log',
    'only line ends',
    (e) => ({ ...e, lines: e.lines.map((line) => ({ ...line, text: '' })) }),
    'missing-marker in boot',
  ),
  ...each(
    'cut',
    'the log ends before the line',
    (evidence, index) => ({ ...evidence, lines: evidence.lines.slice(0, index) }),
    ({ phase }) => `missing-marker in ${phase === 'icmp' || phase === 'listen' ? 'dns' : phase}`,
  ),
  ...each(
    'cut',
    'the guest ends before the line',
    (evidence, index) => ({
      ...evidence,
      lines: evidence.lines.slice(0, index),
      frames: evidence.frames.slice(0, evidence.lines[index]?.afterFrame),
      exit: { at: evidence.lines[index]?.at as number, afterFrame: evidence.lines[index]?.afterFrame as number },
    }),
    ({ phase }) => {
      const stands = phase === 'icmp' || phase === 'listen' ? 'dns' : phase;
      return [`guest-exit in ${stands}`, `${phase === 'iface' ? 'no-arp-reply' : 'missing-marker'} in ${stands}`];
    },
  ),
  one('noise', 'CR LF line ends', (e) => ({ ...e, lineEnd: '\r\n' }), 'passed'),
  one('noise', 'CR CR LF line ends', (e) => ({ ...e, lineEnd: '\r\r\n' }), 'passed'),
  one('noise', 'blanks before each line end', (e) => ({ ...e, lineEnd: ' \t \r\n' }), 'passed'),
  one(
    'noise',
    'NUL between all octets',
    (e) => ({ ...e, lines: e.lines.map((line) => ({ ...line, text: [...line.text].join('\0') })) }),
    'passed',
  ),
  one(
    'noise',
    'ANSI colours around each line',
    (e) => ({ ...e, lines: e.lines.map((line) => ({ ...line, text: `\x1b[1;32m${line.text}\x1b[0m` })) }),
    'passed',
  ),
  one(
    'noise',
    'a window title before each line',
    (e) => ({ ...e, lines: e.lines.map((line) => ({ ...line, text: `\x1b]0;PANIC\x07${line.text}` })) }),
    'passed',
  ),
  one(
    'noise',
    'each line typed wrong and put right by backspaces',
    (e) => ({ ...e, lines: e.lines.map((line) => ({ ...line, text: `FAIL\b\b\b\b${line.text}` })) }),
    'passed',
  ),
  ...each('noise', '10 kB of lines after the line', (evidence, index) => after(evidence, index, noise(10_000)), passed),
  ...each('noise', 'a line of 10 kB after the line', (evidence, index) => after(evidence, index, 'x'.repeat(10_000)), passed),
];
