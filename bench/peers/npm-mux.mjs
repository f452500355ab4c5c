// Stream muxers of npm, two ends in one process over the shortest way there is: what one end sends is handed to the other at once.
import { yamux } from '@chainsafe/libp2p-yamux';
import yamuxJs from 'yamux-js';
import { serve } from './serve.mjs';

const MEBIBYTE = 1_048_576;

const SILENT = Object.assign(() => undefined, { trace() {}, error() {}, newScope: () => SILENT });

/** What of a connection a muxer of libp2p asks for. */
class Direct extends EventTarget {
  status = 'open';
  log = SILENT;
  other = undefined;

  constructor(direction) {
    super();
    this.direction = direction;
  }

  send(data) {
    const event = new Event('message');
    event.data = data;
    this.other.dispatchEvent(event);
    return true;
  }
}

/**
 * `open(hear)` opens a stream, of which the other end tells `hear` how many octets came, and closes its direction when ours ends;
 * `isReady` writes and says whether more may be written at once, `drained` waits for that.
 */
const LIBRARIES = {
  'libp2p-yamux': async () => {
    const [a, b] = [new Direct('outbound'), new Direct('inbound')];
    a.other = b;
    b.other = a;
    const factory = yamux({ enableKeepAlive: false })();
    const near = factory.createStreamMuxer(a);
    const far = factory.createStreamMuxer(b);
    let hear = () => undefined;
    far.addEventListener('stream', ({ detail: stream }) => {
      const tell = hear;
      stream.addEventListener('message', ({ data }) => tell(data.byteLength));
      stream.addEventListener('remoteCloseWrite', () => stream.close());
    });
    return {
      open: (then) => {
        hear = then;
        return near.createStream();
      },
      isReady: (stream, bytes) => stream.send(bytes),
      drained: (stream) => new Promise((then) => stream.addEventListener('drain', then, { once: true })),
      close: (stream) => stream.close(),
    };
  },
  'yamux-js': async () => {
    const options = { enableKeepAlive: false, logger: () => undefined };
    let hear = () => undefined;
    const near = new yamuxJs.Client(options);
    const far = new yamuxJs.Server((stream) => {
      const tell = hear;
      stream.on('data', (bytes) => tell(bytes.length));
    }, options);
    near.pipe(far).pipe(near);
    return {
      open: (then) => {
        hear = then;
        return near.open();
      },
      isReady: (stream, bytes) => stream.write(bytes),
      drained: (stream) => new Promise((then) => stream.once('drain', then)),
      close: (stream) => stream.close(),
    };
  },
};

await serve({
  bulk: async ({ library, octets }) => {
    const { open, isReady, drained } = await LIBRARIES[library]();
    let received = 0;
    let wanted = 0;
    let resolve = () => undefined;
    const stream = await open((length) => {
      received += length;
      if (received >= wanted) resolve();
    });
    const piece = new Uint8Array(octets).fill(7);
    return async (count) => {
      received = 0;
      wanted = count * MEBIBYTE;
      const done = new Promise((then) => {
        resolve = then;
      });
      for (let sent = 0; sent < wanted; sent += octets) if (!isReady(stream, piece)) await drained(stream);
      await done;
      return received;
    };
  },
  streams: async ({ library }) => {
    const { open, isReady, close } = await LIBRARIES[library]();
    const octet = Uint8Array.of(7);
    const run = async (count) => {
      for (let i = 0; i < count; i++) {
        let stream;
        const got = new Promise((then) => {
          stream = open(then);
        });
        stream = await stream;
        isReady(stream, octet);
        close(stream);
        await got;
      }
      return count;
    };
    // More than it lets wait at once: a library that does not give streams back stops here.
    const isOver = await Promise.race([run(300).then(() => true), new Promise((then) => setTimeout(then, 2_000, false))]);
    if (!isOver) throw new Error('of 300 streams opened and closed one by one not all arrive');
    return run;
  },
});
