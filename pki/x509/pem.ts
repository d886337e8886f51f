import type { Bytes } from '#core/bytes.ts';

import { X509FormatError } from './format-error.ts';

/** One block: its label, and the bytes between the boundaries. */
export interface PemBlock {
  readonly label: string;
  readonly der: Bytes;
}

const BLOCK =
  /-----BEGIN ([A-Z0-9][A-Z0-9 ]{0,62}[A-Z0-9])-----\r?\n((?:[A-Za-z0-9+/=]{1,76}\r?\n)+)-----END \1-----(?:\r?\n|$)/y;
const GAP = /\s*/y;
const LINE = 64;

/**
 * The blocks of `text`, in order, at least one (RFC 7468 §3, strict but for line length): nothing but white space outside the blocks, no
 * headers, canonical base64. Throws X509FormatError `bad-pem`, or `too-large` over `maxBlocks`.
 */
export function parsePem(text: string, maxBlocks = 64): readonly PemBlock[] {
  const blocks: PemBlock[] = [];
  let at = skipGap(text, 0);
  do {
    if (blocks.length === maxBlocks) throw new X509FormatError('too-large', at, 'PEM');
    BLOCK.lastIndex = at;
    const match = BLOCK.exec(text);
    const [, label, body] = match ?? [];
    if (label === undefined || body === undefined) throw new X509FormatError('bad-pem', at, 'PEM');
    blocks.push({ label, der: decodeBody(body, at) });
    at = skipGap(text, BLOCK.lastIndex);
  } while (at < text.length);
  return blocks;
}

/** The DER of every block of `text`, all of which must be labelled `label`. */
export function parsePemOf(label: string, text: string, maxBlocks = 64): readonly Bytes[] {
  return parsePem(text, maxBlocks).map((block) => {
    if (block.label !== label) throw new X509FormatError('bad-pem', 0, `PEM ${label}`);
    return block.der;
  });
}

/** `der` as one PEM block that ends in a line feed. */
export function encodePem(label: string, der: Bytes): string {
  const base64 = Buffer.from(der.buffer, der.byteOffset, der.byteLength).toString('base64');
  let out = `-----BEGIN ${label}-----\n`;
  for (let at = 0; at < base64.length; at += LINE) out += `${base64.slice(at, at + LINE)}\n`;
  return `${out}-----END ${label}-----\n`;
}

function skipGap(text: string, at: number): number {
  GAP.lastIndex = at;
  GAP.exec(text);
  return GAP.lastIndex;
}

function decodeBody(body: string, at: number): Bytes {
  const base64 = body.replaceAll(/\r?\n/g, '');
  const der = Buffer.from(base64, 'base64');
  if (der.byteLength === 0 || der.toString('base64') !== base64) throw new X509FormatError('bad-pem', at, 'PEM');
  return der;
}
