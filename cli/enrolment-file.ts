import { readFileSync } from 'node:fs';
import { dirname, extname, resolve } from 'node:path';

import { isMap, isScalar, isSeq, LineCounter, parseDocument } from 'yaml';

import { toBase64Url } from '#core/bytes.ts';
import { CommandFailure, EXIT } from '#core/exit-code.ts';
import { ENROLMENT_MAX, type EnrolmentRequestBody, enrolmentSchema } from '#protocol/enrolment.ts';

import { CsvFormatError, parseCsv } from './csv.ts';
import { EkCertificateFileError, readEkCertificate } from './ek-certificate-file.ts';
import { PublicKeyFileError, readPublicKey } from './public-key-file.ts';

export type EnrolmentBody = EnrolmentRequestBody['nodes'][number];

/** One node that a file asks to enrol, and the line it stands on. */
export interface EnrolmentLine {
  readonly line: number;
  readonly node: EnrolmentBody;
}

/** A line that cannot be used, and why. */
export interface BadLine {
  readonly line: number;
  readonly reason: string;
}

export interface EnrolmentFile {
  readonly lines: readonly EnrolmentLine[];
  readonly bad: readonly BadLine[];
}

interface RawLine {
  readonly line: number;
  readonly values: ReadonlyMap<string, string>;
}

const COLUMNS = ['name', 'pool', 'ekCertificate', 'ekPublicHash', 'publicKey'];

/**
 * The nodes that a `.csv` or `.json` file asks to enrol, and every line that cannot be used: a member that is not known or not in its
 * form, an EK certificate file or a public key file that is missing or not one, a name or a key that an earlier line has. `ekCertificate` and
 * `publicKey` are paths, relative to the file. Throws CommandFailure when the file as a whole cannot be read.
 */
export function readEnrolmentFile(file: string): EnrolmentFile {
  const text = readText(file);
  const { raw, bad } = extname(file).toLowerCase() === '.json' ? readJsonLines(file, text) : readCsvLines(file, text);
  if (raw.length > ENROLMENT_MAX) {
    throw new CommandFailure(
      EXIT.dataRefused,
      `${file} has ${raw.length} nodes; one enrolment takes ${ENROLMENT_MAX}`,
      'Split it.',
    );
  }
  const lines: EnrolmentLine[] = [];
  const faults: BadLine[] = [...bad];
  const seen = new Map<string, number>();
  for (const { line, values } of raw) {
    const outcome = buildEnrolment(values, dirname(file));
    if (typeof outcome === 'string') faults.push({ line, reason: outcome });
    else {
      const clash = findClash(outcome, seen, line);
      if (clash === undefined) lines.push({ line, node: outcome });
      else faults.push({ line, reason: clash });
    }
  }
  return { lines, bad: faults.toSorted((a, b) => a.line - b.line) };
}

/** What the API is to be told of one node, or the reason why nothing can be. Certificate paths are relative to `folder`. */
export function buildEnrolment(values: ReadonlyMap<string, string>, folder: string): EnrolmentBody | string {
  const unknown = [...values.keys()].filter((key) => !COLUMNS.includes(key));
  if (unknown.length > 0) return `unknown member ${unknown.join(', ')}: ${COLUMNS.join(', ')} are known`;
  const path = values.get('ekCertificate');
  const hash = values.get('ekPublicHash');
  const keyPath = values.get('publicKey');
  try {
    const body = {
      name: values.get('name') ?? '',
      pool: values.get('pool') ?? '',
      ...(path === undefined ? {} : { ekCertificate: toBase64Url(readEkCertificate(resolve(folder, path))) }),
      ...(hash === undefined ? {} : { ekPublicHash: hash }),
      ...(keyPath === undefined ? {} : { measurementKey: toBase64Url(readPublicKey(resolve(folder, keyPath))) }),
    };
    const parsed = enrolmentSchema.safeParse(body);
    if (parsed.success) return body;
    return parsed.error.issues.map((issue) => [...issue.path, issue.message].join(': ')).join('; ');
  } catch (error) {
    if (error instanceof PublicKeyFileError) return `publicKey: ${keyPath ?? ''}: ${error.message}`;
    if (error instanceof EkCertificateFileError) return `ekCertificate: ${path ?? ''}: ${error.message}`;
    throw error;
  }
}

function findClash(node: EnrolmentBody, seen: Map<string, number>, line: number): string | undefined {
  const marks: readonly (readonly [mark: string, what: string])[] = [
    [`name ${node.name}`, `name ${node.name}`],
    [`key ${node.ekCertificate ?? node.ekPublicHash ?? node.measurementKey ?? ''}`, 'this key'],
  ];
  const clash = marks.find(([mark]) => seen.has(mark));
  if (clash !== undefined) return `${clash[1]} is on line ${seen.get(clash[0])} already`;
  for (const [mark] of marks) seen.set(mark, line);
  return undefined;
}

function readCsvLines(file: string, text: string): { raw: readonly RawLine[]; bad: readonly BadLine[] } {
  try {
    const [header, ...records] = parseCsv(text);
    const columns = header?.fields.map((name) => name.trim()) ?? [];
    if (!columns.includes('name') || !columns.includes('pool') || new Set(columns).size !== columns.length) {
      throw new CommandFailure(
        EXIT.dataRefused,
        `${file}:1: the first line must name the columns, each once: ${COLUMNS.join(',')}`,
      );
    }
    const full = records.filter((record) => record.fields.length === columns.length);
    const bad = records
      .filter((record) => record.fields.length !== columns.length)
      .map(({ line, fields }) => ({
        line,
        reason: `${fields.length} fields where the first line has ${columns.length}`,
      }));
    const raw = full.map(({ line, fields }) => ({
      line,
      values: new Map(
        columns.map((name, at) => [name, (fields[at] ?? '').trim()] as const).filter(([, value]) => value !== ''),
      ),
    }));
    return { raw, bad };
  } catch (error) {
    if (error instanceof CsvFormatError)
      throw new CommandFailure(EXIT.dataRefused, `${file}:${error.line}: ${error.message}`);
    throw error;
  }
}

function readJsonLines(file: string, text: string): { raw: readonly RawLine[]; bad: readonly BadLine[] } {
  const counter = new LineCounter();
  // JSON is YAML's flow style; this parser keeps the lines, and JSON.parse makes sure that it is JSON.
  const document = parseDocument(text, { lineCounter: counter, schema: 'json', uniqueKeys: true });
  const fault = document.errors[0];
  if (fault !== undefined || !isJson(text)) {
    throw new CommandFailure(EXIT.dataRefused, `${file}:${fault?.linePos?.[0].line ?? 1}: not JSON`);
  }
  if (!isSeq(document.contents)) {
    throw new CommandFailure(
      EXIT.dataRefused,
      `${file}: a JSON array of objects is needed, each with ${COLUMNS.join(', ')}`,
    );
  }
  const raw: RawLine[] = [];
  const bad: BadLine[] = [];
  for (const item of document.contents.items) {
    const line = counter.linePos(isMap(item) || isScalar(item) || isSeq(item) ? (item.range?.[0] ?? 0) : 0).line;
    const values = isMap(item) ? stringMembers(item.toJSON()) : undefined;
    if (values === undefined) bad.push({ line, reason: 'an object whose members are strings is needed' });
    else raw.push({ line, values });
  }
  return { raw, bad };
}

function stringMembers(value: unknown): ReadonlyMap<string, string> | undefined {
  const entries = typeof value === 'object' && value !== null ? Object.entries(value) : [];
  const strings = entries.filter((entry): entry is [string, string] => typeof entry[1] === 'string');
  return strings.length === entries.length ? new Map(strings) : undefined;
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

function readText(file: string): string {
  if (!['.csv', '.json'].includes(extname(file).toLowerCase())) {
    throw new CommandFailure(EXIT.usage, `${file}: a .csv or a .json file is needed`);
  }
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : 'unreadable';
    throw new CommandFailure(EXIT.dataRefused, `${file} cannot be read (${code})`);
  }
}
