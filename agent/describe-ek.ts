import { open } from 'node:fs/promises';

import { type Bytes, toBase64Url } from '#core/bytes.ts';
import { CommandFailure, EXIT } from '#core/exit-code.ts';
import { ekFingerprint, type EkFingerprint, type NodeName } from '#core/ids.ts';
import { parsePublicArea } from '#tpm2/public-area.ts';
import { publicAreaSpki } from '#tpm2/public-key.ts';

import type { AgentConfig } from './config.ts';
import { openTpm } from './tpm/device.ts';
import { type EkType, openEndorsementKey } from './tpm/endorsement-key.ts';

/** What an administrator needs of this machine to enrol it. */
export interface EkDescription {
  readonly ekType: EkType;
  /** SHA-256 of the EK's SubjectPublicKeyInfo: what `muster enrol --ek-hash` takes. */
  readonly ekPublicHash: EkFingerprint;
  /** DER, from the TPM; undefined where it holds none for this EK. Unverified. */
  readonly certificate: Bytes | undefined;
}

/** The EK that a join from this machine would show. The TPM is left as it was found. Throws as `openEndorsementKey` does. */
export async function describeEk(config: AgentConfig['tpm']): Promise<EkDescription> {
  await using tpm = await openTpm(config.device);
  await using ek = await openEndorsementKey(tpm, config.ekPreference);
  const ekPublicHash = ekFingerprint(publicAreaSpki(parsePublicArea(ek.publicArea)));
  return { ekType: ek.type, ekPublicHash, certificate: ek.certificates[0] };
}

/** Writes the EK certificate to a new file. Throws CommandFailure where there is no certificate, or the file exists. */
export async function writeEkCertificate({ certificate }: EkDescription, file: string): Promise<void> {
  if (certificate === undefined) {
    throw new CommandFailure(
      EXIT.unavailable,
      'The TPM holds no certificate for its EK: enrol the node with --ek-hash, if its pool allows that.',
    );
  }
  try {
    await using handle = await open(file, 'wx', 0o644);
    await handle.writeFile(certificate);
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error;
    throw new CommandFailure(EXIT.configuration, `${file} exists, and is left as it is: name a new file.`);
  }
}

/** For a person: the facts, and the command that they are for. */
export function renderEk({ ekType, ekPublicHash, certificate }: EkDescription, name: NodeName): string {
  const has =
    certificate === undefined ? 'none in the TPM' : `${certificate.byteLength} bytes in the TPM (--out FILE writes it)`;
  const how = certificate === undefined ? `--ek-hash ${ekPublicHash}` : '--ek-cert FILE';
  return `EK type         ${ekType}
EK public hash  ${ekPublicHash}
EK certificate  ${has}

An administrator enrols this machine with
  muster enrol ${name} --pool POOL ${how}
`;
}

/** For programs. */
export function renderEkJson({ ekType, ekPublicHash, certificate }: EkDescription): string {
  const ekCertificate = certificate === undefined ? null : toBase64Url(certificate);
  return `${JSON.stringify({ ekType, ekPublicHash, ekCertificate }, null, 2)}\n`;
}
