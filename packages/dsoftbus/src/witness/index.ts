export * from './dsoftbus-witness.js';
export type { WitnessKeys } from './followed-handshake.js';
export type { FollowWith } from './followed-session.js';
export { DSOFTBUS_RULES, type DsoftbusRule } from './session-teller.js';
