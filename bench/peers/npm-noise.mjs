// Noise in other npm packages: XK handshakes of both sides, and records. `library` says which one.
import { createRequire } from 'node:module';
import { serve } from './serve.mjs';

const require = createRequire(import.meta.url);
const NAME = 'Noise_XK_25519_ChaChaPoly_BLAKE2s';
const EMPTY = new Uint8Array(0);

await serve({
  handshake: async ({ library }) => {
    const { handshake } = await open(library);
    return (count) => {
      let sum = 0;
      for (let i = 0; i < count; i++) sum += handshake();
      return sum;
    };
  },
  seal: async ({ library, octets }) => {
    const { seal } = (await open(library)).records(new Uint8Array(octets));
    return (count) => {
      let sum = 0;
      for (let i = 0; i < count; i++) sum += seal();
      return sum;
    };
  },
  pair: async ({ library, octets }) => {
    const { seal, open: unseal } = (await open(library)).records(new Uint8Array(octets));
    return (count) => {
      let sum = 0;
      for (let i = 0; i < count; i++) {
        seal();
        sum += unseal();
      }
      return sum;
    };
  },
});

function open(library) {
  if (library === 'noise-c.wasm') return openWasm();
  if (library === 'noise-handshake') return openSodium();
  throw new Error(`no library ${library}`);
}

/** The very suite, in C compiled to WebAssembly. */
async function openWasm() {
  const noise = await new Promise((resolve) => require('noise-c.wasm')(resolve));
  const { NOISE_ROLE_INITIATOR, NOISE_ROLE_RESPONDER } = noise.constants;
  const [initiatorSecret] = noise.CreateKeyPair(noise.constants.NOISE_DH_CURVE25519);
  const [responderSecret, responderPublic] = noise.CreateKeyPair(noise.constants.NOISE_DH_CURVE25519);
  const session = () => {
    const a = new noise.HandshakeState(NAME, NOISE_ROLE_INITIATOR);
    const b = new noise.HandshakeState(NAME, NOISE_ROLE_RESPONDER);
    a.Initialize(EMPTY, initiatorSecret, responderPublic);
    b.Initialize(EMPTY, responderSecret);
    b.ReadMessage(a.WriteMessage());
    a.ReadMessage(b.WriteMessage());
    b.ReadMessage(a.WriteMessage());
    return { a: a.Split(), b: b.Split() };
  };
  return {
    handshake: () => {
      const { a, b } = session();
      for (const cipher of [...a, ...b]) cipher.free();
      return 1;
    },
    records: (plaintext) => {
      const { a, b } = session();
      let sealed;
      return {
        seal: () => (sealed = a[0].EncryptWithAd(EMPTY, plaintext)).length,
        open: () => b[1].DecryptWithAd(EMPTY, sealed).length,
      };
    },
  };
}

/** XK with BLAKE2b, the only hash that it has; libsodium in C behind it. */
function openSodium() {
  const Noise = require('noise-handshake');
  const Cipher = require('noise-handshake/cipher');
  const curve = require('noise-handshake/dh');
  const initiator = curve.generateKeyPair();
  const responder = curve.generateKeyPair();
  const session = () => {
    const a = new Noise('XK', true, initiator);
    const b = new Noise('XK', false, responder);
    a.initialise(Buffer.alloc(0), responder.publicKey);
    b.initialise(Buffer.alloc(0));
    b.recv(a.send());
    a.recv(b.send());
    b.recv(a.send());
    return { a, b };
  };
  return {
    handshake: () => session().b.rx.length,
    records: (octets) => {
      const plaintext = Buffer.from(octets);
      const { a, b } = session();
      const [send, receive] = [new Cipher(a.tx), new Cipher(b.rx)];
      let sealed;
      return {
        seal: () => (sealed = send.encrypt(plaintext)).length,
        open: () => receive.decrypt(sealed).length,
      };
    },
  };
}
