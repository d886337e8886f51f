import type { ProtectionRating } from '#core/node-record.ts';

import type { PolicyError } from './evidence-policy.ts';
import { referencePcrsOf } from './measured-boot/required-pcrs.ts';
import type { RatedPool } from './protection-rating.ts';

/** The longest certificate a rating allows, in seconds: how long a node that has lost its integrity may still pass for sound. */
const MAX_TTL_SECONDS: Readonly<Record<ProtectionRating, number>> = {
  default: 86_400,
  protected: 28_800,
  'highly-protected': 3_600,
};

/** PCRs that any program on the machine can set back (PC Client Platform TPM Profile, PCR attributes). */
const RESETTABLE_PCRS: readonly number[] = [16, 23];

/** What a pool lacks of the least that its rating asks of its nodes' evidence. `path` is the pool's pointer. */
export function checkRating(pool: RatedPool, path: string): PolicyError[] {
  const { protectionRating: rating } = pool;
  const limit = MAX_TTL_SECONDS[rating];
  const lifetime =
    pool.certificateTtl > limit
      ? [{ path: `${path}/certificateTtl`, detail: `over the ${limit} s that ${rating} allows` }]
      : [];
  switch (rating) {
    case 'default':
      return lifetime;
    case 'protected':
      return [...lifetime, ...checkProtected(pool, path)];
    case 'highly-protected':
      return [...lifetime, ...checkProtected(pool, path), ...checkHighlyProtected(pool, path)];
  }
}

/** A TPM that its maker vouches for, a firmware that is known, and Secure Boot as the event log proves it. */
function checkProtected({ protectionRating: rating, tpm2 }: RatedPool, path: string): PolicyError[] {
  const conditions: readonly (readonly [member: string, isMissing: boolean, detail: string])[] = [
    ['allowSoftwareTpm', tpm2.allowSoftwareTpm, `a ${rating} node needs a hardware TPM`],
    [
      'allowEkWithoutCertificate',
      tpm2.allowEkWithoutCertificate,
      `a ${rating} node's EK needs its maker's certificate`,
    ],
    [
      'boot',
      tpm2.boot?.secureBoot !== 'required',
      `a ${rating} node has to prove Secure Boot: expected boot with secureBoot: required`,
    ],
    [
      'referencePcrs',
      referencePcrsOf(tpm2).length === 0,
      `empty: a ${rating} node's firmware has to be a known one, expected PCR 0 at least`,
    ],
  ];
  const resettable = tpm2.pcrs
    .filter((index) => RESETTABLE_PCRS.includes(index))
    .map((pcr) => ({
      path: `${path}/tpm2/pcrs`,
      detail: `PCR ${pcr} can be reset by any program, so it proves nothing about a ${rating} node`,
    }));
  const missing = conditions.filter(([, isMissing]) => isMissing);
  return [...missing.map(([member, , detail]) => ({ path: `${path}/tpm2/${member}`, detail })), ...resettable];
}

/** What it runs, where it is, and a person who has looked at it. */
function checkHighlyProtected({ tpm2, callback, admission }: RatedPool, path: string): PolicyError[] {
  const conditions: readonly (readonly [member: string, isMissing: boolean, detail: string])[] = [
    ['tpm2/ima', tpm2.ima === undefined, 'missing: a highly-protected node has to show its IMA list, expected ima'],
    ['callback', callback === undefined, 'missing: a highly-protected node has to be reachable, expected callback'],
    [
      'admission',
      admission !== 'approval',
      `${admission}: an administrator has to approve a highly-protected node, expected approval`,
    ],
  ];
  return conditions
    .filter(([, isMissing]) => isMissing)
    .map(([member, , detail]) => ({ path: `${path}/${member}`, detail }));
}
