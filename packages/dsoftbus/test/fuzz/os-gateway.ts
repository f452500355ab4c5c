import { demand, type FuzzLimits } from '../../../sansio/test/support/fuzz.js';
import { encodeBnList } from '../../src/os/gateway/bn.js';
import { OsGateway } from '../../src/os/gateway/gateway.js';
import { InMemoryPackagefs, InMemoryStatefs } from '../../src/os/gateway/in-memory.js';
import { encodePkRequest } from '../../src/os/gateway/pk.js';
import { decodeSfRequest, encodeSfRequest } from '../../src/os/gateway/sf.js';
import { encodeSmResolve, InMemorySamgr } from '../../src/os/gateway/sm.js';

export const limits: FuzzLimits = { octetsMax: 600, costBase: 60_000, costPerOctet: 600, allocatedPerOctet: 60 };

/**
 * The first octet is a kind, the rest a request, made twice. There is one answer, of a record's size at most; what is denied asked no
 * service; nothing outside of what may be touched is written; what statefs reads it writes as the same octets.
 */
export function target(bytes: Uint8Array): void {
  const statefs = new InMemoryStatefs();
  const asked: string[] = [];
  const keys: string[] = [];
  const packagefs = new InMemoryPackagefs({ a: Uint8Array.of(1, 2, 3) });
  const samgr = new InMemorySamgr({ names: ['samgrd'] });
  const gateway = new OsGateway({
    caller: { type: 'remote', deviceId: 'node-a' },
    services: {
      samgr: {
        handle(frame, caller) {
          asked.push('samgr');
          demand(frame[3] === 6, 'samgrd is asked to resolve and nothing else');
          return samgr.handle(frame, caller);
        },
      },
      packagefs: {
        resolve(path) {
          asked.push('packagefs');
          demand(
            path.split('/').every((one) => one !== '' && one !== '.' && one !== '..'),
            'a path is canonical',
          );
          return packagefs.resolve(path);
        },
      },
      statefs: {
        put(key, value) {
          keys.push(key);
          return statefs.put(key, value);
        },
        get: (key) => statefs.get(key),
        delete: (key) => statefs.delete(key),
        list: (prefix, limit) => statefs.list(prefix, limit),
        sync: () => statefs.sync(),
      },
    },
  });
  const kind = bytes[0] ?? 0;
  const request = bytes.slice(1);
  for (let i = 0; i < 2; i++) {
    const before = asked.length;
    const { payload, status, audit } = gateway.handle(kind, request);
    demand(payload.length <= 512 && status <= 1, 'an answer fits into a record');
    demand(audit.decision === 'allowed' || asked.length === before, 'what is denied asks no service');
    demand(gateway.openCount <= 8, 'at most eight files are open');
  }
  demand(
    keys.every((key) => key.startsWith('/state/shared/') && !key.includes('..')),
    'writes stay where they may be',
  );
  const decoded = decodeSfRequest(request);
  if (decoded.ok && decoded.value.request.op !== 'list') {
    const written = encodeSfRequest(decoded.value);
    demand(written.length === request.length && written.every((one, i) => one === request[i]), 'a request has one form');
  }
}

export function seeds(): Uint8Array[] {
  const of = (kind: number, frame: Uint8Array): Uint8Array => Uint8Array.of(kind, ...frame);
  return [
    of(1, encodeSmResolve('samgrd')),
    of(2, encodeBnList()),
    of(3, encodePkRequest({ op: 'open', path: 'pkg:/a' })),
    of(3, encodePkRequest({ op: 'read', handle: 1, offset: 0, length: 3 })),
    of(4, encodeSfRequest({ request: { op: 'put', key: '/state/shared/k', value: Uint8Array.of(1) }, nonce: 7n })),
    of(4, encodeSfRequest({ request: { op: 'list', prefix: '/state/shared/', limit: 4 }, nonce: undefined })),
  ];
}
