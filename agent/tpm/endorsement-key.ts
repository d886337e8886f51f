import type { Bytes } from '#core/bytes.ts';
import { X509FormatError } from '#pki/x509/format-error.ts';
import { EK_NV_INDEX } from '#tpm2/ek-nv-index.ts';
import type { EkTemplateId } from '#tpm2/ek-template.ts';

import type { TpmDevice } from './device.ts';
import { certificateFromNv, certificateHasKey, readEkIssuers } from './ek-certificate.ts';
import { type EkKey, obtainEk, type PersistentKey, persistentEks } from './ek-key.ts';
import { readNvIndex } from './nv.ts';

export type EkType = 'rsa-2048' | 'p-256' | 'p-384';

/** Every type, in the order in which they are tried if nothing else is configured: what most makers certify comes first. */
export const EK_TYPES: readonly EkType[] = ['rsa-2048', 'p-256', 'p-384'];

const TEMPLATES: Readonly<Record<EkType, readonly EkTemplateId[]>> = {
  'rsa-2048': ['L-1', 'H-1'],
  'p-256': ['L-2', 'H-2'],
  'p-384': ['H-3'],
};

/** An EK that is ready for use, and what the TPM has to show for it. */
export interface EndorsementKey extends EkKey {
  readonly type: EkType;
  /** DER, the EK's own first, then its issuers. Empty if the TPM holds no certificate for it. Unverified. */
  readonly certificates: readonly Bytes[];
}

/** What one EK certificate's NV index holds. */
export type EkCertificateFinding = {
  readonly type: EkType;
  readonly template: EkTemplateId;
  readonly index: number;
} & (
  | { readonly status: 'found'; readonly certificate: Bytes }
  | { readonly status: 'malformed'; readonly reason: string }
);

/** The TPM has no EK that the agent can use. */
export class NoEndorsementKeyError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'NoEndorsementKeyError';
  }
}

/** The EK certificates in NV, of the types asked for and in that order. Indices that are absent or empty are left out. */
export async function findEkCertificates(
  tpm: TpmDevice,
  types: readonly EkType[],
): Promise<readonly EkCertificateFinding[]> {
  const findings: EkCertificateFinding[] = [];
  for (const { type, template } of candidates(types)) {
    const index = EK_NV_INDEX[template].certificate;
    const contents = await readNvIndex(tpm, index);
    if (contents === undefined) continue;
    try {
      findings.push({ type, template, index, status: 'found', certificate: certificateFromNv(contents) });
    } catch (error) {
      if (!(error instanceof X509FormatError)) throw error;
      findings.push({ type, template, index, status: 'malformed', reason: error.message });
    }
  }
  return findings;
}

/**
 * The first EK, in the order of `types`, that has a certificate in NV and that this TPM holds; without any certificate, the first EK that
 * the TPM can make. The key and its certificate are for the same key on return; that the certificate is genuine is not established.
 * Throws NoEndorsementKeyError, and as the commands do.
 */
export async function openEndorsementKey(tpm: TpmDevice, types: readonly EkType[]): Promise<EndorsementKey> {
  const persistent = await persistentEks(tpm);
  const found = (await findEkCertificates(tpm, types)).filter((finding) => finding.status === 'found');
  for (const { type, template, certificate } of found) {
    const key = await openCertified(tpm, template, persistent, certificate);
    if (key !== undefined) return { type, ...key };
  }
  if (found.length > 0) {
    throw new NoEndorsementKeyError('none of the EK certificates in the TPM is for a key that the TPM has');
  }
  for (const { type, template } of candidates(types)) {
    const key = await obtainEk(tpm, template, persistent, () => true);
    if (key !== undefined) return { type, certificates: [], ...key };
  }
  throw new NoEndorsementKeyError(`the TPM can make no EK of these types: ${types.join(', ')}`);
}

async function openCertified(
  tpm: TpmDevice,
  template: EkTemplateId,
  persistent: readonly PersistentKey[],
  certificate: Bytes,
): Promise<Omit<EndorsementKey, 'type'> | undefined> {
  const key = await obtainEk(tpm, template, persistent, (area) => certificateHasKey(certificate, area));
  if (key === undefined) return undefined;
  await using undo = new AsyncDisposableStack();
  undo.use(key);
  const certificates = [certificate, ...(await readEkIssuers(tpm, certificate))];
  undo.move();
  return { ...key, certificates };
}

function candidates(types: readonly EkType[]): readonly { readonly type: EkType; readonly template: EkTemplateId }[] {
  return types.flatMap((type) => TEMPLATES[type].map((template) => ({ type, template })));
}
