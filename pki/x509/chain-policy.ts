import { NO_POLICY_DEMAND, type PolicyDemand } from './policy-graph.ts';
import { CHAIN_SIGNATURES, type SignaturePolicy } from './signature-policy.ts';

/** How strictly a path is judged, and how much work it may cause. */
export interface ChainPolicy {
  readonly signatures: SignaturePolicy;
  /** `rfc5280`: every certificate also meets §4's demands on conforming CAs. `path`: §6 alone, for chains that others built. */
  readonly profile: 'rfc5280' | 'path';
  /** What the anchor's certificate is held to besides name and key: its dates, and what it says about what it may issue. */
  readonly anchor: { readonly validity: boolean; readonly constraints: boolean };
  readonly policies: PolicyDemand;
  /** Critical extensions, by OID, that the caller processes itself. */
  readonly handledExtensions: ReadonlySet<string>;
  /** Certificates between leaf and anchor. */
  readonly maxIntermediates: number;
  /** Public key operations, all paths together. */
  readonly maxSignatureChecks: number;
}

/** The strict form, for chains of our own making. */
export const STRICT_CHAIN: ChainPolicy = {
  signatures: CHAIN_SIGNATURES,
  profile: 'rfc5280',
  anchor: { validity: true, constraints: true },
  policies: NO_POLICY_DEMAND,
  handledExtensions: new Set(),
  maxIntermediates: 4,
  maxSignatureChecks: 12,
};

/** RFC 5280 §6 with the same limits, for chains of TPM makers and others. */
export const FOREIGN_CHAIN: ChainPolicy = { ...STRICT_CHAIN, profile: 'path' };
