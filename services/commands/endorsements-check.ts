import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';

import { isDenial } from '#attestation/denial.ts';
import type { EvidencePolicy } from '#attestation/evidence-policy.ts';
import type { Denial } from '#attestation/result.ts';
import { verifyEkCertificate } from '#attestation/tpm2/verify-ek-certificate.ts';
import type { Bytes } from '#core/bytes.ts';
import { CommandFailure, EXIT, type ExitCode } from '#core/exit-code.ts';
import { ekFingerprint } from '#core/ids.ts';
import { type Certificate, parseCertificate } from '#pki/x509/certificate.ts';
import { X509FormatError } from '#pki/x509/format-error.ts';
import { parsePemOf } from '#pki/x509/pem.ts';
import { plainSpki } from '#pki/x509/plain-spki.ts';
import { trimCertificate } from '#pki/x509/trim-certificate.ts';

import { readPolicy } from '../policy-source.ts';
import type { CommandTerminal } from './command-terminal.ts';
import { reading } from './endorsements.ts';

export interface CheckOptions {
  readonly policy: string;
  /** Of the policy; all of them unless set. */
  readonly pool?: string;
  /** Certificates that may stand between the EK's and an anchor. */
  readonly issuer?: readonly string[];
}

/**
 * Says for each pool whether it would accept the EK certificate in `file`, and by which anchor, or in a sentence why not: by the Verifier's
 * own check. Resolves to exit code 0 when some pool would, 1 when none. That a machine has this EK is for a join to prove.
 */
export async function checkEndorsement(
  file: string,
  options: CheckOptions,
  terminal: CommandTerminal,
): Promise<ExitCode> {
  const policy = await reading(() => readPolicy(resolve(terminal.workingDirectory, options.policy)));
  const pools = [...policy.pools.values()].filter(({ pool }) => options.pool === undefined || pool === options.pool);
  if (pools.length === 0) throw new CommandFailure(EXIT.usage, `the policy has no pool ${options.pool ?? ''}`);
  const bytes = await readBytes(file, terminal);
  const certificate = parse(file, bytes);
  const ekSpki = plainSpki(certificate.publicKey).raw;
  const ekCertificates = [
    bytes,
    ...(await Promise.all((options.issuer ?? []).map((each) => readBytes(each, terminal)))),
  ];
  terminal.out(`EK ${ekFingerprint(ekSpki)}\n`);
  const verdicts = pools.map((pool) => judge(pool, { ekSpki, ekCertificates, now: terminal.now() }));
  for (const { sentence } of verdicts) terminal.out(`${sentence}\n`);
  return verdicts.some(({ accepted }) => accepted) ? EXIT.ok : EXIT.negative;
}

interface Shown {
  readonly ekSpki: Bytes;
  readonly ekCertificates: readonly Bytes[];
  readonly now: Date;
}

function judge(
  { pool, tpm2 }: EvidencePolicy,
  shown: Shown,
): { readonly accepted: boolean; readonly sentence: string } {
  const { ekAnchors: anchors, allowSoftwareTpm } = tpm2;
  if (anchors === undefined)
    return { accepted: true, sentence: `${pool}: accepted: the pool judges no EK certificate` };
  const outcome = verdict(() => verifyEkCertificate({ ...shown, anchors }));
  if (isDenial(outcome)) return { accepted: false, sentence: `${pool}: refused: ${sentenceOf(outcome)}` };
  const { manufacturer, model, version, software, anchor } = outcome;
  const what = `${manufacturer} ${model} ${version}`;
  if (software && !allowSoftwareTpm)
    return { accepted: false, sentence: `${pool}: refused: ${what} is a TPM in software` };
  return { accepted: true, sentence: `${pool}: accepted: ${what}, certified under ${anchor}` };
}

function verdict<T>(verify: () => T): T | Denial {
  try {
    return verify();
  } catch (error) {
    if (!(error instanceof X509FormatError)) throw error;
    return { code: 'evidence-malformed', detail: error.message };
  }
}

const SENTENCES: Partial<Readonly<Record<Denial['code'], string>>> = {
  'ek-chain-untrusted': 'no path of valid certificates leads from it to one of the pool’s anchors',
  'ek-certificate-unsuitable': 'it is not what the TCG EK Credential Profile says an EK certificate is',
  'ek-manufacturer-refused': 'it names a maker whom its authority does not certify',
  'evidence-malformed': 'it, or a certificate above it, cannot be parsed',
};

const sentenceOf = ({ code, found, detail }: Denial): string =>
  [SENTENCES[code] ?? code, ...[found, detail].filter((part) => part !== undefined)].join(': ');

async function readBytes(file: string, { workingDirectory }: CommandTerminal): Promise<Bytes> {
  const bytes = await readFile(resolve(workingDirectory, file)).catch((error: unknown) => {
    throw new CommandFailure(EXIT.dataRefused, error instanceof Error ? error.message : `${file} cannot be read`);
  });
  if (!bytes.includes('-----BEGIN ')) return bytes;
  const [der, ...others] = pemBlocks(file, bytes.toString('latin1'));
  if (der === undefined || others.length > 0)
    throw new CommandFailure(EXIT.dataRefused, `${file}: not one certificate`);
  return der;
}

function pemBlocks(file: string, text: string): readonly Bytes[] {
  try {
    return parsePemOf('CERTIFICATE', text);
  } catch (error) {
    if (!(error instanceof X509FormatError)) throw error;
    throw new CommandFailure(EXIT.dataRefused, `${file}: ${error.message}`);
  }
}

function parse(file: string, bytes: Bytes): Certificate {
  try {
    return parseCertificate(trimCertificate(bytes), { dialect: 'tpm-maker' });
  } catch (error) {
    if (!(error instanceof X509FormatError)) throw error;
    throw new CommandFailure(EXIT.dataRefused, `${file}: not an EK certificate: ${error.message}`);
  }
}
