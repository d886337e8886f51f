import { createPrivateKey, createPublicKey } from 'node:crypto';
import { open } from 'node:fs/promises';

import { equalBytes } from '#core/bytes.ts';
import { type CertificateFingerprint, certificateFingerprint, type NodeName } from '#core/ids.ts';
import { type Certificate, parseCertificate } from '#pki/x509/certificate.ts';
import { X509FormatError } from '#pki/x509/format-error.ts';
import { encodePem, parsePem } from '#pki/x509/pem.ts';

import { isNodeSubject, TOLERATED_SKEW_MS } from './check-issued.ts';
import { type Credential, credentialFile } from './credential.ts';

/** The credential of an earlier join, as it is on the disk. */
export interface HeldCredential extends Credential {
  readonly notBefore: Date;
  readonly notAfter: Date;
  readonly fingerprint: CertificateFingerprint;
}

export type HeldCheck =
  | { readonly status: 'held'; readonly credential: HeldCredential }
  | { readonly status: 'none' }
  /** There is a file, and no kubelet should use it: the reason, for an operator, without a full stop. */
  | { readonly status: 'unusable'; readonly reason: string };

const MAX_FILE_BYTES = 131_072;

/**
 * The credential in `directory`: a file that its owner alone can read, with a certificate for `nodeName` and the key that it is for. It does not
 * establish that the certificate is valid at this time (`isValidAt`), nor who issued it: the join that wrote it did.
 */
export async function readHeldCredential(directory: string, nodeName: NodeName): Promise<HeldCheck> {
  const file = credentialFile(directory);
  const unusable = (reason: string): HeldCheck => ({ status: 'unusable', reason: `${file} ${reason}` });
  let pem: string;
  try {
    await using handle = await open(file, 'r');
    const { mode, size } = await handle.stat();
    if ((mode & 0o077) !== 0) return unusable('is open to others, who may have read the key');
    if (size > MAX_FILE_BYTES) return unusable('is no credential: it is too long');
    pem = await handle.readFile('utf8');
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : String(error);
    return code === 'ENOENT' ? { status: 'none' } : unusable(`cannot be read (${code})`);
  }
  const credential = parseCredential(pem, nodeName);
  return typeof credential === 'string' ? unusable(credential) : { status: 'held', credential };
}

/** True while a certificate can be used, and for `marginMs` longer. A clock that is a little behind is forgiven, as when it was issued. */
export function isValidAt(
  { notBefore, notAfter }: Pick<HeldCredential, 'notBefore' | 'notAfter'>,
  now: Date,
  marginMs = 0,
): boolean {
  const at = now.getTime();
  return at >= notBefore.getTime() - TOLERATED_SKEW_MS && at < notAfter.getTime() - marginMs;
}

/** The credential in `pem`, or why it is none. */
function parseCredential(pem: string, nodeName: NodeName): HeldCredential | string {
  const parts = readParts(pem);
  if (parts === undefined) return 'is not a certificate chain and a key';
  const { leaf, chainPem, keyPem, spki } = parts;
  if (!equalBytes(leaf.publicKey.raw, spki)) return 'has a key and a certificate that do not belong together';
  if (!isNodeSubject(leaf, nodeName)) return `has a certificate that is not for ${nodeName}`;
  const { notBefore, notAfter } = leaf;
  return { keyPem, chainPem, notBefore, notAfter, fingerprint: certificateFingerprint(leaf.der) };
}

interface Parts extends Credential {
  readonly leaf: Certificate;
  readonly spki: Uint8Array;
}

function readParts(pem: string): Parts | undefined {
  try {
    const blocks = parsePem(pem, 8);
    const certificates = blocks.filter(({ label }) => label === 'CERTIFICATE');
    const [key, another] = blocks.filter(({ label }) => label === 'PRIVATE KEY');
    const [leaf] = certificates;
    if (leaf === undefined || key === undefined || another !== undefined) return undefined;
    if (certificates.length + 1 !== blocks.length) return undefined;
    const keyPem = encodePem('PRIVATE KEY', key.der);
    return {
      leaf: parseCertificate(leaf.der),
      chainPem: certificates.map(({ der }) => encodePem('CERTIFICATE', der)).join(''),
      keyPem,
      spki: createPublicKey(createPrivateKey(keyPem)).export({ type: 'spki', format: 'der' }),
    };
  } catch (error) {
    if (error instanceof X509FormatError || isKeyFault(error)) return undefined;
    throw error;
  }
}

/** What node:crypto throws for bytes that are no key. */
function isKeyFault(error: unknown): boolean {
  return error instanceof Error && 'code' in error && String(error.code).startsWith('ERR_OSSL');
}
