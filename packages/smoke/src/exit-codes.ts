/** How `nexus-net` ends. Stable: scripts may rely on each number. */
export const EXIT_CODES: Readonly<Record<ExitName, { readonly code: number; readonly meaning: string }>> = {
  passed: { code: 0, meaning: 'the verdict is: passed (or: the file was read, no rule broken)' },
  failed: { code: 1, meaning: 'the verdict is: failed; `verdict.json` has phase and cause' },
  usage: {
    code: 2,
    meaning:
      'an unknown option, value or combination, or a gate that the guest has no capability for: refused before anything booted',
  },
  unproven: { code: 3, meaning: 'the guest claims something that the wire does not show, or shows otherwise' },
  guest: { code: 4, meaning: 'the guest crashed, ended early, or fell silent' },
  violation: { code: 5, meaning: 'a rule that nothing may break was broken on the wire (`inspect`: some rule was broken)' },
  missing: { code: 6, meaning: 'something that is needed is not installed; the message has the command that installs it' },
  unreadable: {
    code: 7,
    meaning: '`inspect`, `replay` or `verify`: a file is not what it has to be, or ends in the middle of a frame',
  },
  altered: { code: 10, meaning: '`evidence`: the file is not what was sealed; the message says what is altered, and where' },
  untrusted: { code: 11, meaning: '`evidence verify`: not signed with the key that was asked for, or not for the purpose' },
  secret: { code: 12, meaning: '`evidence seal`: a secret is in the run’s files; nothing was sealed' },
  internal: { code: 70, meaning: 'a defect of nexus-net itself' },
  unwritable: {
    code: 74,
    meaning: 'the run’s files could not be written: no room or no permission (a verdict of failed keeps its own code)',
  },
  interrupted: { code: 130, meaning: 'stopped from outside (SIGINT or SIGTERM)' },
};

export type ExitName =
  | 'passed'
  | 'failed'
  | 'usage'
  | 'unproven'
  | 'guest'
  | 'violation'
  | 'missing'
  | 'unreadable'
  | 'altered'
  | 'untrusted'
  | 'secret'
  | 'internal'
  | 'unwritable'
  | 'interrupted';

export function exitCode(name: ExitName): number {
  return EXIT_CODES[name].code;
}
