import type { PoolPolicy } from '#protocol/policy.ts';
import type { Certificate } from '#pki/x509/certificate.ts';
import { X509FormatError } from '#pki/x509/format-error.ts';

import { type Anchors, anchorsOf, parseAnchors } from './endorsements.ts';
import type { PolicyError, PolicyFiles } from './evidence-policy.ts';
import { type ReferenceValues, referenceValuesFrom } from './reference-values.ts';

/** What the files that a pool names hold, as far as they were given and could be read. */
export interface ResolvedPool {
  readonly referenceValues: readonly ReferenceValues[];
  readonly ekAnchors: Anchors | undefined;
  readonly errors: readonly PolicyError[];
}

/** Reads what `tpm2` names out of `files`; each that is missing or malformed is an error under `path`, and none is left out silently. */
export function resolvePool(tpm2: PoolPolicy['tpm2'], files: PolicyFiles, path: string): ResolvedPool {
  const errors: PolicyError[] = [];
  const referenceValues: ReferenceValues[] = [];
  tpm2.referenceValues.forEach((file, index) => {
    const document = files.referenceValues.get(file);
    if (document === undefined) errors.push(missing(`${path}/referenceValues/${index}`, file));
    else referenceValues.push(referenceValuesFrom(document));
  });
  const anchors: Certificate[] = [];
  tpm2.ekAnchors.forEach((file, index) => {
    const read = readAnchors(file, files.anchors.get(file), `${path}/ekAnchors/${index}`);
    if ('detail' in read) errors.push(read);
    else anchors.push(...read);
  });
  const trustsEnrolmentAlone = tpm2.ekAnchors.length === 0 && tpm2.allowEkWithoutCertificate;
  return { referenceValues, ekAnchors: trustsEnrolmentAlone ? undefined : anchorsOf(anchors), errors };
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
