import { ipv4FromU32 } from '@nexus-net/sansio';
import fc from 'fast-check';
import type { IpcOutcome, IpcRequest } from '../../src/index.js';

const u16 = fc.nat({ max: 0xffff });
const id = fc.nat({ max: 0xffffffff });
const address = fc.nat({ max: 0xffffffff }).map(ipv4FromU32);
const endpoint = fc.record({ address, port: u16 });
const data = fc.uint8Array({ maxLength: 60 });

export const requests: fc.Arbitrary<IpcRequest> = fc.oneof(
  fc.record({ type: fc.constantFrom('listen', 'udp-bind'), port: u16 }),
  fc.record({ type: fc.constantFrom('listen', 'udp-bind'), address, port: u16 }),
  fc.record({ type: fc.constantFrom('accept', 'close', 'wait-writable', 'close-listener', 'udp-close', 'shutdown'), id }),
  fc.record({ type: fc.constant('connect'), remote: endpoint }),
  fc.record({ type: fc.constantFrom('read', 'udp-receive-from'), id, octetsMax: u16 }),
  fc.record({ type: fc.constant('write'), id, bytes: data }),
  fc.record({ type: fc.constant('udp-send-to'), id, to: endpoint, payload: data }),
  fc.record({ type: fc.constant('ping'), destination: address, timeoutMs: u16 }),
  fc.constant({ type: 'local-address' }),
) as fc.Arbitrary<IpcRequest>;

export const outcomes: fc.Arbitrary<IpcOutcome> = fc.oneof(
  fc.record({ type: fc.constantFrom('listen', 'accept', 'connect', 'udp-bind'), id }),
  fc.record({ type: fc.constant('read'), bytes: data }),
  fc.record({ type: fc.constantFrom('write', 'udp-send-to'), count: u16 }),
  fc.record({ type: fc.constant('udp-receive-from'), from: endpoint, payload: data }),
  fc.record({ type: fc.constant('ping'), roundTripMs: u16 }),
  fc.record({ type: fc.constant('local-address'), address, prefixLength: fc.nat({ max: 32 }) }),
  fc.record({ type: fc.constantFrom('close', 'wait-writable', 'close-listener', 'udp-close', 'shutdown') }),
) as fc.Arbitrary<IpcOutcome>;
