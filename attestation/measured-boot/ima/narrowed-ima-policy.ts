import type { ImaPolicy } from '#protocol/ima-policy.ts';

import { listed } from '../fact-result.ts';

/**
 * What `now` may refuse that `was` accepted, a phrase each. Empty: every list that `was` accepted, `now` accepts too, for it asks for nothing
 * more and leaves nothing out.
 */
export function narrowedImaPolicy(was: ImaPolicy, now: ImaPolicy): readonly string[] {
  const digests = new Set(now.digests);
  const isExcluded = (path: string): boolean =>
    now.excludes.some((exclude) => exclude === path || (exclude.endsWith('/') && path.startsWith(exclude)));
  return [
    ...narrowedMeasurement(was.measurementPolicy, now.measurementPolicy),
    ...(was.violations === 'allow-excluded' && now.violations === 'refuse' ? ['violations are refused'] : []),
    ...leftOut('digests', missing(was.digests, now.digests)),
    ...leftOut(
      'files',
      missing(filesOf(was), filesOf(now)).filter((entry) => !digests.has(digestOf(entry))),
    ),
    ...leftOut('signature keys', missing(was.signatureKeys, now.signatureKeys)),
    ...leftOut('keys in keyrings', missing(entriesOf(was.keyrings), entriesOf(now.keyrings))),
    ...leftOut('buffers', missing(entriesOf(was.buffers), entriesOf(now.buffers))),
    ...leftOut(
      'excluded paths',
      was.excludes.filter((path) => !isExcluded(path)),
    ),
  ];
}

type MeasurementPolicy = ImaPolicy['measurementPolicy'];

/** What the kernel measures was known by its command line or by a policy file; each way must still be there, and ask for no more. */
function narrowedMeasurement(was: MeasurementPolicy, now: MeasurementPolicy): readonly string[] {
  const files = leftOut('measured policy files', missing(entriesOf(was.files), entriesOf(now.files)));
  if (was.commandLineTokens.length === 0) return files;
  if (now.commandLineTokens.length === 0) return ['the command line no longer shows what is measured', ...files];
  const added = missing(now.commandLineTokens, was.commandLineTokens);
  return [...(added.length === 0 ? [] : [`the command line must have: ${listed(added)}`]), ...files];
}

/** As text, so that they compare: the digest, which has no space in it, and the name. */
const entriesOf = (lists: Readonly<Record<string, readonly string[]>>): readonly string[] =>
  Object.entries(lists).flatMap(([name, digests]) => digests.map((digest) => `${digest} ${name}`));

const digestOf = (entry: string): string => entry.slice(0, entry.indexOf(' '));

/** A measured policy file that is known is accepted as a file, too. */
const filesOf = ({ files, measurementPolicy }: ImaPolicy): readonly string[] => [
  ...entriesOf(files),
  ...entriesOf(measurementPolicy.files),
];

function missing(was: readonly string[], now: readonly string[]): readonly string[] {
  const kept = new Set(now);
  return was.filter((entry) => !kept.has(entry));
}

const leftOut = (what: string, entries: readonly string[]): readonly string[] =>
  entries.length === 0 ? [] : [`${what} that are no longer accepted: ${listed(entries)}`];
