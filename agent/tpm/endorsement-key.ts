import type { Bytes } from '#core/bytes.ts';
import { equalBytes } from '#core/bytes.ts';
import { TpmResponseError } from '#tpm2/commands/frame.ts';
import { RH } from '#tpm2/constants.ts';
import { EK_NV_INDEX } from '#tpm2/ek-nv-index.ts';
import { type EkTemplateId, ekNeedsPolicySession, matchEkTemplate, templatePublic } from '#tpm2/ek-template.ts';
import { Tpm2FormatError } from '#tpm2/format-error.ts';
import { qualifiedName } from '#tpm2/name.ts';
import { parsePublicArea, type PublicArea, writePublicArea } from '#tpm2/public-area.ts';

import { createPrimary, type Loaded, readHandles, readPublic } from './commands.ts';
import type { TpmDevice } from './device.ts';
import { certificateFromNv, certificateHasKey, readEkIssuers } from './ek-certificate.ts';
import { readNvIndex } from './nv.ts';

export type EkType = 'rsa-2048' | 'p-256' | 'p-384';

/** Every type, in the order in which they are tried if nothing else is configured: what most makers certify comes first. */
export const EK_TYPES: readonly EkType[] = ['rsa-2048', 'p-256', 'p-384'];

const TEMPLATES: Readonly<Record<EkType, readonly EkTemplateId[]>> = {
  'rsa-2048': ['L-1', 'H-1'],
  'p-256': ['L-2', 'H-2'],
  'p-384': ['H-3'],
};

/** Persistent handles: 81000000 to 81FFFFFF. */
const PERSISTENT = { first: 0x81000000, end: 0x82000000 } as const;

/** An EK that is ready for use. Disposing of it frees its place in the TPM, if it takes one. */
export interface EndorsementKey extends Loaded {
  readonly type: EkType;
  /** TPMT_PUBLIC, as the TPM wrote it. */
  readonly publicArea: Bytes;
  /** DER, the EK's own first, then its issuers. Empty if the TPM holds no certificate for it. Unverified. */
  readonly certificates: readonly Bytes[];
  readonly nameAlg: PublicArea['nameAlg'];
  /** True for the low range's templates; false where the empty password is enough. */
  readonly needsPolicySession: boolean;
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

/** The EK certificates in NV, of the types asked for and in that order. Indices that are absent or empty are left out. */
export async function findEkCertificates(
  tpm: TpmDevice,
  types: readonly EkType[],
): Promise<readonly EkCertificateFinding[]> {
  const findings: EkCertificateFinding[] = [];
  for (const type of types) {
    for (const template of TEMPLATES[type]) {
      const index = EK_NV_INDEX[template].certificate;
      const contents = await readNvIndex(tpm, index);
      if (contents === undefined) continue;
      try {
        findings.push({ type, template, index, status: 'found', certificate: certificateFromNv(contents) });
      } catch (error) {
        if (!(error instanceof Tpm2FormatError)) throw error;
        findings.push({ type, template, index, status: 'malformed', reason: error.message });
      }
    }
  }
  return findings;
}

/** The TPM has no EK that the agent can use. */
export class NoEndorsementKeyError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'NoEndorsementKeyError';
  }
}

/**
 * The first EK, in the order of `types`, that has a certificate in NV and that this TPM holds; without any certificate, the first EK that
 * the TPM can make. The key and its certificate are for the same key on return; that the certificate is genuine is not established.
 * Throws NoEndorsementKeyError, and as the commands do.
 */
export async function openEndorsementKey(tpm: TpmDevice, types: readonly EkType[]): Promise<EndorsementKey> {
  const findings = await findEkCertificates(tpm, types);
  const persistent = await persistentEks(tpm);
  for (const finding of findings) {
    if (finding.status !== 'found') continue;
    const { type, template, certificate } = finding;
    const key = await obtainKey(tpm, template, persistent, (area) => certificateHasKey(certificate, area));
    if (key !== undefined)
      return { type, certificates: [certificate, ...(await issuersFor(tpm, key, certificate))], ...key };
  }
  if (findings.length > 0) {
    throw new NoEndorsementKeyError('none of the EK certificates in the TPM is for a key that the TPM makes');
  }
  for (const type of types) {
    for (const template of TEMPLATES[type]) {
      const key = await obtainKey(tpm, template, persistent, () => true);
      if (key !== undefined) return { type, certificates: [], ...key };
    }
  }
  throw new NoEndorsementKeyError(`the TPM can make none of these EKs: ${types.join(', ')}`);
}

type OpenKey = Omit<EndorsementKey, 'type' | 'certificates'>;

interface PersistentKey {
  readonly handle: number;
  readonly publicArea: Bytes;
  readonly area: PublicArea;
}

/** Issuers are read with the key loaded already, so a failure here must free it. */
async function issuersFor(tpm: TpmDevice, key: OpenKey, certificate: Bytes): Promise<readonly Bytes[]> {
  try {
    return await readEkIssuers(tpm, certificate);
  } catch (error) {
    await key[Symbol.asyncDispose]();
    throw error;
  }
}

/** The key of `template` that satisfies `isRight`: persistent if there is one, otherwise made; undefined if the TPM has none. */
async function obtainKey(
  tpm: TpmDevice,
  template: EkTemplateId,
  persistent: readonly PersistentKey[],
  isRight: (area: PublicArea) => boolean,
): Promise<OpenKey | undefined> {
  const found = persistent.find(({ area }) => matchEkTemplate(area) === template && isRight(area));
  if (found !== undefined) {
    return opened(found.publicArea, found.area, {
      handle: found.handle,
      [Symbol.asyncDispose]: () => Promise.resolve(),
    });
  }
  for (const candidate of await templatesFor(tpm, template)) {
    const key = await makeKey(tpm, candidate);
    if (key === undefined) continue;
    const area = parsePublicArea(key.publicArea);
    if (isRight(area)) return opened(key.publicArea, area, key);
    await key[Symbol.asyncDispose]();
  }
  return undefined;
}

function opened(publicArea: Bytes, area: PublicArea, { handle, [Symbol.asyncDispose]: dispose }: Loaded): OpenKey {
  return {
    handle,
    publicArea,
    nameAlg: area.nameAlg,
    needsPolicySession: ekNeedsPolicySession(area),
    [Symbol.asyncDispose]: dispose,
  };
}

/** The maker's own template from NV if there is one, then the standard one with the maker's nonce if there is one, then without. */
async function templatesFor(tpm: TpmDevice, template: EkTemplateId): Promise<readonly Bytes[]> {
  const { nonce: nonceIndex, template: templateIndex } = EK_NV_INDEX[template];
  const own = await readNvIndex(tpm, templateIndex);
  const nonce = nonceIndex === undefined ? undefined : await readNvIndex(tpm, nonceIndex);
  const standard = writePublicArea(templatePublic(template));
  const nonced = nonce === undefined ? undefined : withNonce(template, nonce);
  return [own, nonced, standard].filter((candidate) => candidate !== undefined);
}

function withNonce(template: EkTemplateId, nonce: Bytes): Bytes | undefined {
  try {
    return writePublicArea(templatePublic(template, nonce));
  } catch (error) {
    // Some parts keep other things in the nonce's index; a nonce fits into the key's unique field.
    if (error instanceof RangeError) return undefined;
    throw error;
  }
}

/** A key that the TPM will not make (no such algorithm, a template it cannot read) is not there; anything else that goes wrong is thrown. */
async function makeKey(tpm: TpmDevice, template: Bytes) {
  try {
    return await createPrimary(tpm, RH.endorsement, template);
  } catch (error) {
    if (error instanceof TpmResponseError && error.code.kind === 'format-one' && error.code.subject === 'parameter')
      return undefined;
    throw error;
  }
}

/** The persistent primary keys of the endorsement hierarchy whose public areas this system can read. */
async function persistentEks(tpm: TpmDevice): Promise<readonly PersistentKey[]> {
  const keys: PersistentKey[] = [];
  for (const handle of await readHandles(tpm, PERSISTENT.first, PERSISTENT.end)) {
    const said = await readPublic(tpm, handle);
    const area = readableArea(said.publicArea);
    if (area !== undefined && equalBytes(said.qualifiedName, qualifiedName(RH.endorsement, said.name, area.nameAlg))) {
      keys.push({ handle, publicArea: said.publicArea, area });
    }
  }
  return keys;
}

function readableArea(publicArea: Bytes): PublicArea | undefined {
  try {
    return parsePublicArea(publicArea);
  } catch (error) {
    if (error instanceof Tpm2FormatError) return undefined;
    throw error;
  }
}
