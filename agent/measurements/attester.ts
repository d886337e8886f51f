import { concatBytes, fromHex, toBase64Url, utf8 } from '#core/bytes.ts';
import type { Clock } from '#core/clock.ts';
import type { CertificateFingerprint } from '#core/ids.ts';
import { JSON_CONTENT_FORMAT } from '#protocol/measurements.ts';

import type { AtomicFileDeps } from '../atomic-file.ts';
import type { Attester } from '../attester.ts';
import type { AgentConfig, MeasurementsConfig } from '../config.ts';
import { readHeldCredential } from '../held-credential.ts';
import { loadSigningKey } from './key-file.ts';
import { measure } from './measure.ts';
import { MeasurementError } from './measurement-error.ts';
import { signJws } from './sign-jws.ts';

/** UEID type RAND (RFC 9711 §4.2.1). */
const UEID_RAND = Uint8Array.of(1);

export interface MeasurementAttesterDeps extends AtomicFileDeps {
  readonly now: Clock;
}

/**
 * A machine without a TPM, ready to sign what it runs, with its key made where there was none. Each token says which certificate the machine holds:
 * that is how the service tells this machine from a copy of it (docs/decisions/0020-join-tokens.md).
 */
export async function openMeasurementAttester(
  config: AgentConfig,
  measurements: MeasurementsConfig,
  deps: MeasurementAttesterDeps,
): Promise<Attester> {
  const key = await loadSigningKey(measurements.keyFile, deps);
  return {
    ekType: undefined,
    description: { kind: 'signed-measurements', keyId: key.id },
    async collectEvidence(challenge, qualifyingData) {
      if (challenge.kind !== 'signed-measurements')
        return { ok: false, reason: `it asks for ${challenge.kind}, not for signed measurements` };
      const measured = toBase64Url(utf8(JSON.stringify(await measure(measurements))));
      const claims = {
        eat_nonce: toBase64Url(qualifyingData),
        ueid: toBase64Url(concatBytes(UEID_RAND, fromHex(key.id))),
        iat: Math.floor(deps.now().getTime() / 1_000),
        measurements: [[JSON_CONTENT_FORMAT, measured]],
        generation: await heldGeneration(config),
      };
      return { ok: true, evidence: { kind: 'signed-measurements', token: signJws(key, claims, 'eat+jwt') } };
    },
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
}

/** The certificate of the last join, expired or not. A damaged file is no reason to say that there was none: the service would take us for a copy. */
async function heldGeneration({
  credentialDirectory,
  claimedNodeName,
}: AgentConfig): Promise<CertificateFingerprint | undefined> {
  const held = await readHeldCredential(credentialDirectory, claimedNodeName);
  switch (held.status) {
    case 'held':
      return held.credential.fingerprint;
    case 'none':
      return undefined;
    case 'unusable':
      throw new MeasurementError(
        held.reason,
        'restore the file, or have an administrator retire the node and enrol it anew',
      );
  }
}
