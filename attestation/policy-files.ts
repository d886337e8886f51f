import type { Certificate } from '#pki/x509/certificate.ts';
import { X509FormatError } from '#pki/x509/format-error.ts';

import { type Anchors, anchorsOf, parseAnchors } from './endorsements.ts';
import type { PolicyError, PolicyFiles } from './evidence-policy.ts';
import { type CompiledImaPolicy, compileImaPolicy } from './measured-boot/ima/compile-ima-policy.ts';
import type { RatedPool } from './protection-rating.ts';
import { manifestFault, parseReferenceSigners, type ReferenceSigners } from './reference-manifest.ts';
import { type ReferenceValues, referenceValuesFrom } from './reference-values.ts';

/** What the files that a pool names hold, as far as they were given and could be read. */
export interface ResolvedPool {
  readonly referenceValues: readonly ReferenceValues[];
  readonly ekAnchors: Anchors | undefined;
  readonly ima: CompiledImaPolicy | undefined;
  readonly errors: readonly PolicyError[];
}

/** Which pool it is, and whose signatures count in its policy. */
export interface PoolContext {
  readonly name: string;
  readonly signers: ReferenceSigners;
  /** JSON pointer to the pool's `tpm2`. */
  readonly path: string;
}

/**
 * Reads what `pool` names out of `files`; each that is missing, malformed or not to be trusted is an error, and none is left out silently.
 */
export function resolvePool(pool: RatedPool, files: PolicyFiles, { name, signers, path }: PoolContext): ResolvedPool {
  const { tpm2, protectionRating } = pool;
  const errors: PolicyError[] = [];
  const referenceValues: ReferenceValues[] = [];
  tpm2.referenceValues.forEach((file, index) => {
    const at = `${path}/referenceValues/${index}`;
    const document = files.referenceValues.get(file);
    const fault = document === undefined ? undefined : manifestFault(document, { name, protectionRating }, signers);
    if (document === undefined) errors.push(missing(at, file));
    else referenceValues.push(referenceValuesFrom(document));
    if (fault !== undefined) errors.push({ path: at, detail: fault });
  });
  const anchors: Certificate[] = [];
  tpm2.ekAnchors.forEach((name, index) => {
    for (const file of files.anchorDirectories?.get(name) ?? [name]) {
      const read = readAnchors(file, files.anchors.get(file), `${path}/ekAnchors/${index}`);
      if ('detail' in read) errors.push(read);
      else anchors.push(...read);
    }
  });
  const ima = tpm2.ima === undefined ? undefined : compileImaPolicy(tpm2.ima);
  if (ima !== undefined && 'badKey' in ima) {
    const detail = 'not a public key in PEM: RSA of 2048 bits or more, or EC on a curve that files are signed with';
    errors.push({ path: `${path}/ima/signatureKeys/${ima.badKey}`, detail });
  }
  const trustsEnrolmentAlone = tpm2.ekAnchors.length === 0 && tpm2.allowEkWithoutCertificate;
  return {
    referenceValues,
    ekAnchors: trustsEnrolmentAlone ? undefined : anchorsOf(anchors),
    ima: ima === undefined || 'badKey' in ima ? undefined : ima,
    errors,
  };
}

/** The keys in the files that the policy names as its signers; each file that is missing or malformed is an error. */
export function resolveSigners(
  names: readonly string[],
  files: PolicyFiles,
): { readonly signers: ReferenceSigners; readonly errors: readonly PolicyError[] } {
  const errors: PolicyError[] = [];
  const signers = names.flatMap((file, index) => {
    const path = `/referenceSigners/${index}`;
    const pem = files.referenceSigners.get(file);
    if (pem === undefined) {
      errors.push(missing(path, file));
      return [];
    }
    try {
      return [...parseReferenceSigners(pem)];
    } catch (error) {
      if (!(error instanceof X509FormatError)) throw error;
      errors.push({ path, detail: `${file}: ${error.message}` });
      return [];
    }
  });
  return { signers: new Map(signers), errors };
}

function readAnchors(file: string, pem: string | undefined, path: string): readonly Certificate[] | PolicyError {
  if (pem === undefined) return missing(path, file);
  try {
    return parseAnchors(pem);
  } catch (error) {
    if (!(error instanceof X509FormatError)) throw error;
    return { path, detail: `${file}: ${error.message}` };
  }
}

const missing = (path: string, file: string): PolicyError => ({ path, detail: `${file} was not found` });
