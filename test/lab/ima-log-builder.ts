import { concatBytes, utf8 } from '#core/bytes.ts';
import { digest, type HashName } from '#core/digest.ts';

import { littleEndian } from './event-log-builder.ts';

/** One record to be written. */
export interface BuiltImaRecord {
  readonly template: string;
  readonly fields: readonly Uint8Array[];
  readonly pcr?: number;
  /** In place of the hash of the fields. */
  readonly templateHash?: Uint8Array;
}

/** d-ng: `algorithm:` NUL digest. */
export function digestField(prefix: string, value: Uint8Array): Uint8Array {
  return concatBytes(utf8(`${prefix}:\0`), value);
}

/** n-ng: a string and its NUL. */
export function nameField(name: string): Uint8Array {
  return utf8(`${name}\0`);
}

/** A record of a file at `path` whose SHA-256 is `fileDigest`, by template ima-ng. */
export function imaNg(path: string, fileDigest: Uint8Array): BuiltImaRecord {
  return { template: 'ima-ng', fields: [digestField('sha256', fileDigest), nameField(path)] };
}

/** Template data: each field with its length. */
export function templateData(fields: readonly Uint8Array[]): Uint8Array {
  return concatBytes(...fields.map((field) => concatBytes(littleEndian(field.byteLength, 4), field)));
}

/** A binary measurement list whose template hashes are by `listHash`. */
export function imaLog(records: readonly BuiltImaRecord[], listHash: HashName = 'sha1'): Uint8Array {
  return concatBytes(...records.map((record) => imaRecord(record, listHash)));
}

function imaRecord({ template, fields, pcr = 10, templateHash }: BuiltImaRecord, listHash: HashName): Uint8Array {
  const data = templateData(fields);
  return concatBytes(
    littleEndian(pcr, 4),
    templateHash ?? digest(listHash, data),
    littleEndian(template.length, 4),
    utf8(template),
    littleEndian(data.byteLength, 4),
    data,
  );
}
