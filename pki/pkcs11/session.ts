import type { Handle, PKCS11 } from 'pkcs11js';

import type { Bytes } from '#core/bytes.ts';

import { readPassphrase } from '../passphrase.ts';
import { DerReader } from '../x509/der-reader.ts';
import { bitString, oid, sequence } from '../x509/der-writer.ts';
import { type LoadedModule, loadModule, type Pkcs11Library } from './module.ts';

export interface Pkcs11Place {
  /** The module: a shared library of the token's maker. */
  readonly modulePath: string;
  /** CKA label of the token, without the spaces that fill it. */
  readonly tokenLabel: string;
  /** The user PIN's file, as `readPassphrase` reads one. */
  readonly pinFile: string;
}

/** A token that is logged in to, and one key pair in it. */
export interface Pkcs11Session {
  /** DER SubjectPublicKeyInfo. */
  readonly spki: Bytes;
  /** r ‖ s over a SHA-256 digest. */
  sign(digest: Bytes): Promise<Bytes>;
  /** Rejects when the token is gone or the login is. */
  assertPresent(): Promise<void>;
  close(): void;
}

const P256 = oid('1.2.840.10045.3.1.7');
const EC_PUBLIC_KEY = oid('1.2.840.10045.2.1');
/** 04 ‖ x ‖ y. */
const P256_POINT_BYTES = 65;
const SIGNATURE_MAX_BYTES = 256;

/** Opens the token and finds the key pair labelled `keyLabel`. Rejects, with nothing left open, unless there is exactly one that is fit to be a CA's. */
export async function openPkcs11Session(place: Pkcs11Place, keyLabel: string): Promise<Pkcs11Session> {
  const module = await loadModule(place.modulePath);
  const pin = Buffer.from((await readPassphrase(place.pinFile, PIN_MIN_BYTES)).reveal()).toString('utf8');
  const { pkcs11, library } = module;
  const session = pkcs11.C_OpenSession(slotOf(module, place.tokenLabel), library.CKF_SERIAL_SESSION);
  try {
    logIn(module, session, pin);
    const privateKey = onlyObject(module, session, library.CKO_PRIVATE_KEY, keyLabel);
    assertFit(module, session, privateKey, keyLabel);
    const publicKey = onlyObject(module, session, library.CKO_PUBLIC_KEY, keyLabel);
    const spki = spkiOf(module, session, publicKey, keyLabel);
    return {
      spki,
      sign: (digest) => sign(module, session, privateKey, digest),
      assertPresent: async () => {
        pkcs11.C_GetSessionInfo(session);
      },
      close: () => closeQuietly(pkcs11, session),
    };
  } catch (error) {
    closeQuietly(pkcs11, session);
    throw error;
  }
}

/** PINs are as short as their token lets them be. */
const PIN_MIN_BYTES = 4;

function slotOf({ pkcs11 }: LoadedModule, tokenLabel: string): Handle {
  const slots = pkcs11.C_GetSlotList(true).filter((slot) => pkcs11.C_GetTokenInfo(slot).label.trim() === tokenLabel);
  const [slot, ...more] = slots;
  if (slot === undefined) throw new Error(`no token is labelled ${tokenLabel}`);
  if (more.length > 0) throw new Error(`${slots.length} tokens are labelled ${tokenLabel}`);
  return slot;
}

/** A login is the process's with this token, not the session's: another session may have it already. */
function logIn({ pkcs11, library }: LoadedModule, session: Handle, pin: string): void {
  try {
    pkcs11.C_Login(session, library.CKU_USER, pin);
  } catch (error) {
    if (!isCode(error, library.CKR_USER_ALREADY_LOGGED_IN)) throw error;
  }
}

const isCode = (error: unknown, code: number): boolean =>
  error instanceof Error && 'code' in error && error.code === code;

function onlyObject({ pkcs11, library }: LoadedModule, session: Handle, kind: number, label: string): Handle {
  pkcs11.C_FindObjectsInit(session, [
    { type: library.CKA_CLASS, value: kind },
    { type: library.CKA_LABEL, value: label },
  ]);
  const found = pkcs11.C_FindObjects(session, 2);
  pkcs11.C_FindObjectsFinal(session);
  const what = `${kind === library.CKO_PRIVATE_KEY ? 'private' : 'public'} key labelled ${label}`;
  const [object, another] = found;
  if (object === undefined) throw new Error(`the token has no ${what}`);
  if (another !== undefined) throw new Error(`the token has more than one ${what}`);
  return object;
}

function assertFit({ pkcs11, library }: LoadedModule, session: Handle, key: Handle, label: string): void {
  const isSet = (type: number): boolean => {
    const [attribute] = pkcs11.C_GetAttributeValue(session, key, [{ type }]);
    return Buffer.isBuffer(attribute?.value) && attribute.value[0] === 1;
  };
  if (isSet(library.CKA_EXTRACTABLE)) throw new Error(`the key ${label} is extractable`);
  if (!isSet(library.CKA_SENSITIVE)) throw new Error(`the key ${label} is not sensitive: the token may show it`);
  if (!isSet(library.CKA_SIGN)) throw new Error(`the key ${label} may not sign`);
}

/** From the public key object: its curve must be P-256, its point uncompressed. */
function spkiOf({ pkcs11, library }: LoadedModule, session: Handle, key: Handle, label: string): Bytes {
  const [curve, point] = pkcs11
    .C_GetAttributeValue(session, key, [{ type: library.CKA_EC_PARAMS }, { type: library.CKA_EC_POINT }])
    .map(({ value }) => (Buffer.isBuffer(value) ? value : Buffer.alloc(0)));
  if (curve === undefined || point === undefined || !P256.equals(curve))
    throw new Error(`the key ${label} is not P-256`);
  // A DER OCTET STRING around the point (PKCS #11 §6.3.3).
  const reader = new DerReader(point, 'CKA_EC_POINT');
  const bytes = reader.octetString();
  reader.end();
  if (bytes.byteLength !== P256_POINT_BYTES) throw new Error(`the key ${label} has a point of another form`);
  return sequence(sequence(EC_PUBLIC_KEY, P256), bitString(bytes));
}

async function sign(
  { pkcs11, library }: { readonly pkcs11: PKCS11; readonly library: Pkcs11Library },
  session: Handle,
  key: Handle,
  digest: Bytes,
): Promise<Bytes> {
  pkcs11.C_SignInit(session, { mechanism: library.CKM_ECDSA }, key);
  return pkcs11.C_SignAsync(session, Buffer.from(digest), Buffer.alloc(SIGNATURE_MAX_BYTES));
}

function closeQuietly(pkcs11: PKCS11, session: Handle): void {
  try {
    pkcs11.C_CloseSession(session);
  } catch {
    // The token is gone, and the session with it.
  }
}
