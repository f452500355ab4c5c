// A program on the kernel's sockets: runs inside a network namespace and says what it does in lines of JSON.
//   tcp  {"connect": [host, port]} or {"listen": port}, with {"send": octets, "seed": n}: sends that many octets of a seed, receives up to the
//        end, and tells {"sent", "sentHash", "received", "receivedHash"}; with {"plain": true}, zeros and no hashes
//   echo {"port": n}: sends every datagram back to where it came from
import { createCipheriv, createHash } from 'node:crypto';
import { createSocket } from 'node:dgram';
import { connect, createServer } from 'node:net';

const [, , what, text] = process.argv;
const options = JSON.parse(text);
/** In the place of a hash and of a cipher, for measurements. */
const NONE = { update: (bytes) => bytes, digest: () => '' };
const say = (value) => process.stdout.write(`${JSON.stringify(value)}\n`);
const fail = (error) => {
  say({ error: String(error.code ?? error) });
  process.exit(1);
};

if (what === 'tcp') {
  if (options.listen === undefined) {
    const [host, port] = options.connect;
    const socket = connect({ host, port, allowHalfOpen: true });
    socket.on('connect', () => exchange(socket));
    socket.on('error', fail);
  } else {
    const server = createServer({ allowHalfOpen: true }, (socket) => {
      server.close();
      socket.on('error', fail);
      exchange(socket);
    });
    server.listen(options.listen, '0.0.0.0', () => say({ ready: true }));
  }
} else {
  const socket = createSocket({ type: 'udp4', recvBufferSize: 2 ** 20, sendBufferSize: 2 ** 20 });
  socket.on('message', (message, { address, port }) => socket.send(message, port, address));
  socket.bind(options.port, '0.0.0.0', () => say({ ready: true }));
}

function exchange(socket) {
  socket.setNoDelay(options.noDelay === true);
  const [received, sent] = options.plain ? [NONE, NONE] : [createHash('sha256'), createHash('sha256')];
  let receivedCount = 0;
  let startedAt = 0;
  let endedAt = 0;
  let ends = 2;
  const end = () => {
    ends -= 1;
    if (ends > 0) return;
    say({
      sent: options.send,
      sentHash: sent.digest('hex'),
      received: receivedCount,
      receivedHash: received.digest('hex'),
      receiveMs: endedAt - startedAt,
    });
  };
  socket.on('data', (bytes) => {
    received.update(bytes);
    if (receivedCount === 0) startedAt = performance.now();
    receivedCount += bytes.length;
  });
  socket.on('end', () => {
    endedAt = performance.now();
    end();
  });

  const key = Buffer.alloc(16);
  key.writeUInt32BE(options.seed ?? 0);
  const cipher = options.plain ? NONE : createCipheriv('aes-128-ctr', key, Buffer.alloc(16));
  const zeros = Buffer.alloc(65_536);
  let left = options.send;
  const more = () => {
    while (left > 0) {
      const bytes = cipher.update(zeros.subarray(0, Math.min(zeros.length, left)));
      sent.update(bytes);
      left -= bytes.length;
      if (!socket.write(bytes)) return void socket.once('drain', more);
    }
    socket.end(end);
  };
  more();
}
