// The real clients, servers and tools that `npm run test:peers` runs against, and the benchmarks: names those that are missing, and with CI=true, installs
// them. Removes network namespaces that a run left behind which was killed.
import { spawnSync } from 'node:child_process';
import { existsSync, rmSync, writeFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { EXIT_NEEDS_ROOT, EXIT_SETUP_FAILED, setUpGuest } from './setup.mjs';

/** Programs, and the Debian package of each. */
const PEERS = {
  ip: 'iproute2',
  unshare: 'util-linux',
  setpriv: 'util-linux',
  dnsmasq: 'dnsmasq-base',
  dhcpd: 'isc-dhcp-server',
  'kea-dhcp4': 'kea-dhcp4-server',
  perfdhcp: 'kea-admin', // the load of `npm run bench -- peers-udp`
  udhcpd: 'udhcpd',
  dhclient: 'isc-dhcp-client',
  dhcpcd: 'dhcpcd-base',
  udhcpc: 'udhcpc',
  ping: 'iputils-ping',
  iperf3: 'iperf3',
  curl: 'curl',
  'nc.openbsd': 'netcat-openbsd',
  ethtool: 'ethtool', // `npm run bench -- tap`
};

const CI = process.env.CI === 'true';
const packages = [...new Set(missing().map((program) => PEERS[program]))];
if (packages.length > 0 && CI) install(packages);
else if (packages.length > 0) {
  console.error(`not installed: ${missing().join(', ')}. What needs them is skipped. To install, run as root:`);
  console.error(`  apt-get update && apt-get install --yes --no-install-recommends ${packages.join(' ')}`);
}
if (CI) setUpGuest('u-boot'); // the peer that is a guest
if (process.getuid?.() === 0) removeOrphans();

function missing() {
  const folders = [...(process.env.PATH ?? '').split(delimiter), '/usr/sbin', '/sbin'];
  return Object.keys(PEERS).filter((program) => !folders.some((folder) => existsSync(join(folder, program))));
}

/** Without their services: what we test, we start ourselves, in a namespace. */
function install(names) {
  if (process.getuid?.() !== 0) {
    console.error(`root is needed to install ${names.join(', ')}`);
    process.exit(EXIT_NEEDS_ROOT);
  }
  const policy = '/usr/sbin/policy-rc.d';
  const ours = !existsSync(policy);
  if (ours) writeFileSync(policy, '#!/bin/sh\nexit 101\n', { mode: 0o755 });
  try {
    run('apt-get', ['update', '-qq']);
    run('apt-get', ['install', '--yes', '-qq', '--no-install-recommends', ...names]);
  } finally {
    if (ours) rmSync(policy);
  }
  const still = missing();
  if (still.length === 0) return;
  console.error(`still not there: ${still.join(', ')}`);
  process.exitCode = EXIT_SETUP_FAILED;
}

function run(command, args) {
  console.error(`set-up: ${command} ${args.join(' ')} …`);
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  const { status } = spawnSync(command, args, { stdio: ['ignore', 2, 2], env });
  if (status !== 0) process.exitCode = EXIT_SETUP_FAILED;
}

/** Namespaces are called `nexus-PID-…` after the process that made them: those of a process that is gone are nobody's. */
function removeOrphans() {
  const { stdout } = spawnSync('ip', ['netns', 'list'], { encoding: 'utf8' });
  for (const [, name, pid] of (stdout ?? '').matchAll(/^(nexus-(\d+)-\S+)/gm)) {
    if (!existsSync(`/proc/${pid}`)) spawnSync('ip', ['netns', 'del', name]);
  }
}
