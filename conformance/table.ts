import { notRun } from './report.js';
import { checkAead, checkBlake2s, checkLowOrder, checkRfc7748, checkX25519 } from './runners/crypto.js';
import { checkDhcpCapture, checkDhcpCrafted, checkDhcpHostile, checkDhcpScripted } from './runners/dhcp.js';
import { checkDhcpMessage, checkDictionary } from './runners/dhcp-corpus.js';
import { checkHostFrames, checkHostNoise } from './runners/dsoftbus-host.js';
import { checkMuxBatch, checkMuxEvents, checkMuxV2 } from './runners/dsoftbus-mux.js';
import { DSOFTBUS_OS_ROWS } from './runners/dsoftbus-os.js';
import { checkCaptureFile, checkFrameFile, checkFrameLines } from './runners/frames.js';
import { checkIpHostile } from './runners/ip-hostile.js';
import { checkLinuxReactions } from './runners/linux-reactions.js';
import { checkLicences, checkListing, checkManifest } from './runners/listings.js';
import { checkCacophony, checkHkdf, checkRekeys, checkXkNegative } from './runners/noise.js';
import type { CheckFile } from './vector-file.js';

/** What is done with the files of one pattern. The first row that fits counts. */
export interface RunnerRow {
  /** Paths from the folder of vectors; the folders `own` and `public` in front are left out. */
  readonly pattern: RegExp;
  readonly check: CheckFile;
}

const noDsoftbus: CheckFile = () => notRun('no runner for this part of packages/dsoftbus yet');

/** Every vector file that is known, and who runs it. A file that fits no row is a failure. */
export const RUNNERS: readonly RunnerRow[] = [
  { pattern: /^dhcp\/CRAFTED-requests\.json$/, check: checkDhcpCrafted },
  { pattern: /^dhcp\/SCRIPTED-replies\.json$/, check: checkDhcpScripted },
  { pattern: /^dhcp\/INDEX\.json$/, check: checkListing(({ name }) => `${name}.json`) },
  { pattern: /^dhcp\/[^/]*--[^/]*\.json$/, check: checkDhcpCapture },
  { pattern: /^dhcp-hostile\/cases\.json$/, check: checkDhcpHostile },
  { pattern: /^dhcp-corpus\/LICENCES\.json$/, check: checkLicences },
  { pattern: /^dhcp-corpus\/from-pcap\/INDEX\.json$/, check: checkListing(({ file }) => file) },
  { pattern: /^dhcp-corpus\/.*\.dict$/, check: checkDictionary },
  { pattern: /^dhcp-corpus\/.*\.bin$/, check: checkDhcpMessage },
  { pattern: /^ip-hostile\/cases\.json$/, check: checkIpHostile },
  { pattern: /^ip-hostile\/linux-reactions\.json$/, check: checkLinuxReactions },
  { pattern: /^frame-corpus\/.*\.bin$/, check: checkFrameFile },
  { pattern: /^pcap\/MANIFEST\.json$/, check: checkManifest },
  { pattern: /^pcap\/frames\.jsonl$/, check: checkFrameLines },
  { pattern: /^pcap\/.*\.(pcap|pcapng|cap|dmp)(\.gz)?$/, check: checkCaptureFile },
  { pattern: /^dsoftbus\/mux-v2-state\.json$/, check: checkMuxV2 },
  { pattern: /^dsoftbus\/mux-wire-batch\.json$/, check: checkMuxBatch },
  { pattern: /^dsoftbus\/mux-quic-smoke-codec\.json$/, check: checkMuxEvents },
  { pattern: /^noise\/cacophony-.*\.json$/, check: checkCacophony },
  { pattern: /^noise\/noise-hkdf-blake2s\.json$/, check: checkHkdf },
  { pattern: /^noise\/noise-rekey-chachapoly\.json$/, check: checkRekeys },
  { pattern: /^noise\/xk-negative\.json$/, check: checkXkNegative },
  { pattern: /^crypto\/blake2s-kat-unkeyed\.json$/, check: checkBlake2s },
  { pattern: /^crypto\/rfc7748-x25519\.json$/, check: checkRfc7748 },
  { pattern: /^crypto\/x25519-low-order-points\.json$/, check: checkLowOrder },
  { pattern: /^crypto\/wycheproof-x25519(-zero-shared-secret)?\.json$/, check: checkX25519 },
  { pattern: /^crypto\/(rfc8439-aead|wycheproof-chacha20poly1305)\.json$/, check: checkAead },
  ...DSOFTBUS_OS_ROWS,
  { pattern: /^dsoftbus\/host-frames-capnp\.json$/, check: checkHostFrames },
  { pattern: /^dsoftbus\/host-noise-xk\.json$/, check: checkHostNoise },
  { pattern: /^dsoftbus\/.*\.json$/, check: noDsoftbus },
];
