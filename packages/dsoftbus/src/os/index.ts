export * from './core-contract.js';
export * from './gateway/index.js';
export { bindingMatches } from './identity.js';
export { DS_OP, DS_STATUS, type DsPlan, type DsReply, planDs } from './local-ipc.js';
export { isNetstackReply, NETSTACK_UDP_LENGTH_MAX, netstackReadLength, netstackReplyNonce } from './netstack-reply.js';
export { decodeQd, encodeQd, QD_OPCODE, QD_PAYLOAD_LENGTH_MAX, type QdDatagram, type QdReject } from './qd/datagram.js';
export { UdpLoopbackRing } from './qd/loopback-ring.js';
export * from './records.js';
export * from './test-keys.js';
