// What programs use: sockets, their backends, and the message protocol in front of them.
export { FakeHost, type FakeHostConfig, type FakeHostLimits, type FakeHostLoss } from './fake-net/fake-host.js';
export { FakeNet, type FakeNetConfig } from './fake-net/fake-net.js';
export {
  IPC_MESSAGE_OCTETS_MAX,
  IPC_OPERATION,
  IPC_READ_OCTETS_MAX,
  IPC_RECEIVE_OCTETS_MAX,
  IPC_STATUS,
  type IpcOperation,
  type IpcStatus,
} from './ipc/ipc-format.js';
export * from './ipc/ipc-reply.js';
export * from './ipc/ipc-request.js';
export * from './ipc/ipc-server.js';
export * from './resolver/dns-resolver.js';
export { HostSockets, type HostSocketsOptions, type HostSocketsView, type SocketsLoss } from './sockets/host-sockets.js';
export type { SocketMachine, StackEvent } from './sockets/socket-machine.js';
export {
  describeSocketFailure,
  type PlainSocketError,
  type SocketError,
  type SocketFailure,
  type SocketResult,
} from './sockets/socket-result.js';
export * from './sockets/sockets.js';
