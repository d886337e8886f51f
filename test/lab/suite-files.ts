import { readFileSync } from 'node:fs';

import type { Bytes } from '#core/bytes.ts';

/** The first PEM block of a file of an outside suite, which may have other text around it. */
export function firstPemBlock(path: string): Bytes {
  const match = /-----BEGIN [A-Z0-9 ]+-----([A-Za-z0-9+/=\s]+)-----END/.exec(readFileSync(path, 'latin1'));
  return Buffer.from(match?.[1] ?? '', 'base64');
}

/** Codes of the warnings, errors and fatal findings in the CSV behind a pkilint sample's PEM block. */
export function pkilintErrors(path: string): readonly string[] {
  const text = readFileSync(path, 'utf8');
  const rows = text.slice(text.indexOf('node_path,')).split('\n').slice(1);
  return rows.flatMap((row) => {
    const [, , severity = '', code = ''] = row.split(',');
    return /^(?:WARNING|ERROR|FATAL)$/.test(severity) ? [code] : [];
  });
}
