import { ekFingerprint, type PoolName } from '#core/ids.ts';
import type { PoolPolicy } from '#protocol/policy.ts';

import type { PolicyError } from './evidence-policy.ts';
import { nodeNameByRule } from './name-rule.ts';

/** Any EK: a rule gives names of one length and form, whichever it is. */
const SOME_EK = ekFingerprint(new Uint8Array());

/** Everything in which a pool's way to take nodes contradicts the rest of it, or itself. `path` is the pool's pointer. */
export function checkAdmission(pool: PoolPolicy, name: PoolName, path: string): PolicyError[] {
  const { admission, nameRule, tpm2 } = pool;
  const errors: PolicyError[] = [];
  if (nodeNameByRule(nameRule, { pool: name, ekFingerprint: SOME_EK }) === undefined) {
    const detail =
      'gives no node name: expected letters, digits and .- around one {ek:N} (N from 12 to 40) and any {pool}, 52 characters in all';
    errors.push({ path: `${path}/nameRule`, detail });
  }
  if (admission !== 'endorsed') return errors;
  if (tpm2.ekAnchors.length === 0) {
    const detail =
      'empty: expected the authorities that endorse this pool’s TPMs, for nothing else says which machines it takes';
    errors.push({ path: `${path}/tpm2/ekAnchors`, detail });
  }
  if (tpm2.allowEkWithoutCertificate) {
    const detail = 'any program can make an EK without a certificate: expected false where admission is endorsed';
    errors.push({ path: `${path}/tpm2/allowEkWithoutCertificate`, detail });
  }
  return errors;
}
