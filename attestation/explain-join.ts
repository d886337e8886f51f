import type { Fact, RecordedJoin } from '#protocol/joins.ts';

import type { FactResult } from './measured-boot/fact-result.ts';
import { shownBoot } from './replay-boot.ts';

/** A denial, of today or on record. */
interface KnownDenial {
  readonly code: string;
  readonly pcr?: number | undefined;
  readonly expected?: string | undefined;
  readonly found?: string | undefined;
  readonly detail?: string | undefined;
}

/** What is judged of every join with verified evidence: what it is called, which denials are about it, and what the evidence shows. */
const SUBJECTS: readonly {
  readonly fact: string;
  readonly codes: readonly string[];
  readonly shown: (evidence: NonNullable<RecordedJoin['evidence']>, join: RecordedJoin) => string | undefined;
}[] = [
  { fact: 'EK', codes: ['ek-not-enrolled', 'ek-denied'], shown: ({ ekFingerprint }) => ekFingerprint },
  { fact: 'node name', codes: ['node-name-mismatch'], shown: (_, { nodeName }) => nodeName },
  { fact: 'pool', codes: ['pool-unknown'], shown: (_, { pool }) => pool },
  {
    fact: 'EK certificate',
    codes: ['ek-certificate-missing', 'ek-chain-untrusted', 'software-tpm-refused'],
    shown: ({ ekCertificate }) =>
      ekCertificate === undefined
        ? 'none was judged'
        : `${ekCertificate.manufacturer} ${ekCertificate.model}, by ${ekCertificate.anchor}`,
  },
  {
    fact: 'PCR selection',
    codes: ['pcr-selection-mismatch'],
    shown: ({ bank, pcrs }) => `${bank}:${Object.keys(pcrs).join(',')}`,
  },
];

/**
 * Fact by fact what was wanted of `join` and what was found, from the denials that judging it gave. What no denial is about was as wanted. A
 * denial about none of the facts that every join has is a fact of its own, so that nothing that was refused is left out. `checks` are demands
 * on the boot, of which those that were met are facts too; without them, what the record shows of the boot.
 */
export function explainJoin(
  join: RecordedJoin,
  denials: readonly KnownDenial[],
  referenceValues: string | undefined,
  checks?: readonly FactResult[],
): readonly Fact[] {
  const { evidence } = join;
  if (evidence === undefined) return denials.map((denial) => refused(denial.code, denial));
  const told = new Set<KnownDenial>();
  const about = (fact: string, shown: string | undefined, isAbout: (denial: KnownDenial) => boolean): Fact[] => {
    const found = denials.filter(isAbout);
    for (const denial of found) told.add(denial);
    if (found.length > 0) return found.map((denial) => refused(fact, { ...denial, found: denial.found ?? shown }));
    return shown === undefined ? [] : [{ fact, wanted: shown, found: shown, ok: true }];
  };
  const facts = [
    ...SUBJECTS.flatMap(({ fact, codes, shown }) =>
      about(fact, shown(evidence, join), ({ code }) => codes.includes(code)),
    ),
    ...pcrsOf(evidence, denials).flatMap((pcr) =>
      about(`PCR ${pcr}`, evidence.pcrs[String(pcr)], (denial) => denial.code === 'pcr-mismatch' && denial.pcr === pcr),
    ),
    ...about('reference values', referenceValues, ({ code }) => code.startsWith('reference-values-')),
    ...about('IMA list', imaShown(evidence), ({ code }) => code.startsWith('ima-')),
  ];
  const untold = denials.filter((denial) => !told.has(denial));
  return [...facts, ...metFacts(evidence, untold, checks), ...untold.map((denial) => refused(denial.code, denial))];
}

const imaShown = ({ ima }: NonNullable<RecordedJoin['evidence']>): string | undefined =>
  ima && `${ima.records} records proven, ${ima.provenBefore} of them before; ${ima.unproven} listed ahead of the quote`;

/** Demands on the boot that were met; or, where the demands are not known, what was found of each fact that no denial is about. */
function metFacts(
  evidence: NonNullable<RecordedJoin['evidence']>,
  denials: readonly KnownDenial[],
  checks: readonly FactResult[] | undefined,
): readonly Fact[] {
  if (checks !== undefined) {
    return checks.filter(({ ok }) => ok).map(({ fact, wanted, found }) => ({ fact, wanted, found, ok: true }));
  }
  // A denial of the boot has the fact that it is about in its detail.
  return shownBoot(evidence)
    .filter(({ fact }) => denials.every(({ detail }) => detail !== fact))
    .map(({ fact, found }) => ({ fact, wanted: found, found, ok: true }));
}

/** The PCRs that were quoted, and those that were wanted and not quoted. */
function pcrsOf({ pcrs }: NonNullable<RecordedJoin['evidence']>, denials: readonly KnownDenial[]): readonly number[] {
  const wanted = denials.flatMap(({ pcr }) => (pcr === undefined ? [] : [pcr]));
  return [...new Set([...Object.keys(pcrs).map(Number), ...wanted])].toSorted((a, b) => a - b);
}

function refused(fact: string, { code, expected, found, detail }: KnownDenial): Fact {
  return {
    fact,
    ...(expected === undefined ? {} : { wanted: expected }),
    ...(found === undefined ? {} : { found }),
    ok: false,
    detail: detail === undefined ? code : `${code}: ${detail}`,
  };
}
