import type { KeyObject } from 'node:crypto';

import { compilePolicy, type Policy } from '#attestation/evidence-policy.ts';
import type { Candidate } from '#core/candidate.ts';
import type { JoinOutcome } from '#services/join/admit-node.ts';
import { challengeResponseSchema } from '#protocol/challenge.ts';
import { policySchema } from '#protocol/policy.ts';

import {
  type AnswerOptions,
  answerOf,
  askChallenge,
  challengeRequestOf,
  HOME,
  type JoinLab,
  joinLab,
  type JoinLabOptions,
  PCRS,
  referenceValuesOf,
  submit,
} from './join-lab.ts';
import type { MemoryStore } from '#test/fakes/memory-store.ts';
import { labTpm, type LabTpm } from './software-tpm.ts';
import { issueEkCertificate, type LabEkCa, labEkCa } from './tpm-certificates.ts';

/** A laboratory whose pool takes machines that nobody enrolled, and the maker whose root it trusts. */
export interface AdmissionLab {
  readonly lab: JoinLab;
  readonly maker: LabEkCa;
  /** Everything that someone was to be alerted of. */
  readonly alerts: readonly Readonly<Record<string, unknown>>[];
  /** A machine of the maker's that nobody enrolled. */
  readonly stranger: LabTpm;
  /** A whole join of a machine with its maker's certificate, or with another's. */
  readonly joinAs: (tpm: LabTpm, options?: JoinAs) => Promise<JoinOutcome>;
  readonly candidates: () => Promise<readonly Candidate[]>;
}

export interface JoinAs extends AnswerOptions {
  readonly address?: string;
  readonly maker?: LabEkCa;
  readonly key?: KeyObject;
}

/** A policy whose pool `general` takes certified TPMs as they are now, by the members given, and whose pool `edge` only enrolled ones. */
export function admissionPolicy(tpm: LabTpm, anchors: string, pool: object, tpm2: object = {}): Policy {
  const general = {
    protectionRating: 'default',
    segments: ['10.1.0.0/16', '127.0.0.0/8', '::1/128', 'fd00::/8'],
    tpm2: { pcrs: PCRS, referenceValues: ['now.yaml'], ekAnchors: ['ca.pem'], ...tpm2 },
    ...pool,
  };
  const edge = { ...general, admission: 'enrolled', segments: ['10.2.0.0/16'] };
  const document = policySchema.parse({ apiVersion: 'muster/v1', kind: 'Policy', pools: { general, edge } });
  const compiled = compilePolicy(document, {
    referenceValues: new Map([['now.yaml', referenceValuesOf(tpm)]]),
    anchors: new Map([['ca.pem', anchors]]),
    referenceSigners: new Map(),
  });
  if (!compiled.ok) throw new Error(JSON.stringify(compiled.errors));
  return compiled.policy;
}

export async function admissionLab(
  pool: object,
  options: Partial<JoinLabOptions<MemoryStore>> & { readonly tpm2?: object } = {},
): Promise<AdmissionLab> {
  const maker = labEkCa();
  const tpm = labTpm();
  const alerts: Readonly<Record<string, unknown>>[] = [];
  const override = {
    ...options.override,
    alert: (facts: Readonly<Record<string, unknown>>) => void alerts.push(facts),
  };
  const policy = options.policy ?? admissionPolicy(tpm, maker.pem, pool, options.tpm2);
  const lab = await joinLab({ ...options, tpm, policy, override });
  return {
    lab,
    maker,
    alerts,
    stranger: labTpm(),
    joinAs: (machine, { address = HOME, maker: by = maker, ...answer } = {}) =>
      joinCertified(lab, machine, by, address, answer),
    candidates: () => lab.store.listCandidates(lab.clock.now(), 100),
  };
}

async function joinCertified(
  lab: JoinLab,
  tpm: LabTpm,
  maker: LabEkCa,
  address: string,
  answer: AnswerOptions,
): Promise<JoinOutcome> {
  const request = certifiedChallenge(tpm, maker, answer.name);
  const asked = await askChallenge(lab, { request, address });
  if (!asked.ok) throw new Error(`no challenge: ${asked.problem}`);
  return submit(lab, answerOf(challengeResponseSchema.parse(asked.response), tpm, answer), { address });
}

/** What a machine asks a challenge with that shows its maker's certificate. */
export function certifiedChallenge(tpm: LabTpm, maker: LabEkCa, name = 'worker-7') {
  const honest = challengeRequestOf(tpm, name);
  if (honest.attester.kind !== 'tpm2-quote') throw new Error('a TPM');
  const ekCertificates = [issueEkCertificate(maker, { spki: tpm.ekSpki, keyType: 'ecc' })];
  return { ...honest, attester: { ...honest.attester, ekCertificates } };
}
