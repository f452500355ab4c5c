import { closeSync, constants, openSync } from 'node:fs';
import { type KoffiFunc, errno as lastErrno, load } from 'koffi';

/** Why a TAP device can't be had, or is no more. Stable labels. */
export type TapErrorCode =
  /** Not Linux, or a kernel without TUN/TAP. */
  | 'unsupported'
  /** Root, or CAP_NET_ADMIN, is missing. */
  | 'no-permission'
  /** Another program holds the device, or something else has this name. */
  | 'in-use'
  /** The network namespace can't be entered. */
  | 'no-namespace'
  /** Somebody deleted the device while it was open. */
  | 'gone'
  /** Any other refusal of the system. */
  | 'io';

export class TapError extends Error {
  override readonly name = 'TapError';
  readonly code: TapErrorCode;

  constructor(code: TapErrorCode, message: string, options?: ErrorOptions) {
    super(`${code}: ${message}`, options);
    this.code = code;
  }
}

/** The system calls that Node lacks. The seam at which a test replaces the system. */
export interface TapSystem {
  /** A descriptor of the TAP device `name`, made where it isn't there, that never blocks. Throws {@link TapError}. */
  openTap(tap: { readonly name: string; readonly namespace?: string }): number;
  /** A descriptor that is readable after eight octets have been written to it (eventfd). */
  openWakeup(): number;
  closeWakeup(fd: number): void;
  /**
   * Waits in a thread of the pool until one of `fds` is readable, `timeoutMs` at most, then calls `done` on this thread with
   * which of them are.
   */
  poll(fds: readonly number[], timeoutMs: number, done: (readable: readonly boolean[]) => void): void;
}

/** The system that this process runs on. Its C library is looked up at the first use. */
export function systemTaps(): TapSystem {
  system ??= new LinuxTaps();
  return system;
}

class LinuxTaps implements TapSystem {
  readonly #ioctl: KoffiFunc<(fd: number, request: number, type: 'void *', argument: Uint8Array) => number>;
  readonly #setns: KoffiFunc<(fd: number, type: number) => number>;
  readonly #eventfd: KoffiFunc<(initial: number, flags: number) => number>;
  readonly #close: KoffiFunc<(fd: number) => number>;
  readonly #poll: KoffiFunc<(fds: Int32Array, count: number, timeout: number) => number>;

  constructor() {
    if (process.platform !== 'linux') throw new TapError('unsupported', `there are no TAP devices on ${process.platform}`);
    const library = load(null); // what Node itself is linked to, whatever C library that is
    this.#ioctl = library.func('int ioctl(int fd, unsigned long request, ...)');
    this.#setns = library.func('int setns(int fd, int type)');
    this.#eventfd = library.func('int eventfd(unsigned int initial, int flags)');
    this.#close = library.func('int close(int fd)');
    this.#poll = library.func('int poll(_Inout_ int32_t *fds, unsigned long count, int timeout)');
  }

  openTap({ name, namespace }: { readonly name: string; readonly namespace?: string }): number {
    const fd = namespace === undefined ? openTun() : this.#inNamespace(namespace, openTun);
    // struct ifreq: 16 octets of name, then the flags; 40 octets in all.
    const request = new Uint8Array(40);
    for (let i = 0; i < name.length; i++) request[i] = name.charCodeAt(i);
    new Uint16Array(request.buffer)[8] = IFF_TAP | IFF_NO_PI;
    if (this.#ioctl(fd, TUNSETIFF, 'void *', request) === 0) return fd;
    const errno = lastErrno();
    closeSync(fd);
    if (errno === EPERM) throw new TapError('no-permission', `${name}: CAP_NET_ADMIN is needed`);
    if (errno === EBUSY || errno === EINVAL) throw new TapError('in-use', `${name} is held by another program, or no TAP`);
    throw new TapError('io', `${name}: TUNSETIFF says ${errno}`);
  }

  openWakeup(): number {
    const fd = this.#eventfd(0, constants.O_NONBLOCK);
    if (fd < 0) throw new TapError('io', `eventfd says ${lastErrno()}`);
    return fd;
  }

  closeWakeup(fd: number): void {
    this.#close(fd); // not `closeSync`: a worker of Node warns of a descriptor that it has not opened
  }

  poll(fds: readonly number[], timeoutMs: number, done: (readable: readonly boolean[]) => void): void {
    // struct pollfd: int fd, short events, short revents. The two shorts are read and written as one 32-bit word each.
    const words = new Int32Array(2 * fds.length);
    const shorts = new Int16Array(words.buffer);
    for (const [i, fd] of fds.entries()) {
      words[2 * i] = fd;
      shorts[4 * i + 2] = POLLIN;
    }
    this.#poll.async(words, fds.length, timeoutMs, (error: Error | null, count: number) => {
      // A wait that was interrupted has no answer; whoever asked asks again. Anything that is not silence is worth a look.
      const none = error !== null || count <= 0;
      done(fds.map((_fd, i) => !none && shorts[4 * i + 3] !== 0));
    });
  }

  /** A TUN device belongs to the namespace of the thread that opens it. Synchronous, so nothing else of ours sees the other one. */
  #inNamespace<T>(path: string, run: () => T): T {
    const own = openSync('/proc/thread-self/ns/net', 'r');
    try {
      const other = openNamespace(path);
      const entered = this.#setns(other, CLONE_NEWNET);
      const errno = lastErrno();
      closeSync(other);
      if (entered !== 0) throw new TapError(errno === EPERM ? 'no-permission' : 'no-namespace', `${path}: setns says ${errno}`);
      try {
        return run();
      } finally {
        // A thread that stays in the wrong network must not go on.
        if (this.#setns(own, CLONE_NEWNET) !== 0) process.abort();
      }
    } finally {
      closeSync(own);
    }
  }
}

function openTun(): number {
  try {
    return openSync('/dev/net/tun', constants.O_RDWR | constants.O_NONBLOCK);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    const label = code === 'EACCES' || code === 'EPERM' ? 'no-permission' : 'unsupported';
    throw new TapError(label, `/dev/net/tun: ${code}`, { cause: error });
  }
}

function openNamespace(path: string): number {
  try {
    return openSync(path, 'r');
  } catch (error) {
    throw new TapError('no-namespace', `${path}: ${(error as NodeJS.ErrnoException).code}`, { cause: error });
  }
}

let system: TapSystem | undefined;

/** _IOW('T', 202, int), the same on x86, ARM, RISC-V, s390 and LoongArch. */
const TUNSETIFF = 0x4004_54ca;
const IFF_TAP = 0x0002;
/** No four octets before each frame. */
const IFF_NO_PI = 0x1000;
const CLONE_NEWNET = 0x4000_0000;
const POLLIN = 1;
const EPERM = 1;
const EBUSY = 16;
const EINVAL = 22;
