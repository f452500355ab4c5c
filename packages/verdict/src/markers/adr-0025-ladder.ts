import type { Marker } from '../marker.js';

/**
 * The ladder of the OS right after ADR-0025, in its order: 109 lines, byte for byte. Each is the beginning of a line of the OS's console, as
 * its harness looked for it.
 */
export const ADR_0025_LINES: readonly string[] = [
  'neuron vers.',
  'KSELFTEST: spawn reasons ok',
  'KSELFTEST: resource sentinel ok',
  'init: start',
  ...[
    'keystored',
    'rngd',
    'policyd',
    'logd',
    'samgrd',
    'bundlemgrd',
    'packagefsd',
    'vfsd',
    'execd',
    'netstackd',
    'dsoftbusd',
  ].flatMap((service) => [`init: start ${service}`, `init: up ${service}`]),
  'init: ready',
  'keystored: ready',
  'rngd: ready',
  'policyd: ready',
  'samgrd: ready',
  'bundlemgrd: ready',
  'statefsd: ready',
  'updated: ready (statefs)',
  'packagefsd: ready',
  'vfsd: ready',
  'execd: ready',
  'netstackd: ready',
  'net: virtio-net up',
  'SELFTEST: net iface ok',
  'net: smoltcp iface up',
  'blk: virtio-blk up',
  'logd: ready',
  'bundlemgrd: slot a active',
  'SELFTEST: ipc routing keystored ok',
  'SELFTEST: keystored v1 ok',
  'rngd: mmio window mapped ok',
  'SELFTEST: rng entropy ok',
  'SELFTEST: rng entropy oversized ok',
  'SELFTEST: device key pubkey ok',
  'SELFTEST: device key private export rejected ok',
  'SELFTEST: statefs put ok',
  'SELFTEST: statefs unauthorized access rejected',
  'SELFTEST: statefs persist ok',
  'SELFTEST: device key persist ok',
  'SELFTEST: net tcp listen ok',
  'netstackd: facade up',
  'SELFTEST: ipc routing samgrd ok',
  'SELFTEST: samgrd v1 register ok',
  'SELFTEST: samgrd v1 lookup ok',
  'SELFTEST: samgrd v1 unknown ok',
  'SELFTEST: samgrd v1 malformed ok',
  'SELFTEST: ipc routing policyd ok',
  'SELFTEST: ipc routing bundlemgrd ok',
  'SELFTEST: ipc routing updated ok',
  'SELFTEST: bundlemgrd v1 list ok',
  'SELFTEST: bundlemgrd v1 image ok',
  'SELFTEST: bundlemgrd v1 malformed ok',
  'SELFTEST: ota stage ok',
  'bundlemgrd: slot b active',
  'SELFTEST: ota switch ok',
  'SELFTEST: ota health ok',
  'SELFTEST: ota rollback ok',
  'SELFTEST: bootctl persist ok',
  'SELFTEST: policy allow ok',
  'SELFTEST: policy deny ok',
  'SELFTEST: mmio policy deny ok',
  'SELFTEST: policyd requester spoof denied ok',
  'SELFTEST: policy malformed ok',
  'SELFTEST: ipc routing execd ok',
  'child: hello-elf',
  'execd: elf load ok',
  'SELFTEST: e2e exec-elf ok',
  'child: exit0 start',
  'execd: child exited',
  'SELFTEST: child exit ok',
  'child: exit42 start',
  'execd: crash report pid=',
  'SELFTEST: crash report ok',
  'SELFTEST: exec denied ok',
  'SELFTEST: execd malformed ok',
  'SELFTEST: log query ok',
  'SELFTEST: nexus-log sink-logd ok',
  'SELFTEST: core services log ok',
  'SELFTEST: ipc payload roundtrip ok',
  'SELFTEST: ipc deadline timeout ok',
  'SELFTEST: nexus-ipc kernel loopback ok',
  'SELFTEST: ipc sender pid ok',
  'SELFTEST: ipc sender service_id ok',
  'SELFTEST: mmio map ok',
  'SELFTEST: cap query mmio ok',
  'SELFTEST: cap query vmo ok',
  'SELFTEST: ipc routing ok',
  'SELFTEST: ipc routing packagefsd ok',
  'SELFTEST: vfs stat ok',
  'SELFTEST: vfs read ok',
  'SELFTEST: vfs real data ok',
  'SELFTEST: vfs ebadf ok',
  'SELFTEST: end',
];

/** The marker of one of those lines that is nothing of the network: nobody outside of the guest can confirm it. */
export function localMarker(line: string): Marker {
  return {
    form: line,
    match: 'beginning',
    meaning: 'A step of the OS’s own ladder.',
    backing: 'local',
    failures: failuresOf(line),
  };
}

/** `SELFTEST: x ok` fails as `SELFTEST: x FAIL`. */
export function failuresOf(line: string): readonly string[] {
  const subject = /^(SELFTEST: .+|KSELFTEST: .+) ok$/.exec(line)?.[1];
  return subject === undefined ? [] : [`${subject} FAIL`, `${subject} fail`];
}

/** A stable id made of the line: `init: start keystored` is `init-start-keystored`. */
export function localMarkerId(line: string): string {
  return line
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, '-')
    .replaceAll(/^-|-$/g, '');
}
