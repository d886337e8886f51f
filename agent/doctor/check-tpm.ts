import { X509FormatError } from '#pki/x509/format-error.ts';
import { parseCertificate } from '#pki/x509/certificate.ts';
import { PROPERTY } from '#tpm2/commands/capability.ts';

import type { AgentConfig } from '../config.ts';
import { explainError } from '../explain.ts';
import { loadAttestationKey } from '../tpm/attestation-key.ts';
import { readProperty } from '../tpm/commands.ts';
import { openTpm, type TpmDevice } from '../tpm/device.ts';
import { type EkCertificateFinding, findEkCertificates, openEndorsementKey } from '../tpm/endorsement-key.ts';
import { type Check, fail, ok, warn } from './check.ts';

/** Any TPM says its maker's name within this time; keys are given longer. */
const QUICK_MS = 5_000;

/** Whether there is a TPM, whether it answers, what EK certificates it has, and whether it makes the keys that a join takes. */
export async function checkTpm(config: AgentConfig['tpm']): Promise<readonly Check[]> {
  const checks = await firstLook(config.device);
  if (checks.some(({ status }) => status === 'fail')) return checks;
  await using opened = await openTpm(config.device);
  const steps: readonly (readonly [string, () => Promise<Check>])[] = [
    ['ek certificate', async () => describeCertificates(await findEkCertificates(opened, config.ekPreference))],
    ['tpm keys', () => checkKeys(opened, config)],
  ];
  for (const [name, step] of steps) {
    try {
      checks.push(await step());
    } catch (error) {
      checks.push(failed(name, error));
    }
  }
  return checks;
}

async function firstLook(device: string): Promise<Check[]> {
  try {
    await using tpm = await openTpm(device, { commandTimeoutMs: QUICK_MS });
    const answers = await checkAnswers(tpm).catch((error: unknown) => failed('tpm answers', error));
    return [ok('tpm device', `${device} can be opened`), answers];
  } catch (error) {
    return [failed('tpm device', error)];
  }
}

async function checkAnswers(tpm: TpmDevice): Promise<Check> {
  const manufacturer = await readProperty(tpm, PROPERTY.manufacturer);
  const firmware = await readProperty(tpm, PROPERTY.firmwareVersion1);
  const version = firmware === undefined ? 'unknown' : `${firmware >>> 16}.${firmware & 0xffff}`;
  return ok('tpm answers', `a TPM 2.0 by ${vendorName(manufacturer)}, firmware ${version}`);
}

/** TPM_PT_MANUFACTURER is four ASCII characters, filled up with zeros. */
function vendorName(manufacturer: number | undefined): string {
  if (manufacturer === undefined) return 'a maker it does not name';
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(manufacturer);
  return bytes
    .toString('latin1')
    .replaceAll(/[^ -~]/g, '')
    .trim();
}

/** What the EK certificates found mean for a join. */
export function describeCertificates(findings: readonly EkCertificateFinding[]): Check {
  const name = 'ek certificate';
  const described = findings.map(
    (finding) => `${finding.type} at ${finding.index.toString(16).padStart(8, '0')} ${stateOf(finding)}`,
  );
  const text = described.join(', ');
  if (findings.length === 0) {
    return warn(
      name,
      'the TPM holds none',
      'have the node enrolled by its EK’s public hash, if the policy allows EKs without a certificate',
    );
  }
  if (findings.every((finding) => finding.status === 'malformed')) {
    return warn(name, text, 'have the TPM’s maker or the service’s administrator supply the certificate');
  }
  return findings.every((finding) => stateOf(finding) === 'parses')
    ? ok(name, text)
    : warn(name, text, 'the service may not accept what does not parse, so enrol another EK type if it refuses');
}

function stateOf(finding: EkCertificateFinding): string {
  if (finding.status === 'malformed') return 'is not a certificate';
  try {
    parseCertificate(finding.certificate, { dialect: 'tpm-maker' });
    return 'parses';
  } catch (error) {
    if (error instanceof X509FormatError) return 'does not parse';
    throw error;
  }
}

async function checkKeys(tpm: TpmDevice, config: AgentConfig['tpm']): Promise<Check> {
  await using ek = await openEndorsementKey(tpm, config.ekPreference);
  await using ak = await loadAttestationKey(tpm);
  const source = ek.handle >>> 24 === 0x81 ? 'persistent' : 'made from its template';
  const certificate = ek.certificates.length === 0 ? 'without a certificate' : 'with its certificate';
  return ok('tpm keys', `EK ${ek.type} ${certificate}, ${source}; AK made at ${ak.handle.toString(16)}`);
}

function failed(name: string, error: unknown): Check {
  const [finding = '', ...advice] = explainError(error).message.replace(/\.$/, '').split(': ');
  return fail(name, finding, advice.join(': '));
}
