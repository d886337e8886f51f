import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { type Bytes, fromHex, toHex } from '#core/bytes.ts';
import { encodePem } from '#pki/x509/pem.ts';
import { publicAreaSpki } from '#tpm2/public-key.ts';
import { labTpm } from '#test/lab/software-tpm.ts';
import type { LabAkKind } from '#test/lab/tpm-keys.ts';

const hasTools = spawnSync('tpm2_checkquote', ['--version']).status === 0;
if (!hasTools) console.warn('SKIPPED: tpm2_checkquote (tpm2-tools) is not installed');

const QUALIFYING = fromHex('5a'.repeat(32));
const PCRS = [0, 4, 7];

describe.skipIf(!hasTools)("the software TPM's quotes, judged by tpm2-tools", () => {
  let directory = '';
  beforeAll(() => {
    directory = mkdtempSync(join(tmpdir(), 'muster-checkquote-'));
  });
  afterAll(() => rmSync(directory, { recursive: true }));

  const file = (name: string, content: Bytes | string): string => {
    const path = join(directory, name);
    writeFileSync(path, content);
    return path;
  };

  /** The exit status of tpm2_checkquote over a quote of `tpm` and these PCR values. */
  const check = (ak: LabAkKind, nonce: Bytes, changeLast: boolean): number | null => {
    const tpm = labTpm({ ak });
    tpm.extend(4, fromHex('01'));
    const { quoted, signature } = tpm.quote({ qualifyingData: QUALIFYING, bank: 'sha256', pcrs: PCRS });
    const values = Object.values(tpm.readPcrs('sha256', PCRS)).map(fromHex);
    if (changeLast) values.splice(2, 1, fromHex('ff'.repeat(32)));
    const options = {
      '--public': file('ak.pem', encodePem('PUBLIC KEY', publicAreaSpki(tpm.akArea))),
      '--message': file('quoted', quoted),
      '--signature': file('signature', signature),
      '--pcr': file('pcrs', pcrFile(values)),
      '--qualification': toHex(nonce),
      '--hash-algorithm': ak === 'p384' ? 'sha384' : 'sha256',
    };
    return spawnSync('tpm2_checkquote', Object.entries(options).flat()).status;
  };

  test.each<LabAkKind>(['p256', 'p384', 'rsassa'])(
    '%s is accepted, and refused for another nonce or PCR value',
    (ak) => {
      expect(check(ak, QUALIFYING, false)).toBe(0);
      expect(check(ak, fromHex('a5'.repeat(32)), false)).not.toBe(0);
      expect(check(ak, QUALIFYING, true)).not.toBe(0);
    },
  );
});

/** What `tpm2_quote -o` writes: TPML_PCR_SELECTION, a count, TPML_DIGEST, as tpm2-tss holds them in memory (little-endian). */
function pcrFile(values: readonly Bytes[]): Bytes {
  const out = Buffer.alloc(4 + 16 * 8 + 4 + 4 + 8 * 66);
  out.writeUInt32LE(1, 0);
  out.writeUInt16LE(0x000b, 4);
  out.writeUInt8(3, 6);
  for (const pcr of PCRS) out[7 + (pcr >> 3)] = (out[7 + (pcr >> 3)] ?? 0) | (1 << (pcr & 7));
  out.writeUInt32LE(1, 132);
  out.writeUInt32LE(values.length, 136);
  values.forEach((value, n) => {
    out.writeUInt16LE(value.byteLength, 140 + n * 66);
    out.set(value, 142 + n * 66);
  });
  return out;
}
