import { parseMac } from '@nexus-net/sansio';
import { expect, test } from 'vitest';
import { QemuMachine } from '../src/index.js';

test('x', async () => {
  let text = '';
  const frames: number[] = [];
  let st = 0;
  const t0 = performance.now();
  const qemu: QemuMachine = new QemuMachine({
    binary: '/usr/bin/qemu-system-riscv64',
    machine: {
      arch: 'riscv64',
      machine: { type: 'virt' },
      memoryMiB: 128,
      kernel: '/usr/lib/u-boot/qemu-riscv64_smode/uboot.elf',
      bios: '/usr/lib/riscv64-linux-gnu/opensbi/generic/fw_jump.elf',
    },
    nics: [{ driver: 'virtio-net-device', mac: parseMac('52:54:00:12:34:56') }],
    handlers: {
      uart(bytes) {
        text += new TextDecoder().decode(bytes);
        if (st === 0 && text.includes('Hit any key')) {
          st = 1;
          qemu.writeUart('\r');
        }
        if (st === 1 && text.includes('=> ')) {
          st = 2;
          qemu.writeUart('dhcp\r');
        }
      },
      frame(f) {
        frames.push(f.length);
        console.log(f.length, performance.now() - t0);
        if (f.length === 342) qemu.quit().then(console.log);
      },
      qmp(e) {
        console.log(e);
      },
      linkEnded(e) {
        console.log(e);
      },
    },
  });
  console.log(await qemu.start(), performance.now() - t0);
  console.log(await qemu.exited, qemu.argv.join(' '), qemu.inspectLink());
  expect(frames).toContain(342);
});
