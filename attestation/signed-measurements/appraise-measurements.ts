import type { NodeRecord } from '#core/node-record.ts';
import type { Measurements, SignedMeasurementsPolicy } from '#protocol/measurements.ts';

import type { EvidencePolicy } from '../evidence-policy.ts';
import type { Denial, VerifiedMeasurementClaims } from '../result.ts';
import { generationDenial } from './generation-denial.ts';
import { MEASUREMENTS_RATING } from './policy-contradiction.ts';

export interface MeasurementAppraisal {
  readonly claims: VerifiedMeasurementClaims;
  readonly node: NodeRecord | undefined;
}

/**
 * What signed measurements lack of what the record and the pool demand; none only if
 *  - the node is enrolled with the very key that signed them;
 *  - the pool takes signed measurements, is of the rating that they can earn, and lists each of the values;
 *  - the certificate that the node says it holds shows that there is one holder of the key.
 */
export function measurementDenials(
  { claims, node }: MeasurementAppraisal,
  pool: EvidencePolicy | undefined,
): readonly Denial[] {
  const { keyId: found } = claims;
  if (node === undefined || node.measurementKey === undefined || String(node.ekFingerprint) !== found) {
    return [{ code: 'measurement-key-not-enrolled', found, expected: node?.ekFingerprint }];
  }
  const conflict = generationDenial(claims, node);
  return [...(pool === undefined ? [] : poolDenials(claims, pool)), ...(conflict === undefined ? [] : [conflict])];
}

function poolDenials(
  { measurements }: VerifiedMeasurementClaims,
  { protectionRating, signedMeasurements: accepted }: EvidencePolicy,
): readonly Denial[] {
  const denials: Denial[] = [];
  // A policy like this is not loaded; a second look costs nothing.
  if (protectionRating !== MEASUREMENTS_RATING) {
    denials.push({ code: 'rating-above-evidence', expected: MEASUREMENTS_RATING, found: protectionRating });
  }
  if (accepted === undefined) {
    return [...denials, { code: 'measurements-not-accepted', detail: 'the pool takes machines with a TPM only' }];
  }
  const lists = acceptedByName(accepted);
  for (const [name, value] of Object.entries(measurements)) {
    const list = lists.get(name) ?? [];
    if (list.includes(value)) continue;
    denials.push({ code: 'measurement-refused', expected: list.join(', ').slice(0, 500), found: value, detail: name });
  }
  return denials;
}

/** The accepted values by measurement: every one of them, or this does not compile. */
function acceptedByName(accepted: SignedMeasurementsPolicy): ReadonlyMap<string, readonly string[]> {
  const { kernel, initrd, commandLines, agent, image } = accepted;
  const lists: Readonly<Record<keyof Measurements, readonly string[]>> = {
    kernel,
    initrd,
    commandLine: commandLines,
    agent,
    image,
  };
  return new Map(Object.entries(lists));
}
