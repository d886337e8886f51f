import { type Bytes, equalBytes } from '#core/bytes.ts';
import { TpmResponseError } from '#tpm2/commands/frame.ts';
import { RH } from '#tpm2/constants.ts';
import { EK_NV_INDEX } from '#tpm2/ek-nv-index.ts';
import { type EkTemplateId, ekNeedsPolicySession, matchEkTemplate, templatePublic } from '#tpm2/ek-template.ts';
import { Tpm2FormatError } from '#tpm2/format-error.ts';
import { qualifiedName } from '#tpm2/name.ts';
import { parsePublicArea, type PublicArea, writePublicArea } from '#tpm2/public-area.ts';

import { createPrimary, type Loaded, type LoadedKey, readHandles, readPublic } from './commands.ts';
import type { TpmDevice } from './device.ts';
import { readNvIndex } from './nv.ts';

/** An EK's key, without a word about its certificate. Disposing of it frees its place in the TPM, if it takes one. */
export interface EkKey extends Loaded {
  /** TPMT_PUBLIC, as the TPM wrote it. */
  readonly publicArea: Bytes;
  readonly nameAlg: PublicArea['nameAlg'];
  /** True for the low range's templates; false where the empty password is enough. */
  readonly needsPolicySession: boolean;
}

export interface PersistentKey {
  readonly handle: number;
  readonly publicArea: Bytes;
  readonly area: PublicArea;
}

/** Persistent handles: 81000000 to 81FFFFFF. */
const PERSISTENT = { first: 0x81000000, end: 0x82000000 } as const;

/** The persistent primary keys of the endorsement hierarchy whose public areas this system can read. */
export async function persistentEks(tpm: TpmDevice): Promise<readonly PersistentKey[]> {
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

/** The key of `template` that satisfies `isRight`: persistent if there is one, otherwise made; undefined if the TPM has none. */
export async function obtainEk(
  tpm: TpmDevice,
  template: EkTemplateId,
  persistent: readonly PersistentKey[],
  isRight: (area: PublicArea) => boolean,
): Promise<EkKey | undefined> {
  const found = persistent.find(({ area }) => matchEkTemplate(area) === template && isRight(area));
  if (found !== undefined) return describe(found.area, found, () => Promise.resolve());
  for (const candidate of await templatesFor(tpm, template)) {
    await using undo = new AsyncDisposableStack();
    const made = await makeKey(tpm, candidate);
    if (made === undefined) continue;
    undo.use(made);
    const area = parsePublicArea(made.publicArea);
    if (!isRight(area)) continue;
    const lifetime = undo.move();
    return describe(area, made, () => lifetime.disposeAsync());
  }
  return undefined;
}

function describe(
  area: PublicArea,
  { handle, publicArea }: { readonly handle: number; readonly publicArea: Bytes },
  dispose: () => Promise<void>,
): EkKey {
  const needsPolicySession = ekNeedsPolicySession(area);
  return { handle, publicArea, nameAlg: area.nameAlg, needsPolicySession, [Symbol.asyncDispose]: dispose };
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

/** Undefined when the TPM does not make such a key (no such algorithm, a template it cannot read). Whatever else goes wrong is thrown. */
async function makeKey(tpm: TpmDevice, template: Bytes): Promise<LoadedKey | undefined> {
  try {
    return await createPrimary(tpm, RH.endorsement, template);
  } catch (error) {
    const { code } = error instanceof TpmResponseError ? error : {};
    if (code?.kind === 'format-one' && code.subject === 'parameter') return undefined;
    throw error;
  }
}

function readableArea(publicArea: Bytes): PublicArea | undefined {
  try {
    return parsePublicArea(publicArea);
  } catch (error) {
    if (error instanceof Tpm2FormatError) return undefined;
    throw error;
  }
}
