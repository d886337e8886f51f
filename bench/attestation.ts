import { generateKeyPairSync, randomBytes, sign, verify } from 'node:crypto';

import { systemRandom } from '#core/random.ts';
import { appraise } from '#attestation/appraise.ts';
import { buildActivation } from '#attestation/tpm2/activation.ts';
import { verifyEvidence } from '#attestation/verify-evidence.ts';
import { labTpm } from '#test/lab/software-tpm.ts';
import { claimsOf, labAppraisal } from '#test/lab/tpm-appraisal.ts';
import { issueEkCertificate, labEkCa } from '#test/lab/tpm-certificates.ts';
import { labJoin, labNode } from '#test/lab/tpm-evidence.ts';

import { microsecondsPerCall } from './measure.ts';

/** What the Verifier costs, bytes to result. */
export interface AttestationBench {
  /** `buildActivation` for an RSA-2048 EK, the search for weak keys included. */
  readonly activationMicroseconds: number;
  /** `verifyEvidence` (EK certificate, intermediate, root; quote by a P-256 AK) and `appraise`. */
  readonly verifierMicroseconds: number;
  /** Three ECDSA P-256 verifications with imported keys: certificate, intermediate, quote. */
  readonly primitivesMicroseconds: number;
  /** Verifier ÷ primitives. */
  readonly ratio: number;
}

/** Measures it in this process. */
export function benchAttestation(): AttestationBench {
  const root = labEkCa();
  const issuer = labEkCa({ issuer: root });
  const tpm = labTpm({ ek: 'rsa' });
  const certificate = issueEkCertificate(issuer, { spki: tpm.ekSpki, keyType: 'rsa' });
  const node = labNode({ tpm, ca: root, ekCertificates: [certificate, issuer.der] });
  const join = labJoin(node);
  const appraisal = labAppraisal(node, claimsOf(join));
  const keys = { ekPublic: tpm.ekPublic, akPublic: tpm.akPublic, random: systemRandom };

  const verifierMicroseconds = microsecondsPerCall(() => {
    const verification = verifyEvidence(join);
    if (!verification.ok) throw new Error(JSON.stringify(verification.denials));
    const result = appraise({ ...appraisal, claims: verification.claims });
    if (result.status !== 'affirming') throw new Error(JSON.stringify(result.denials));
  });
  const primitivesMicroseconds = 3 * ecdsaVerification();
  return {
    activationMicroseconds: microsecondsPerCall(() => buildActivation(keys)),
    verifierMicroseconds,
    primitivesMicroseconds,
    ratio: verifierMicroseconds / primitivesMicroseconds,
  };
}

function ecdsaVerification(): number {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const data = randomBytes(500);
  const signature = sign('sha256', data, privateKey);
  return microsecondsPerCall(() => verify('sha256', data, publicKey, signature));
}
