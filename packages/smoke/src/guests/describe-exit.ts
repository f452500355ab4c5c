import type { QemuExit } from '@nexus-net/qemu';

/** How a QEMU ended, in words: `exit code 0, guest-reset`. */
export function describeExit(exit: Pick<QemuExit, 'code' | 'signal' | 'shutdown' | 'stderr'>): string {
  const { code, signal, shutdown, stderr } = exit;
  const how = signal === undefined ? `exit code ${code}` : `signal ${signal}`;
  const reason = shutdown === undefined ? '' : `, ${shutdown.reason}`;
  const said = stderr.trim() === '' ? '' : `, QEMU said: ${stderr.trim().split('\n').at(-1)}`;
  return `${how}${reason}${said}`;
}
