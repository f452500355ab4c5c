export { BN_OP, BN_STATUS, decodeBnListAnswer, encodeBnList, InMemoryBundlemgr } from './bn.js';
export {
  OS_REQUEST_LENGTH_MAX,
  OS_RESPONSE_LENGTH_MAX,
  OS_RESPONSE_STATUS,
  OS_SERVICE_KIND,
  type OsAnswer,
  type OsAudit,
  type OsDenial,
  OsGateway,
  type OsServiceName,
} from './gateway.js';
export { InMemoryPackagefs, InMemoryStatefs } from './in-memory.js';
export {
  decodePackagefsdReply,
  decodePkAnswer,
  encodePkRequest,
  PK_FILE_LENGTH_MAX,
  PK_OP,
  PK_PATH_LENGTH_MAX,
  PK_READ_LENGTH_MAX,
  PK_STATUS,
  type PkOutcome,
  type PkReject,
  type PkRequest,
  parsePkRequest,
} from './pk.js';
export { PK_HANDLE_COUNT_MAX } from './pk-server.js';
export type {
  BundlemgrService,
  OsCaller,
  OsServices,
  PackagefsEntry,
  PackagefsService,
  SamgrService,
  StatefsService,
} from './services.js';
export {
  decodeSfOutcome,
  decodeSfRequest,
  encodeSfOutcome,
  encodeSfRequest,
  parseRemoteSf,
  SF_OP,
  SF_REMOTE,
  SF_STATUS,
  SF_STORE,
  type SfFrame,
  type SfOutcome,
  type SfReject,
  type SfRequest,
} from './sf.js';
export { decodeSmStatus, encodeSmResolve, InMemorySamgr, SM_NAME_LENGTH_MAX, SM_OP, SM_STATUS } from './sm.js';
