import type { Admission } from '#core/admission.ts';
import type { CertificateFingerprint, EkFingerprint, SpkiFingerprint } from '#core/ids.ts';
import type { BootEpoch } from '#core/node-record.ts';
import type { PcrBank } from '#protocol/challenge.ts';
import type { Measurements } from '#protocol/measurements.ts';

import type { BootFacts } from './measured-boot/boot-facts.ts';
import type { VerifiedIma } from './measured-boot/ima/verify-ima.ts';

/** The Verifier's precise reason for a refusal, for the audit log: `expected` and `found` are for an administrator's eyes only. */
export interface Denial {
  readonly code: DenialCode;
  /** The PCR it is about, where it is about one. */
  readonly pcr?: number | undefined;
  readonly expected?: string | undefined;
  readonly found?: string | undefined;
  /** One sentence for the person who reads the log; no secrets in it. */
  readonly detail?: string | undefined;
}

/** Every reason there is. Closed: a new check adds its code here. */
export type DenialCode =
  | 'evidence-malformed'
  | 'evidence-kind-unexpected'
  // The key pair under attestation
  | 'ek-not-enrolled'
  | 'ek-template-unsafe'
  | 'ek-certificate-missing'
  | 'ek-certificate-key-mismatch'
  | 'ek-certificate-unsuitable'
  | 'ek-chain-untrusted'
  | 'ek-manufacturer-refused'
  | 'ek-denied'
  | 'software-tpm-refused'
  | 'ak-attributes-unsafe'
  | 'ak-scheme-refused'
  | 'ak-not-in-endorsement-hierarchy'
  | 'key-known-weak'
  | 'activation-failed'
  // The quote
  | 'quote-signature-invalid'
  | 'quote-signature-scheme-refused'
  | 'quote-magic-wrong'
  | 'quote-type-wrong'
  | 'nonce-mismatch'
  | 'pcr-selection-mismatch'
  | 'pcr-values-malformed'
  | 'pcr-composite-mismatch'
  | 'boot-epoch-rolled-back'
  // Signed measurements
  | 'measurement-key-not-enrolled'
  | 'token-header-refused'
  | 'token-signature-invalid'
  | 'token-ueid-mismatch'
  | 'token-time-refused'
  | 'measurements-not-accepted'
  | 'measurement-refused'
  | 'rating-above-evidence'
  | 'generation-conflict'
  // The callback
  | 'callback-unreachable'
  | 'callback-key-mismatch'
  // Appraisal
  | 'node-name-mismatch'
  | 'node-not-admissible'
  | 'firmware-changed'
  // Admission
  | 'approval-refused'
  | 'approval-queue-full'
  | 'new-nodes-cap-reached'
  | 'node-name-taken'
  // One holder for each key
  | 'ak-of-another-ek'
  | 'key-of-another-node'
  | 'key-of-another-use'
  | 'pool-unknown'
  | 'pcr-mismatch'
  | 'reference-values-missing'
  | 'reference-values-expired'
  | 'reference-values-retired'
  // The firmware event log
  | 'event-log-empty'
  | 'event-log-malformed'
  | 'event-log-locality'
  | 'event-log-bank-missing'
  | 'event-log-replay-mismatch'
  | 'event-log-grammar'
  | 'event-log-digest-mismatch'
  // Facts about the boot
  | 'boot-fact-not-verified'
  | 'secure-boot-not-proven'
  | 'boot-authority-refused'
  | 'dbx-outdated'
  | 'boot-application-revoked'
  | 'sbat-outdated'
  | 'mok-refused'
  | 'dma-protection-disabled'
  | 'exit-boot-services-missing'
  | 'boot-application-refused'
  | 'kernel-refused'
  | 'command-line-refused'
  | 'grub-command-refused'
  | 'loader-file-refused'
  | 'initrd-refused'
  | 'uki-refused'
  // IMA
  | 'ima-log-empty'
  | 'ima-log-malformed'
  | 'ima-pcr-mismatch'
  | 'ima-epoch'
  | 'ima-tail-not-covered'
  | 'ima-boot-aggregate'
  | 'ima-violation'
  | 'ima-key-refused'
  | 'ima-buffer-refused'
  | 'ima-file-refused'
  | 'ima-measurement-policy';

/** Something true and worth a person's look that refuses nobody. */
export interface Advisory {
  readonly code: 'clock-not-safe' | 'clock-diverged' | 'reset-count-jumped' | 'ak-changed' | 'firmware-changed';
  readonly detail: string;
}

/** What a TPM quote proved. Every field was established by `verifyEvidence`. */
export interface VerifiedTpm2Claims {
  readonly kind: 'tpm2-quote';
  readonly ek: {
    readonly fingerprint: EkFingerprint;
    /** Present when a certificate was shown and the pool's anchors were known: its chain ends at one of them. */
    readonly certificate: VerifiedEkCertificate | undefined;
  };
  /** TPM Name of the AK, lower-case hex. */
  readonly akName: string;
  readonly bank: PcrBank;
  /** PCR values by index, lower-case hex, digest-checked against the quote. */
  readonly pcrs: ReadonlyMap<number, string>;
  readonly bootEpoch: BootEpoch;
  /** The TPM's word on its clock; false for up to 70 minutes after a power loss (TPM 2.0 Part 1 §36.3). */
  readonly clockSafe: boolean;
  readonly firmwareVersion: bigint;
  /** What the event log proves; undefined where none was asked for. */
  readonly boot: BootFacts | undefined;
  /** The proven part of the IMA list; undefined where none was asked for. */
  readonly ima: VerifiedIma | undefined;
}

/** What the EK certificate says, once its chain was verified to one of the pool's anchors. */
export interface VerifiedEkCertificate {
  /** TCG vendor id as in the SAN, for example `id:53544D20`. */
  readonly manufacturer: string;
  readonly model: string;
  readonly version: string;
  /** True for swtpm and simulators. */
  readonly software: boolean;
  /** Subject of the anchor it chains to, RFC 4514. */
  readonly anchor: string;
}

/** What a token of signed measurements says. That the enrolled key signed it for this join is proven; that it is true is its holder's word. */
export interface VerifiedMeasurementClaims {
  readonly kind: 'signed-measurements';
  /** Of the enrolled key. */
  readonly keyId: SpkiFingerprint;
  readonly measurements: Measurements;
  /** By the node's own clock. */
  readonly issuedAt: Date;
  /** The certificate that the node holds from its last join; undefined where it holds none. */
  readonly generation: CertificateFingerprint | undefined;
}

export type VerifiedClaims = VerifiedTpm2Claims | VerifiedMeasurementClaims;

/** The outcome of `verifyEvidence`. */
export type Verification =
  | { readonly ok: true; readonly claims: VerifiedClaims }
  | { readonly ok: false; readonly denials: readonly Denial[] };

/** The Verifier's output (vocabulary of draft-ietf-rats-ear). Only `affirming` carries an admission. */
export type AttestationResult =
  | {
      readonly status: 'affirming';
      readonly admission: Admission;
      /** Name of the reference-value file that matched. */
      readonly referenceValues: string | undefined;
      /** Of the policy that the claims were appraised under: SHA-256 of its canonical content, lower-case hex. */
      readonly policyVersion: string;
      readonly advisories: readonly Advisory[];
    }
  | {
      readonly status: 'contraindicated';
      /** At least one. */
      readonly denials: readonly Denial[];
      readonly policyVersion: string;
      readonly advisories: readonly Advisory[];
    };
