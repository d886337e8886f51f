import { z } from 'zod';

import { isBase64Url } from '#core/bytes.ts';

import { pcrBank } from './challenge.ts';
import { ekFingerprintHex, poolName, sha256Hex } from './fields.ts';
import { imaPolicySchema } from './ima-policy.ts';
import { measuredBootPolicySchema } from './measured-boot-policy.ts';
import { classificationSchema, DEFAULT_RATINGS, protectionRatingSchema, ratingTableSchema } from './ratings.ts';
import { signedMeasurementsPolicySchema } from './measurements.ts';

/**
 * The policy file: which pools there are and what each demands of a node. Written by security engineers; read whole or refused whole.
 * Where a list could be empty, empty means that nothing is accepted.
 */
const duration = z
  .string()
  .regex(/^[1-9][0-9]{0,4}[smh]$/, 'a whole number and s, m or h, for example 8h')
  .transform((text) => Number(text.slice(0, -1)) * ({ s: 1, m: 60, h: 3_600 }[text.slice(-1)] ?? 0));

const cidr = z.union([z.cidrv4(), z.cidrv6()]);

/** What stands behind a network, the most trusted first. */
export const SEGMENT_CLASSES = ['internal', 'partner', 'public', 'end-user'] as const;
const segmentClass = z.enum(SEGMENT_CLASSES);
export type SegmentClass = z.output<typeof segmentClass>;

/** A range alone is one of our own. */
const segment = z.union([
  cidr.transform((range) => ({ cidr: range, class: 'internal' as const })),
  z.strictObject({
    cidr: cidr.describe('The address range, in CIDR notation.'),
    class: segmentClass.describe(
      'Whose network it is: our own (`internal`), a partner’s, one that anybody can be in (`public`), or one of people’s own machines (`end-user`).',
    ),
  }),
]);

const pcrIndex = z.int().min(0).max(23);

/** The profile signs nothing outside these bounds either. */
const certificateTtl = duration
  .refine((s) => s >= 900 && s <= 86_400, 'between 15m and 24h')
  .prefault('8h')
  .describe(
    'Lifetime of its nodes’ certificates, 15m to 24h; at most 8h where `protected`, 1h where `highly-protected`.',
  );

const tpm2EvidencePolicy = z.strictObject({
  bank: pcrBank.default('sha256').describe('The PCR bank that is quoted.'),
  pcrs: z
    .array(pcrIndex)
    .min(1)
    .max(24)
    .refine((list) => new Set(list).size === list.length, 'each PCR once')
    .describe('The PCRs that the quote must cover, all of them and no others.'),
  referenceValues: z
    .array(z.string().min(1).max(1_024))
    .max(64)
    .default([])
    .describe('Files of reference values, relative to the policy file. A node’s PCRs must match one of them whole.'),
  referencePcrs: z
    .array(pcrIndex)
    .max(24)
    .refine((list) => new Set(list).size === list.length, 'each PCR once')
    .optional()
    .describe(
      'The PCRs that reference values are for. All of `pcrs` unless set, without PCR 10 where there is `ima`; fewer only with `boot`, which then answers for the others.',
    ),
  boot: measuredBootPolicySchema
    .optional()
    .describe(
      'What the event log must prove of the boot. Absent: no event log is asked for, and every PCR needs a reference value.',
    ),
  ima: imaPolicySchema
    .optional()
    .describe(
      'What the IMA list must show of the files that were run and read since the boot. Needs PCRs 0 to 10 in `pcrs`. Absent: no list is asked for.',
    ),
  ekAnchors: z
    .array(z.string().min(1).max(1_024))
    .max(256)
    .default([])
    .describe(
      'EK certificate authorities, relative to the policy file: PEM or DER files, or directories of such files (`.pem`, `.crt`, `.cer`, `.der`).',
    ),
  onFirmwareChange: z
    .enum(['advise', 'refuse'])
    .default('advise')
    .describe(
      'What a TPM’s firmware version other than at the last join means: an advisory in the audit log, or a refusal until the node is enrolled again.',
    ),
  allowEkWithoutCertificate: z
    .boolean()
    .default(false)
    .describe(
      'False: the EK needs a certificate that chains to an anchor. True: an EK enrolled by its hash needs none.',
    ),
  allowSoftwareTpm: z
    .boolean()
    .default(false)
    .describe(
      'Accept TPMs in software (swtpm and simulators): they protect nothing from whoever runs them. For laboratories.',
    ),
});

const callback = z
  .strictObject({
    port: z
      .int()
      .min(1)
      .max(65_535)
      .default(7_446)
      .describe('Port that the agent listens on until its join is answered.'),
    timeout: duration
      .refine((s) => s <= 15, 'at most 15s')
      .prefault('5s')
      .describe('How long the service tries, 1s to 15s.'),
  })
  .describe(
    'The service connects back to the address that the join came from, and issues only to the key that answers there. Nodes behind NAT cannot be called back. Absent: it does not.',
  );

const taint = z.strictObject({
  key: z.string().min(1).max(316).describe('The taint’s key.'),
  value: z.string().max(63).optional().describe('Its value.'),
  effect: z.enum(['NoSchedule', 'PreferNoSchedule', 'NoExecute']).describe('Its effect.'),
});

const pool = z.strictObject({
  protectionRating: protectionRatingSchema
    .optional()
    .describe(
      'How much the pool’s nodes must prove. Needed unless `classification` gives it; beside that it may be the same or a higher one.',
    ),
  classification: classificationSchema
    .optional()
    .describe('What the pool is for; `ratings` says which protection rating that asks for.'),
  admission: z
    .enum(['enrolled', 'approval', 'endorsed'])
    .default('enrolled')
    .describe(
      'Who becomes a node: machines that were enrolled, also machines that an administrator approves when they ask, or also any whose EK certificate chains to `ekAnchors`.',
    ),
  nameRule: z
    .string()
    .max(128)
    .default('{pool}-{ek:12}')
    .describe(
      'The name of a node that `endorsed` admits: `{pool}`, and `{ek:N}` for the first N hex digits of its EK’s hash. Nothing that the machine says goes into it.',
    ),
  newNodesPerHour: z
    .int()
    .min(1)
    .max(10_000)
    .default(10)
    .describe(
      'How many nodes `endorsed` adds to the pool in any hour. More are told to come back, and someone is alerted.',
    ),
  segments: z
    .array(segment)
    .max(1_024)
    .describe(
      'Address ranges that the pool’s nodes join from, each as `{cidr, class}`, or in CIDR notation alone for class `internal`. An address in several has the least trusted of their classes. Empty: nobody.',
    ),
  acceptClasses: z
    .array(segmentClass)
    .max(SEGMENT_CLASSES.length)
    .refine((list) => new Set(list).size === list.length, 'each class once')
    .default(['internal', 'partner'])
    .describe(
      'Classes of segment that joins are accepted from. `public` and `end-user` only where they are named here.',
    ),
  certificateTtl,
  callback: callback.optional(),
  tpm2: tpm2EvidencePolicy.describe('What a node’s TPM must show.'),
  signedMeasurements: signedMeasurementsPolicySchema
    .optional()
    .describe(
      'What a machine without a TPM may say it runs, signed with its enrolled key. Only where `protectionRating` is `default`. Absent: no such machine joins.',
    ),
  nodeLabels: z
    .record(z.string().max(317), z.string().max(63))
    .default({})
    .describe('Labels that the node’s kubelet registers with.'),
  registerWithTaints: z.array(taint).max(32).default([]).describe('Taints that it registers with.'),
});

export const policySchema = z.strictObject({
  apiVersion: z.literal('muster/v1').describe('Always `muster/v1`.'),
  kind: z.literal('Policy').describe('Always `Policy`.'),
  deniedEks: z
    .array(ekFingerprintHex)
    .max(65_536)
    .default([])
    .describe(
      'EKs that no pool admits, whatever their certificates say, by SHA-256 of their SubjectPublicKeyInfo: stolen machines, TPMs with firmware that leaked its keys.',
    ),
  referenceSigners: z
    .array(z.string().min(1).max(1_024))
    .max(16)
    .default([])
    .describe(
      'PEM files of the Ed25519 public keys that sign reference values, relative to the policy file. Where there is one, every pool’s must be signed; `protected` and `highly-protected` pools take no others in any case.',
    ),
  ratings: ratingTableSchema
    .default(DEFAULT_RATINGS)
    .describe(
      'Which protection rating a classification asks for; every one, by sensitivity, criticality and exposure.',
    ),
  pools: z
    .record(poolName, pool)
    .refine((pools) => Object.keys(pools).length > 0, 'at least one pool')
    .describe('The pools by name.'),
});

/** A policy file whose every member was checked; the files it names were not read yet. */
export type PolicyDocument = z.output<typeof policySchema>;
export type PoolPolicy = PolicyDocument['pools'][keyof PolicyDocument['pools']];

const pcrHex = z.string().regex(/^(?:[0-9a-f]{64}|[0-9a-f]{96})$/, 'a PCR value in lower-case hex');

/** Ed25519 over the canonical JSON (RFC 8785) of the whole document but this member. */
const manifestSignature = z.strictObject({
  key: sha256Hex.describe('The signer: SHA-256 of its public key’s SubjectPublicKeyInfo.'),
  value: z
    .string()
    .length(86)
    .refine(isBase64Url, 'not base64url without padding')
    .describe('The signature, 64 bytes in base64url.'),
});

const referenceValuesMembers = z.strictObject({
  apiVersion: z.literal('muster/v1').describe('Always `muster/v1`.'),
  kind: z.literal('ReferenceValues').describe('Always `ReferenceValues`.'),
  name: z
    .string()
    .regex(/^[A-Za-z0-9](?:[A-Za-z0-9._-]{0,126}[A-Za-z0-9])?$/, '1 to 128 letters, digits and ._-')
    .describe('What the audit log calls this set, `name@version` where there is a version.'),
  version: z
    .int()
    .min(1)
    .max(1_000_000_000)
    .optional()
    .describe('Counts the manifests of one name. Several may be in force at once, for a roll-out.'),
  capturedAt: z.iso.datetime().describe('When it was made.'),
  capturedFrom: z.string().max(256).describe('From which node and join, for the people who review it.'),
  pools: z.array(poolName).min(1).max(256).optional().describe('The pools that may use it. Absent: any.'),
  notBefore: z.iso.datetime().optional().describe('It admits nobody before this moment. Absent: no beginning.'),
  expires: z.iso.datetime().optional().describe('It admits nobody from this moment on. Absent: no end.'),
  bank: pcrBank.describe('The PCR bank of the values.'),
  pcrs: z
    .record(z.string().regex(/^(?:[0-9]|1[0-9]|2[0-3])$/), pcrHex)
    .describe('Values by PCR index, lower-case hex: exactly the PCRs that the pool demands.'),
  signature: manifestSignature.optional().describe('Written by `muster reference sign`.'),
});

/** What a signed manifest must say, so that a signature is never good for ever, for every pool. */
const SIGNED_NEED = ['version', 'pools', 'notBefore', 'expires'] as const;

/** A reference-value file: PCR values that a trusted node showed, for review and then for a policy to name. */
export const referenceValuesSchema = referenceValuesMembers.superRefine((document, context) => {
  const { signature, notBefore, expires } = document;
  for (const member of SIGNED_NEED) {
    if (signature !== undefined && document[member] === undefined) {
      context.addIssue({ code: 'custom', path: [member], message: 'a signed manifest must have it' });
    }
  }
  if (notBefore !== undefined && expires !== undefined && Date.parse(notBefore) >= Date.parse(expires)) {
    context.addIssue({ code: 'custom', path: ['expires'], message: 'not after notBefore' });
  }
});
export type ReferenceValuesDocument = z.output<typeof referenceValuesSchema>;
