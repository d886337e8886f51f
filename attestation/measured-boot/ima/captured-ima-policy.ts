import { sha256Hex } from '#core/digest.ts';
import type { ImaPolicy } from '#protocol/ima-policy.ts';
import type { ImaRecord } from '#tpm2/ima-log.ts';

import { isBootAggregate } from './boot-aggregate.ts';
import { fileDigest, recordName, type VerifiedIma } from './verify-ima.ts';

/** Demands that a list meets, and the records that no demand can accept. */
export interface CapturedImaPolicy {
  readonly policy: ImaPolicy;
  /** Names of files that changed while they were measured, or whose digests are of a kind that no policy takes. */
  readonly leftOut: readonly string[];
}

/**
 * The narrowest policy that accepts the files and buffers of this list: each by its path and digest, what has no path by its digest alone. What
 * the kernel measures is taken from the words of the proven command line that begin with `ima`; without them a person must say it. For
 * review: it accepts whatever the machine ran.
 */
export function capturedImaPolicy({ records }: VerifiedIma, commandLines: readonly string[]): CapturedImaPolicy {
  const measured = records.filter((record) => !record.isViolation && !isBootAggregate(record));
  const files = new Map<string, Set<string>>();
  const buffers = new Map<string, Set<string>>();
  const digests = new Set<string>();
  const leftOut = new Set(records.filter(({ isViolation }) => isViolation).map(recordName));
  for (const record of measured) {
    const name = recordName(record);
    const { buffer } = record.fields;
    const digest = acceptedDigest(record);
    if (buffer !== undefined) add(buffers, name, sha256Hex(buffer));
    else if (digest === undefined) leftOut.add(name);
    else if (name.startsWith('/')) add(files, name, digest);
    else digests.add(digest);
  }
  const [line, ...others] = commandLines;
  const words = line === undefined || others.length > 0 ? [] : line.split(/[ \t\n]+/);
  const entries = Object.entries(listsOf(buffers));
  const policy: ImaPolicy = {
    measurementPolicy: { commandLineTokens: words.filter((word) => word.startsWith('ima')), files: {} },
    violations: 'refuse',
    digests: [...digests],
    files: listsOf(files),
    signatureKeys: [],
    keyrings: Object.fromEntries(entries.filter(([name]) => name.startsWith('.'))),
    buffers: Object.fromEntries(entries.filter(([name]) => !name.startsWith('.'))),
    excludes: [],
  };
  return { policy, leftOut: [...leftOut] };
}

const TAKEN = /^(?:verity:)?sha(?:256|384|512):/;

function acceptedDigest(record: ImaRecord): string | undefined {
  const digest = fileDigest(record);
  return digest !== undefined && TAKEN.test(digest) ? digest : undefined;
}

function add(into: Map<string, Set<string>>, name: string, item: string): void {
  const items = into.get(name) ?? new Set();
  into.set(name, items.add(item));
}

const listsOf = (sets: ReadonlyMap<string, ReadonlySet<string>>): Record<string, string[]> =>
  Object.fromEntries([...sets].toSorted(([a], [b]) => (a < b ? -1 : 1)).map(([name, items]) => [name, [...items]]));
