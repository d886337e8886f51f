import type { DerReader } from './der-reader.ts';
import { type GeneralName, readGeneralName } from './general-name.ts';

/** One place where more is to be had. Nothing in this system ever goes there. */
export interface AccessDescription {
  readonly method: string;
  readonly location: GeneralName;
}

/** The value of an authority or subject information access extension (RFC 5280 §4.2.2): at least one description. */
export function readInfoAccess(reader: DerReader): readonly AccessDescription[] {
  const list = reader.sequence('InfoAccess');
  const descriptions: AccessDescription[] = [];
  do {
    const inner = list.sequence('AccessDescription');
    descriptions.push({ method: inner.oid(), location: readGeneralName(inner) });
    inner.end();
  } while (list.remaining > 0);
  return descriptions;
}
