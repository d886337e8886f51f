import type {
  Advisory,
  Denial,
  VerifiedClaims,
  VerifiedEkCertificate,
  VerifiedMeasurementClaims,
  VerifiedTpm2Claims,
} from '#attestation/result.ts';
import { renderFirmware } from '#attestation/firmware-version.ts';
import { type BootFactsRecord, recordBoot } from '#attestation/measured-boot/boot-record.ts';
import type { VerifiedIma } from '#attestation/measured-boot/ima/verify-ima.ts';
import { unreachable } from '#core/never.ts';
import type { BootEpoch } from '#core/node-record.ts';

/** One failed check, as the log keeps it. */
export type DenialFacts = {
  readonly code: string;
  readonly pcr: number | undefined;
  readonly expected: string | undefined;
  readonly found: string | undefined;
  readonly detail: string | undefined;
};

export type AdvisoryFacts = { readonly code: string; readonly detail: string };

/** A boot epoch; the TPM's clock is an unsigned 64-bit number, so it is kept in decimal. */
export type BootEpochFacts = { readonly resetCount: number; readonly restartCount: number; readonly clockMs: string };

export type EkCertificateFacts = {
  readonly manufacturer: string;
  readonly model: string;
  readonly version: string;
  readonly software: boolean;
  readonly anchor: string;
};

/** What the evidence proved. */
export type EvidenceFacts = Tpm2EvidenceFacts | MeasurementEvidenceFacts;

/** What a machine without a TPM signed. */
export type MeasurementEvidenceFacts = {
  readonly kind: 'signed-measurements';
  readonly keyId: string;
  /** By name: kernel, initrd, commandLine, agent, image. */
  readonly measurements: Readonly<Record<string, string>>;
  readonly issuedAt: string;
  /** The certificate that the node said it held, SHA-256 in lower-case hex. */
  readonly generation: string | undefined;
};

/** What a TPM proved: enough to say later what a machine had booted, and to make reference values of it. */
export type Tpm2EvidenceFacts = {
  readonly kind: 'tpm2-quote';
  readonly ekFingerprint: string;
  readonly ekCertificate: EkCertificateFacts | undefined;
  readonly akName: string;
  readonly bank: string;
  /** Values by PCR index in decimal, lower-case hex. */
  readonly pcrs: Readonly<Record<string, string>>;
  readonly bootEpoch: BootEpochFacts;
  readonly clockSafe: boolean;
  /** 16 hex digits, as the TPM packs it. */
  readonly firmwareVersion: string;
  /** What the event log proved, where the pool asked for one. */
  readonly boot: BootFactsRecord | undefined;
  /** How far the IMA list was proven, where the pool asked for one. Its records are not kept. */
  readonly ima: ImaFacts | undefined;
};

export type ImaFacts = {
  readonly records: number;
  /** Of these, as many as evidence of the same boot had proven before. */
  readonly provenBefore: number;
  /** Listed after them, and not covered by the quote. */
  readonly unproven: number;
  /** PCR 10 after them, lower-case hex. */
  readonly pcr10: string;
};

/** The facts of `denials`, in their order. */
export const denialFacts = (denials: readonly Denial[]): readonly DenialFacts[] =>
  denials.map(({ code, pcr, expected, found, detail }) => ({ code, pcr, expected, found, detail }));

/** The facts of `advisories`, in their order. */
export const advisoryFacts = (advisories: readonly Advisory[]): readonly AdvisoryFacts[] =>
  advisories.map(({ code, detail }) => ({ code, detail }));

/** The facts of claims that `verifyEvidence` established. */
export function evidenceFacts(claims: VerifiedClaims): EvidenceFacts {
  switch (claims.kind) {
    case 'tpm2-quote':
      return tpm2Facts(claims);
    case 'signed-measurements':
      return measurementFacts(claims);
    default:
      return unreachable(claims);
  }
}

function measurementFacts(claims: VerifiedMeasurementClaims): MeasurementEvidenceFacts {
  const { kind, keyId, measurements, issuedAt, generation } = claims;
  return { kind, keyId, measurements: { ...measurements }, issuedAt: issuedAt.toISOString(), generation };
}

function tpm2Facts(claims: VerifiedTpm2Claims): Tpm2EvidenceFacts {
  return {
    kind: claims.kind,
    ekFingerprint: claims.ek.fingerprint,
    ekCertificate: claims.ek.certificate === undefined ? undefined : ekCertificateFacts(claims.ek.certificate),
    akName: claims.akName,
    bank: claims.bank,
    pcrs: Object.fromEntries([...claims.pcrs].map(([index, value]) => [String(index), value])),
    bootEpoch: bootEpochFacts(claims.bootEpoch),
    clockSafe: claims.clockSafe,
    firmwareVersion: renderFirmware(claims.firmwareVersion),
    boot: claims.boot && recordBoot(claims.boot),
    ima: claims.ima && imaFacts(claims.ima),
  };
}

const imaFacts = ({ state: { records, pcr10 }, provenBefore, unproven }: VerifiedIma): ImaFacts => ({
  records,
  provenBefore,
  unproven,
  pcr10,
});

function ekCertificateFacts(certificate: VerifiedEkCertificate): EkCertificateFacts {
  const { manufacturer, model, version, software, anchor } = certificate;
  return { manufacturer, model, version, software, anchor };
}

function bootEpochFacts({ resetCount, restartCount, clockMs }: BootEpoch): BootEpochFacts {
  return { resetCount, restartCount, clockMs: clockMs.toString() };
}
