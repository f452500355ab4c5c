// What is measured, as data: the groups of source files of each package, and what is asked of them. `npm run coverage` and
// `npm run mutation` read it; a package takes part as soon as it has a line here.

/** Reads bytes and writes them: every branch is reached by a test. */
const codec = (...files) => ({ files, branches: 100, mutants: 90 });
/** Decides by state and time. */
const machine = (...files) => ({ files, branches: 95, mutants: 90 });

/**
 * By package and group: `files` below its `src`, a trailing slash for a whole folder; `branches`: how many per cent of the
 * branches the tests have to reach, `mutants`: how many per cent of the mutants they have to kill.
 */
export const GROUPS = {
  dhcp: {
    codec: codec('message', 'option', 'options/', 'names.ts', 'describe.ts', 'copy-octets.ts'),
    client: machine('client.ts', 'client/', 'lease.ts'),
    server: machine('server.ts', 'server/'),
    relay: machine('relay.ts', 'relay/'),
    witness: machine('witness.ts', 'witness/'),
  },
};

/** The group that a file of a package belongs to, or undefined: `file` is relative to the package's `src`. */
export function groupOf(name, file) {
  const matches = (pattern) => (pattern.endsWith('.ts') ? file === pattern : file.startsWith(pattern));
  return Object.entries(GROUPS[name] ?? {}).find(([, { files }]) => files.some(matches))?.[0];
}
