export * from './core-contract.js';
export * from './gateway/index.js';
export { bindingMatches } from './identity.js';
export { type OsKeyOptions, type OsKeys, resolveOsKeys } from './keys.js';
export { DS_OP, DS_STATUS, type DsPlan, type DsReply, planDs } from './local-ipc.js';
export { isNetstackReply, NETSTACK_UDP_LENGTH_MAX, netstackReadLength, netstackReplyNonce } from './netstack-reply.js';
export { OS_NODE_TRANSITIONS, type OsNodeState, type OsNodeTrigger } from './node/fsm.js';
export type { OsNodeEvent, OsNodeReject } from './node/node-event.js';
export type { OsNodeOptions, OsRole } from './node/node-options.js';
export { OsNode, type OsNodeInspection } from './node/os-node.js';
export { decodeQd, encodeQd, QD_OPCODE, QD_PAYLOAD_LENGTH_MAX, type QdDatagram, type QdReject } from './qd/datagram.js';
export { UdpLoopbackRing } from './qd/loopback-ring.js';
export { type QdEnd, type QdEvent, type QdIgnored, QdSession, type QdSessionOptions } from './qd/qd-session.js';
export * from './records.js';
export {
  OS_HANDSHAKE_LABEL,
  OS_HANDSHAKE_NAME,
  OS_MESSAGE_LENGTHS,
  type OsCiphers,
  OsHandshake,
  type OsHandshakeConfig,
  type OsHandshakeReject,
} from './session/handshake.js';
export { checkMuxLocally, OS_LADDER_KIND, type OsLadderReject, type OsMuxCheck, OsMuxLadder } from './session/mux-ladder.js';
export { OsSession, type OsSessionInspection } from './session/session.js';
export type { OsSessionEnd, OsSessionEvent } from './session/session-event.js';
export type { OsSessionOptions } from './session/session-options.js';
export * from './test-keys.js';
