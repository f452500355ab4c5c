import { BOOT } from './boot.js';
import { CODEC } from './codec.js';
import { CODEC_PEERS } from './codec-peers.js';
import { DISSECT } from './dissect.js';
import { LEASE } from './lease.js';
import { MUX } from './mux.js';
import { NETWORK } from './network.js';
import { NOISE } from './noise.js';
import type { Suite } from './suite.js';
import { SWITCH } from './switch.js';
import { TAP } from './tap.js';
import { TCP } from './tcp.js';
import { UDP_PEERS } from './udp-peers.js';

/** In the order in which they run and stand in the README. */
export const SUITES: readonly Suite[] = [
  CODEC,
  CODEC_PEERS,
  LEASE,
  UDP_PEERS,
  NETWORK,
  TCP,
  SWITCH,
  DISSECT,
  NOISE,
  MUX,
  TAP,
  BOOT,
];
