import { z } from 'zod';

import { pcrBank } from './challenge.ts';
import { ekFingerprintHex, poolName } from './fields.ts';

/**
 * The policy file: which pools there are and what each demands of a node. Written by security engineers; read whole or refused whole.
 * Where a list could be empty, empty means that nothing is accepted.
 */
const duration = z
  .string()
  .regex(/^[1-9][0-9]{0,4}[smh]$/, 'a whole number and s, m or h, for example 8h')
  .transform((text) => Number(text.slice(0, -1)) * ({ s: 1, m: 60, h: 3_600 }[text.slice(-1)] ?? 0));

const cidr = z.union([z.cidrv4(), z.cidrv6()]);

const pcrIndex = z.int().min(0).max(23);

/** The only TTLs the profile signs: 15 minutes to 24 hours. */
const certificateTtl = duration.refine((s) => s >= 900 && s <= 86_400, 'between 15m and 24h').default(28_800);

const tpm2EvidencePolicy = z.strictObject({
  bank: pcrBank.default('sha256'),
  /** The PCRs that the quote must cover, all of them and no others. */
  pcrs: z
    .array(pcrIndex)
    .min(1)
    .max(24)
    .refine((list) => new Set(list).size === list.length, 'each PCR once'),
  /** Files of reference values, relative to the policy file. A node's PCRs must match one of them whole. */
  referenceValues: z.array(z.string().min(1).max(1_024)).max(64).default([]),
  /** PEM files of EK certificate authorities, relative to the policy file. Needed unless every node is enrolled by EK public hash. */
  ekAnchors: z.array(z.string().min(1).max(1_024)).max(256).default([]),
  /** False: only an EK with a certificate that chains to an anchor. True: an EK enrolled by its hash needs no certificate. */
  allowEkWithoutCertificate: z.boolean().default(false),
  /** Accept TPM implementations in software (swtpm and simulators). For laboratories. */
  allowSoftwareTpm: z.boolean().default(false),
});

const taint = z.strictObject({
  key: z.string().min(1).max(316),
  value: z.string().max(63).optional(),
  effect: z.enum(['NoSchedule', 'PreferNoSchedule', 'NoExecute']),
});

const pool = z.strictObject({
  protectionRating: z.enum(['default', 'protected', 'highly-protected']),
  /** Address ranges that the pool's nodes join from. Empty: nobody. */
  segments: z.array(cidr).max(1_024),
  certificateTtl,
  tpm2: tpm2EvidencePolicy,
  nodeLabels: z.record(z.string().max(317), z.string().max(63)).default({}),
  registerWithTaints: z.array(taint).max(32).default([]),
});

export const policySchema = z.strictObject({
  apiVersion: z.literal('muster/v1'),
  kind: z.literal('Policy'),
  /** EKs that no pool admits, whatever their certificates say: stolen machines, TPMs with firmware that leaked its keys. */
  deniedEks: z.array(ekFingerprintHex).max(65_536).default([]),
  pools: z.record(poolName, pool).refine((pools) => Object.keys(pools).length > 0, 'at least one pool'),
});

/** A policy file whose every member was checked; the files it names were not read yet. */
export type PolicyDocument = z.output<typeof policySchema>;
export type PoolPolicy = PolicyDocument['pools'][keyof PolicyDocument['pools']];

const pcrHex = z.string().regex(/^(?:[0-9a-f]{64}|[0-9a-f]{96})$/, 'a PCR value in lower-case hex');

/** A reference-value file: PCR values that a trusted node showed, for review and then for a policy to name. */
export const referenceValuesSchema = z.strictObject({
  apiVersion: z.literal('muster/v1'),
  kind: z.literal('ReferenceValues'),
  name: z.string().min(1).max(128),
  capturedAt: z.iso.datetime(),
  capturedFrom: z.string().max(256),
  bank: pcrBank,
  /** By PCR index; each digest as long as the bank says. */
  pcrs: z.record(z.string().regex(/^(?:[0-9]|1[0-9]|2[0-3])$/), pcrHex),
});
export type ReferenceValuesDocument = z.output<typeof referenceValuesSchema>;
