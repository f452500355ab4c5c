import type { QemuMachine } from './qemu-machine.js';

/** The port on 127.0.0.1 that leads into QEMU's user network, where one was asked for (see `ObservedWire`). The system chose it. */
export async function forwardedPort({ qmp }: Pick<QemuMachine, 'qmp'>): Promise<number | undefined> {
  // There is no QMP command for it; the monitor's text has one line for each forwarding.
  const text = await qmp.execute('human-monitor-command', { 'command-line': 'info usernet' });
  const port = /TCP\[HOST_FORWARD\]\s+\d+\s+127\.0\.0\.1\s+(\d{1,5})\s/.exec(String(text))?.[1];
  return port === undefined ? undefined : Number(port);
}
