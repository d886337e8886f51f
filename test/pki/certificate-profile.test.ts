import { createPublicKey, verify } from 'node:crypto';
import { readFileSync } from 'node:fs';

import { describe, expect, test } from 'vitest';

import { toHex } from '#core/bytes.ts';
import { PURPOSE_SHAPES } from '#pki/lint/purpose.ts';
import { parseCertificate } from '#pki/x509/certificate.ts';
import { parsePemOf } from '#pki/x509/pem.ts';
import { exampleCertificate } from '#test/lab/example-certificate.ts';
import { fixedKey } from '#test/lab/fixed-keys.ts';
import { hasTool, runTool } from '#test/lab/foreign-tool.ts';

const page = readFileSync('docs/certificate-profile.md', 'utf8');
const pem = `${/-----BEGIN CERTIFICATE-----[^`]*-----END CERTIFICATE-----/.exec(page)?.[0] ?? ''}\n`;
const text = /```text\n(Certificate:[^`]*)```/.exec(page)?.[1] ?? '';

describe('the page on certificates', () => {
  test('prints a certificate that the same inputs make again, byte for byte but the signature', async () => {
    const [printed] = parsePemOf('CERTIFICATE', pem).map((der) => parseCertificate(der));
    const { der } = await exampleCertificate();
    expect(toHex(parseCertificate(der).tbs)).toBe(toHex(printed?.tbs ?? Buffer.alloc(0)));
    const publicKey = createPublicKey(fixedKey('issuing'));
    expect(verify('sha256', printed?.tbs ?? Buffer.alloc(0), publicKey, printed?.signature ?? Buffer.alloc(0))).toBe(
      true,
    );
  });

  test.skipIf(!hasTool('openssl'))('prints OpenSSL’s reading of it', () => {
    const { output } = runTool('openssl', 'x509', '-noout', '-text', '-nameopt', 'sep_comma_plus_space', '-in', {
      file: pem,
    });
    // Releases of OpenSSL differ in spaces.
    const squeezed = (value: string): string => value.replaceAll(/\s+/g, ' ').replaceAll(' = ', '=').trim();
    expect(squeezed(output)).toBe(squeezed(text));
  });

  test('gives each purpose the key usage that the code gives it', () => {
    const row = /\| keyUsage \| (keyCertSign.*) \|\n/.exec(page)?.[1]?.split(' | ');
    const purposes = ['node-root-ca', 'node-issuing-ca', 'management-ca', 'server', 'administrator'] as const;
    expect(row).toEqual(purposes.map((purpose) => PURPOSE_SHAPES[purpose].keyUsage.join(', ')));
  });
});
