import { isEkFingerprint, isPoolName } from '#core/ids.ts';
import type { ImaDemands } from '#protocol/ima-demands.ts';
import type { RecordedJoin } from '#protocol/joins.ts';

import { admits, checkCertificate, checkSelection, referenceDenials } from './appraise.ts';
import type { EvidencePolicy, Policy } from './evidence-policy.ts';
import type { FactResult } from './measured-boot/fact-result.ts';
import { type BootReplay, replayBoot } from './replay-boot.ts';
import { matchPool, type ReferenceMatch } from './reference-values.ts';
import type { Denial } from './result.ts';

/** A denial of today, or one on record: that one's code may be of another release. */
export type ReplayDenial = Omit<Denial, 'code'> & { readonly code: string };

/** What a policy would say of a join that is on record. */
export interface Replay {
  /**
   * `unknown`: the policy asks for PCRs that the quote did not cover, for facts of the boot that are not on record, or for another judgement of
   * the IMA list, which is not. `not-judged`: no evidence of it was verified.
   */
  readonly verdict: 'admitted' | 'refused' | 'unknown' | 'not-judged';
  /** The policy's own, and of the recorded ones those that no policy changes. */
  readonly denials: readonly ReplayDenial[];
  /** The set of reference values that matches now. */
  readonly referenceValues: string | undefined;
  /** What the policy no longer accepts in IMA lists, which are not on record; the verdict is then `unknown`, or there are denials besides. */
  readonly doubts: readonly string[];
  /** Each demand on the boot beside what is on record, met or not. */
  readonly checks: readonly FactResult[];
}

/** Recorded denials that another policy may not repeat. The others (name, state, counters of the TPM) stand whatever the policy says. */
const OF_THE_POLICY: ReadonlySet<string> = new Set([
  'pool-unknown',
  'ek-denied',
  'ek-certificate-missing',
  'ek-chain-untrusted',
  'software-tpm-refused',
  'pcr-selection-mismatch',
  'pcr-mismatch',
  'reference-values-missing',
  'reference-values-expired',
  'reference-values-retired',
]);

/**
 * Appraises the recorded evidence of `join` under `policy` at `now`, by the same checks as a join; no admission comes of it. The signature and
 * freshness of the evidence were established then and are not again. Of the EK certificate only the subject of its anchor is on record: that
 * the policy still has an anchor of that name stands for the chain. Of IMA lists nothing is on record but how they were judged; `precedent`, where
 * that was its judgement, says what it asked of them.
 */
export function replayJoin(join: RecordedJoin, policy: Policy, now: Date, precedent?: ImaDemands): Replay {
  const { evidence } = join;
  const notOfThePolicy: readonly ReplayDenial[] = join.denials.filter(({ code }) => !OF_THE_POLICY.has(code));
  const nothing = { referenceValues: undefined, doubts: [], checks: [] };
  if (evidence === undefined) return { verdict: 'not-judged', denials: notOfThePolicy, ...nothing };
  const { ekFingerprint, bank } = evidence;
  const denied: Denial[] =
    isEkFingerprint(ekFingerprint) && policy.deniedEks.has(ekFingerprint)
      ? [{ code: 'ek-denied', found: ekFingerprint }]
      : [];
  const pool = join.pool !== undefined && isPoolName(join.pool) ? policy.pools.get(join.pool) : undefined;
  if (pool === undefined) {
    const unknown: readonly Denial[] = join.pool === undefined ? [] : [{ code: 'pool-unknown', found: join.pool }];
    return { verdict: 'refused', denials: [...notOfThePolicy, ...denied, ...unknown], ...nothing };
  }
  const boot = replayBoot(join, evidence, pool, policy, precedent);
  const standing = notOfThePolicy.filter(({ code }) => !boot.isRejudged(code));
  const pcrs = selectedPcrs(evidence, pool);
  const selection = checkSelection({ bank, pcrs }, pool);
  const match = matchPool(pcrs, pool.tpm2, now);
  const certificate = pool.tpm2.ekAnchors === undefined ? undefined : evidence.ekCertificate;
  const denials: readonly ReplayDenial[] = [
    ...standing,
    ...denied,
    ...anchorDenials(evidence, pool),
    ...checkCertificate({ certificate }, pool),
    ...selection,
  ];
  if (selection.length > 0) {
    return {
      verdict: denials.length === selection.length ? 'unknown' : 'refused',
      denials,
      ...nothing,
    };
  }
  const all = [...denials, ...referenceDenials(match), ...boot.denials];
  return {
    verdict: verdictOf(all, match, boot),
    denials: all,
    referenceValues: match.kind === 'match' ? match.name : undefined,
    doubts: boot.doubts,
    checks: boot.checks,
  };
}

function verdictOf(
  denials: readonly ReplayDenial[],
  match: ReferenceMatch,
  { isKnown }: BootReplay,
): Replay['verdict'] {
  if (denials.length > 0 || !admits(match)) return 'refused';
  return isKnown ? 'admitted' : 'unknown';
}

/** The recorded values as a quote over the pool's PCRs would have shown them: a node quotes what it is asked for and nothing beside. */
function selectedPcrs(
  { bank, pcrs }: NonNullable<RecordedJoin['evidence']>,
  { tpm2 }: EvidencePolicy,
): ReadonlyMap<number, string> {
  const recorded = new Map(Object.entries(pcrs).map(([index, value]): [number, string] => [Number(index), value]));
  const covers = bank === tpm2.bank && tpm2.pcrs.every((pcr) => recorded.has(pcr));
  return covers ? new Map([...recorded].filter(([pcr]) => tpm2.pcrs.includes(pcr))) : recorded;
}

function anchorDenials(
  { ekCertificate }: NonNullable<RecordedJoin['evidence']>,
  { tpm2 }: EvidencePolicy,
): readonly Denial[] {
  if (ekCertificate === undefined || tpm2.ekAnchors === undefined) return [];
  if (tpm2.ekAnchors.subjects.has(ekCertificate.anchor)) return [];
  return [
    { code: 'ek-chain-untrusted', found: ekCertificate.anchor, detail: 'no anchor of the pool has this subject' },
  ];
}
