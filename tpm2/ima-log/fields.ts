import type { Bytes } from '#core/bytes.ts';
import { unreachable } from '#core/never.ts';

import type { Reader } from '../reader.ts';
import { type ImaDigest, readFileDigest } from './file-digest.ts';
import type { ImaField } from './template.ts';

/** What a record says, by its template's fields. All byte strings are views into the log. */
export interface ImaFields {
  /** d, d-ng or d-ngv2. */
  readonly digest?: ImaDigest;
  /** n or n-ng: a path, or the name of an event; any bytes but NUL. Spaces in it are underscores if the kernel says so. */
  readonly name?: Bytes;
  /** sig: an imasig (`parseImaSignature`); absent if the file has none. */
  readonly signature?: Bytes;
  /** buf: the measured buffer; `digest` is said to be of it, which nobody here has checked. */
  readonly buffer?: Bytes;
  /** d-modsig and modsig: absent if the file has no appended signature. */
  readonly modsigDigest?: ImaDigest;
  readonly modsig?: Bytes;
  /** What evm-sig adds, in the kernel's own encoding: numbers little-endian, `xattrNames` separated by bars with a NUL at the end. */
  readonly evmSignature?: Bytes;
  readonly xattrNames?: Bytes;
  readonly xattrLengths?: Bytes;
  readonly xattrValues?: Bytes;
  readonly uid?: Bytes;
  readonly gid?: Bytes;
  readonly mode?: Bytes;
}

const EVM_FIELD = {
  evmsig: 'evmSignature',
  xattrnames: 'xattrNames',
  xattrlengths: 'xattrLengths',
  xattrvalues: 'xattrValues',
  iuid: 'uid',
  igid: 'gid',
  imode: 'mode',
} as const;

const MAX_NAME = 4096 + 1;

interface FieldsInput {
  readonly template: readonly ImaField[];
  readonly isViolation: boolean;
}

/** The fields of one record's template data, each a little-endian 32-bit length and as many bytes. Throws Tpm2FormatError. */
export function readImaFields(reader: Reader, { template, isViolation }: FieldsInput): ImaFields {
  const fields: { -readonly [name in keyof ImaFields]: ImaFields[name] } = {};
  for (const field of template) {
    const length = reader.u32Le();
    switch (field) {
      case 'd':
      case 'd-ng':
      case 'd-ngv2':
        if (fields.digest !== undefined) throw reader.fail('bad-value');
        fields.digest = readFileDigest(reader, { field, length, isViolation });
        break;
      case 'n':
      case 'n-ng':
        if (fields.name !== undefined) throw reader.fail('bad-value');
        fields.name = readName(reader, length);
        break;
      case 'd-modsig':
        if (length > 0) fields.modsigDigest = readFileDigest(reader, { field, length, isViolation });
        break;
      case 'sig':
        if (length > 0) fields.signature = reader.bytes(length);
        break;
      case 'modsig':
        if (length > 0) fields.modsig = reader.bytes(length);
        break;
      case 'buf':
        fields.buffer = reader.bytes(length);
        break;
      case 'evmsig':
      case 'xattrnames':
      case 'xattrlengths':
      case 'xattrvalues':
      case 'iuid':
      case 'igid':
      case 'imode':
        fields[EVM_FIELD[field]] = reader.bytes(length);
        break;
      default:
        unreachable(field);
    }
  }
  return fields;
}

/** A string that ends with its only NUL, without it. */
function readName(reader: Reader, length: number): Bytes {
  if (length === 0 || length > MAX_NAME) throw reader.fail('size-out-of-range');
  const name = reader.bytes(length - 1);
  if (name.includes(0) || reader.u8() !== 0) throw reader.fail('bad-value');
  return name;
}
