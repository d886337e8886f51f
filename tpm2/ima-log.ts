import type { Bytes } from '#core/bytes.ts';
import { DIGEST_SIZE, type HashName } from '#core/digest.ts';
import { runToEnd, type Steps } from '#core/steps.ts';

import { type ImaFields, readImaFields } from './ima-log/fields.ts';
import { readLatin1 } from './ima-log/latin1.ts';
import { templateFields } from './ima-log/template.ts';
import { Reader } from './reader.ts';

/**
 * One entry of an IMA measurement list. The list is unsigned: what is in a record is proven once `provenPrefix` covers it, and of a
 * violation only that there was one.
 */
export interface ImaRecord {
  readonly templateName: string;
  /** The kernel extended PCR 10 with ones instead of a digest: somebody could write to the file while it was measured. */
  readonly isViolation: boolean;
  /** The template hash that the list itself gives; nothing compares it with the data. */
  readonly unverifiedTemplateHash: Bytes;
  /** What the template hash is computed over. */
  readonly templateData: Bytes;
  readonly fields: ImaFields;
}

/** The PCR that the kernel extends. */
export const IMA_PCR = 10;

/** Largest list in bytes. A longer one is sent in parts: `provenPrefix` goes on from an earlier value. */
export const MAX_IMA_LOG_SIZE = 16 << 20;
const MAX_RECORDS = 100_000;
/** Some tenths of a millisecond of work. */
export const RECORDS_A_STEP = 64;
const MAX_TEMPLATE_DATA = 256 << 10;
const MAX_TEMPLATE_NAME = 128;

/**
 * The IMA list in `bytes` (/sys/kernel/security/ima/binary_runtime_measurements), little-endian, read to its last byte. `listHash` is the
 * hash of the template hashes in the file: SHA-1, but for a file named after another bank. Every record is PCR 10's, of a template whose
 * fields are known, and its data is exactly those fields. Throws Tpm2FormatError; the legacy template `ima` is 'unknown-selector'.
 */
export const parseImaLog = (bytes: Bytes, listHash: HashName = 'sha1'): readonly ImaRecord[] =>
  runToEnd(imaLogInSteps(bytes, listHash));

/** As `parseImaLog`; a list may be long. */
export function* imaLogInSteps(bytes: Bytes, listHash: HashName): Steps<readonly ImaRecord[]> {
  // Views into a Buffer are Buffers, which cost several times as much to make.
  const reader = new Reader(new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength), 'IMA log');
  if (bytes.byteLength > MAX_IMA_LOG_SIZE) throw reader.fail('size-out-of-range');
  const records: ImaRecord[] = [];
  while (reader.remaining > 0) {
    if (records.length === MAX_RECORDS) throw reader.fail('count-out-of-range');
    records.push(readRecord(reader, DIGEST_SIZE[listHash]));
    if (records.length % RECORDS_A_STEP === 0) yield;
  }
  return records;
}

function readRecord(reader: Reader, hashSize: number): ImaRecord {
  if (reader.u32Le() !== IMA_PCR) throw reader.fail('bad-value');
  const unverifiedTemplateHash = reader.bytes(hashSize);
  const isViolation = unverifiedTemplateHash.every((octet) => octet === 0);
  const templateName = readTemplateName(reader);
  const template = templateFields(templateName);
  if (template === undefined) throw reader.fail('unknown-selector');
  const length = reader.u32Le();
  const at = reader.offset;
  const templateData = reader.bytes(length);
  if (length > MAX_TEMPLATE_DATA) throw reader.fail('size-out-of-range');
  const content = new Reader(templateData, 'IMA template data', at);
  const fields = readImaFields(content, { template, isViolation });
  content.end();
  return { templateName, isViolation, unverifiedTemplateHash, templateData, fields };
}

function readTemplateName(reader: Reader): string {
  const length = reader.u32Le();
  if (length > MAX_TEMPLATE_NAME) throw reader.fail('size-out-of-range');
  return readLatin1(reader, length);
}
