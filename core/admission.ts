import type { Branded } from './brand.ts';
import type { NodeId, NodeName, PoolName, RequestId } from './ids.ts';
import type { ProtectionRating } from './node-record.ts';

/** What an admission admits: who, and for how long at most. All of it from the enrolment record and policy. */
export interface AdmissionFacts {
  readonly nodeId: NodeId;
  readonly nodeName: NodeName;
  readonly pool: PoolName;
  readonly protectionRating: ProtectionRating;
  /** Lifetime of the certificate, inclusive of its last second. */
  readonly ttlSeconds: number;
  /** The join that earned it. */
  readonly requestId: RequestId;
}

/**
 * Leave to issue one certificate to one node.
 *
 * The Verifier mints it, the Issuer redeems it, and redeeming it a second time throws: a bug that
 * reaches the Issuer twice with one appraisal cannot produce two certificates.
 */
export type Admission = Branded<AdmissionFacts, 'Admission'>;

const redeemable = new WeakSet<Admission>();

/** Called by `attestation/appraise.ts` alone, after every check has passed. */
export function mintAdmission(facts: AdmissionFacts): Admission {
  const admission = Object.freeze({ ...facts }) as Admission;
  redeemable.add(admission);
  return admission;
}

/** Called by `pki/issuer.ts` alone. Throws on the second call, and on an object that was never minted. */
export function redeemAdmission(admission: Admission): void {
  if (!redeemable.delete(admission)) throw new Error('admission was already redeemed, or was never minted');
}
