import { readEccScheme } from '#tpm2/algorithms.ts';
import {
  decodeActivateCredential,
  decodeCertify,
  decodeQuote,
  decodeSign,
  encodeActivateCredential,
  encodeCertify,
  encodeQuote,
  encodeSign,
} from '#tpm2/commands/attestation.ts';
import { CAPABILITY, decodeGetCapability, encodeGetCapability } from '#tpm2/commands/capability.ts';
import { decodeReadClock, encodeReadClock } from '#tpm2/commands/clock.ts';
import { policyAuthorization } from '#tpm2/commands/frame.ts';
import { decodeNvRead, decodeNvReadPublic, encodeNvRead, encodeNvReadPublic } from '#tpm2/commands/nv.ts';
import {
  decodeCreate,
  decodeCreatePrimary,
  decodeEvictControl,
  decodeFlushContext,
  decodeLoad,
  decodeReadPublic,
  encodeCreate,
  encodeCreatePrimary,
  encodeEvictControl,
  encodeFlushContext,
  encodeLoad,
  encodeReadPublic,
} from '#tpm2/commands/object.ts';
import {
  decodePcrExtend,
  decodePcrRead,
  decodePcrReset,
  encodePcrExtend,
  encodePcrRead,
  encodePcrReset,
} from '#tpm2/commands/pcr.ts';
import { decodeGetRandom, encodeGetRandom } from '#tpm2/commands/random.ts';
import {
  decodePolicyGetDigest,
  decodePolicySecret,
  decodeStartAuthSession,
  encodePolicyGetDigest,
  encodePolicySecret,
  encodeStartAuthSession,
} from '#tpm2/commands/session.ts';
import { decodeShutdown, decodeStartup, encodeShutdown, encodeStartup } from '#tpm2/commands/startup.ts';
import { CC, hashNameOf, TAG } from '#tpm2/constants.ts';
import { readPcrSelections } from '#tpm2/pcr.ts';
import { Reader } from '#tpm2/reader.ts';
import { Writer } from '#tpm2/writer.ts';
import { DIGEST_SIZE, type HashName } from '#core/digest.ts';

/** The arguments of a recorded command, as its sender had them. */
interface Arguments {
  readonly handles: readonly number[];
  readonly sessions: readonly number[];
  readonly parameters: Reader;
}

interface Replay {
  readonly handles: number;
  /** Encodes the command again from its arguments. */
  readonly encode: (args: Arguments) => Uint8Array;
  readonly decode: (response: Uint8Array) => unknown;
}

const handle = (args: Arguments, index: number): number => {
  const value = args.handles[index];
  if (value === undefined) throw new Error(`no handle ${index}`);
  return value;
};

const hash = (reader: Reader): HashName => {
  const name = hashNameOf(reader.u16());
  if (name === undefined) throw new Error('no such hash');
  return name;
};

const startupType = (reader: Reader) => (reader.u16() === 0 ? 'clear' : 'state');

const capabilityName = (value: number) => {
  const names = Object.keys(CAPABILITY) as (keyof typeof CAPABILITY)[];
  const name = names.find((key) => CAPABILITY[key] === value);
  if (name === undefined) throw new Error('no such capability');
  return name;
};

/** inPublic, after a sensitive part that is always the same. */
const template = (reader: Reader): Uint8Array => {
  reader.sized();
  const inPublic = reader.sized();
  reader.sized();
  reader.u32();
  return inPublic;
};

const sized = (reader: Reader): Uint8Array => new Writer().sized(reader.sized()).finish();

const REPLAY: Readonly<Record<number, Replay>> = {
  [CC.startup]: { handles: 0, encode: (a) => encodeStartup(startupType(a.parameters)), decode: decodeStartup },
  [CC.shutdown]: { handles: 0, encode: (a) => encodeShutdown(startupType(a.parameters)), decode: decodeShutdown },
  [CC.getCapability]: {
    handles: 0,
    encode: ({ parameters: p }) =>
      encodeGetCapability({ capability: capabilityName(p.u32()), property: p.u32(), count: p.u32() }),
    decode: decodeGetCapability,
  },
  [CC.getRandom]: { handles: 0, encode: (a) => encodeGetRandom(a.parameters.u16()), decode: decodeGetRandom },
  [CC.nvReadPublic]: { handles: 1, encode: (a) => encodeNvReadPublic(handle(a, 0)), decode: decodeNvReadPublic },
  [CC.nvRead]: {
    handles: 2,
    encode: (a) =>
      encodeNvRead({
        authHandle: handle(a, 0),
        index: handle(a, 1),
        size: a.parameters.u16(),
        offset: a.parameters.u16(),
      }),
    decode: decodeNvRead,
  },
  [CC.pcrRead]: { handles: 0, encode: (a) => encodePcrRead(readPcrSelections(a.parameters)), decode: decodePcrRead },
  [CC.pcrExtend]: {
    handles: 1,
    encode: (a) => {
      const digests = Array.from({ length: a.parameters.u32() }, () => {
        const name = hash(a.parameters);
        return { hash: name, digest: a.parameters.bytes(DIGEST_SIZE[name]) };
      });
      return encodePcrExtend(handle(a, 0), digests);
    },
    decode: decodePcrExtend,
  },
  [CC.pcrReset]: { handles: 1, encode: (a) => encodePcrReset(handle(a, 0)), decode: decodePcrReset },
  [CC.createPrimary]: {
    handles: 1,
    encode: (a) => encodeCreatePrimary(handle(a, 0), template(a.parameters)),
    decode: decodeCreatePrimary,
  },
  [CC.create]: {
    handles: 1,
    encode: (a) => encodeCreate(handle(a, 0), template(a.parameters)),
    decode: decodeCreate,
  },
  [CC.load]: {
    handles: 1,
    encode: (a) => encodeLoad(handle(a, 0), a.parameters.sized(), a.parameters.sized()),
    decode: decodeLoad,
  },
  [CC.readPublic]: { handles: 1, encode: (a) => encodeReadPublic(handle(a, 0)), decode: decodeReadPublic },
  [CC.evictControl]: {
    handles: 2,
    encode: (a) => encodeEvictControl(handle(a, 1), a.parameters.u32()),
    decode: decodeEvictControl,
  },
  [CC.flushContext]: {
    handles: 0,
    encode: (a) => encodeFlushContext(a.parameters.u32()),
    decode: decodeFlushContext,
  },
  [CC.startAuthSession]: {
    handles: 2,
    encode: ({ parameters: p }) => {
      const nonceCaller = p.sized();
      p.sized();
      const type = (['hmac', 'policy', 'hmac', 'trial'] as const)[p.u8()] ?? 'hmac';
      p.u16();
      return encodeStartAuthSession({ type, nonceCaller, hash: hash(p) });
    },
    decode: decodeStartAuthSession,
  },
  [CC.policySecret]: {
    handles: 2,
    encode: (a) => {
      for (let i = 0; i < 3; i++) a.parameters.sized();
      a.parameters.i32();
      return encodePolicySecret(handle(a, 0), handle(a, 1));
    },
    decode: decodePolicySecret,
  },
  [CC.policyGetDigest]: {
    handles: 1,
    encode: (a) => encodePolicyGetDigest(handle(a, 0)),
    decode: decodePolicyGetDigest,
  },
  [CC.activateCredential]: {
    handles: 2,
    encode: (a) =>
      encodeActivateCredential({
        activateHandle: handle(a, 0),
        keyHandle: handle(a, 1),
        keyAuthorization: policyAuthorization(a.sessions[1] ?? 0),
        credentialBlob: sized(a.parameters),
        encryptedSecret: sized(a.parameters),
      }),
    decode: decodeActivateCredential,
  },
  [CC.quote]: {
    handles: 1,
    encode: (a) => {
      const qualifyingData = a.parameters.sized();
      readEccScheme(a.parameters);
      return encodeQuote({ signHandle: handle(a, 0), qualifyingData, selections: readPcrSelections(a.parameters) });
    },
    decode: decodeQuote,
  },
  [CC.certify]: {
    handles: 2,
    encode: (a) => {
      const qualifyingData = a.parameters.sized();
      readEccScheme(a.parameters);
      return encodeCertify({ objectHandle: handle(a, 0), signHandle: handle(a, 1), qualifyingData });
    },
    decode: decodeCertify,
  },
  [CC.sign]: {
    handles: 1,
    encode: (a) => {
      const digest = a.parameters.sized();
      const scheme = readEccScheme(a.parameters);
      a.parameters.bytes(8);
      return encodeSign({ keyHandle: handle(a, 0), digest, scheme });
    },
    decode: decodeSign,
  },
  [CC.readClock]: { handles: 0, encode: () => encodeReadClock(), decode: decodeReadClock },
};

/** Takes a recorded command apart, down to its last byte, and encodes it again with this system's encoder. */
export function encodeAgain(command: Uint8Array): Uint8Array {
  const reader = new Reader(command, 'recorded command');
  const tag = reader.u16();
  reader.u32();
  const replay = replayOf(reader.u32());
  const handles = Array.from({ length: replay.handles }, () => reader.u32());
  const sessions: number[] = [];
  if (tag === TAG.sessions) {
    const area = new Reader(reader.bytes(reader.u32()), 'recorded authorisations');
    while (area.remaining > 0) {
      sessions.push(area.u32());
      area.sized();
      area.u8();
      area.sized();
    }
  }
  const encoded = replay.encode({ handles, sessions, parameters: reader });
  reader.end();
  return encoded;
}

/** This system's decoder for the response to a recorded command. */
export function decoderFor(command: Uint8Array): (response: Uint8Array) => unknown {
  return replayOf(new DataView(command.buffer, command.byteOffset).getUint32(6)).decode;
}

/** Every decoder, for fuzzing. */
export const DECODERS: readonly ((response: Uint8Array) => unknown)[] = Object.values(REPLAY).map(
  ({ decode }) => decode,
);

function replayOf(code: number): Replay {
  const replay = REPLAY[code];
  if (replay === undefined) throw new Error(`no encoder for command ${code.toString(16)}`);
  return replay;
}
