import type { Bytes } from '#core/bytes.ts';

import type { DerReader } from './der-reader.ts';
import { type GeneralName, readGeneralName } from './general-name.ts';

/** The value of a name constraints extension (RFC 5280 §4.2.1.10). */
export interface NameConstraints {
  readonly permitted: readonly GeneralName[];
  readonly excluded: readonly GeneralName[];
}

/**
 * The value of a name constraints extension. Throws on one without subtrees, on a minimum or maximum (RFC 5280 allows neither), and on an
 * address constraint that is not an address with a contiguous mask.
 */
export function readNameConstraints(reader: DerReader): NameConstraints {
  const inner = reader.sequence('NameConstraints');
  const permitted = readSubtrees(inner, 0);
  const excluded = readSubtrees(inner, 1);
  inner.end();
  if (permitted.length + excluded.length === 0) throw inner.fail('bad-value');
  return { permitted, excluded };
}

function readSubtrees(reader: DerReader, number: number): readonly GeneralName[] {
  const list = reader.tagged(number, 'GeneralSubtrees');
  const bases: GeneralName[] = [];
  if (list === undefined) return bases;
  do {
    const subtree = list.sequence('GeneralSubtree');
    const start = subtree.offset;
    const base = readGeneralName(subtree);
    if (base.kind === 'iPAddress' && !isAddressAndMask(base.address)) throw subtree.fail('bad-value', start);
    if (subtree.remaining > 0) throw subtree.fail('bad-value');
    bases.push(base);
  } while (list.remaining > 0);
  return bases;
}

/** IPv4 or IPv6 address followed by as long a mask, whose one bits all stand before its zero bits. */
function isAddressAndMask(bytes: Bytes): boolean {
  if (bytes.byteLength !== 8 && bytes.byteLength !== 32) return false;
  const mask = Buffer.from(bytes.subarray(bytes.byteLength / 2)).toString('hex');
  return /^f*[08ce]?0*$/.test(mask);
}
