import { describe, expect, test } from 'vitest';

import { encodePem, parsePem, parsePemOf } from '#pki/x509/pem.ts';

import { outcome } from './outcome.ts';

const DER = Buffer.from(Array.from({ length: 100 }, (_, i) => i));
const PEM = encodePem('CERTIFICATE', DER);

test('a block is written in lines of 64 and read back', () => {
  expect(PEM.split('\n').map((line) => line.length)).toEqual([27, 64, 64, 8, 25, 0]);
  expect(parsePem(PEM)).toEqual([{ label: 'CERTIFICATE', der: DER }]);
});

describe('reading', () => {
  test.each([
    ['one block', PEM],
    ['no line feed at the end', PEM.trimEnd()],
    ['carriage returns', PEM.replaceAll('\n', '\r\n')],
    ['white space around', `\n\n${PEM}\n \n`],
    ['two blocks', PEM + PEM],
    ['a line of 76', PEM.replace(/\n([A-Za-z0-9+/=]{64})\n([A-Za-z0-9+/=]{12})/, '\n$1$2\n')],
  ])('accepts %s', (_, text) => {
    expect(outcome(() => parsePem(text))).toBe('accepted');
  });

  test.each([
    ['nothing', ''],
    ['text before the block', `Subject: x\n${PEM}`],
    ['text after the block', `${PEM}x`],
    ['text between blocks', `${PEM}x\n${PEM}`],
    ['an encapsulated header', PEM.replace('-----\n', '-----\nProc-Type: 4,ENCRYPTED\n\n')],
    ['another label at the end', PEM.replace('END CERTIFICATE', 'END X509 CRL')],
    ['no end', PEM.slice(0, -30)],
    ['an empty block', '-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n'],
    ['a character outside base64', PEM.replace('AAEC', 'AA*C')],
    ['base64url', PEM.replace('AAEC', 'AA-C')],
    ['padding inside', PEM.replace('AAEC', 'AA==')],
    ['stray bits in the last character', '-----BEGIN CERTIFICATE-----\nAB==\n-----END CERTIFICATE-----\n'],
    ['missing padding', '-----BEGIN CERTIFICATE-----\nAA\n-----END CERTIFICATE-----\n'],
    ['a lower-case label', PEM.replaceAll('CERTIFICATE', 'certificate')],
    ['spaces in a line', PEM.replace('AAEC', 'AA EC')],
  ])('refuses %s', (_, text) => {
    expect(outcome(() => parsePem(text))).toBe('bad-pem');
  });

  test('refuses more blocks than the limit', () => {
    expect(outcome(() => parsePem(PEM.repeat(3), 3))).toBe('accepted');
    expect(outcome(() => parsePem(PEM.repeat(4), 3))).toBe('too-large');
  });

  test('of one label refuses another', () => {
    expect(parsePemOf('CERTIFICATE', PEM)).toEqual([DER]);
    expect(outcome(() => parsePemOf('CERTIFICATE', PEM + encodePem('X509 CRL', DER)))).toBe('bad-pem');
  });

  test('takes time in proportion to its input', () => {
    expect(outcome(() => parsePem(`-----BEGIN CERTIFICATE-----\n${'A'.repeat(76)}\n`.repeat(2000)))).toBe('bad-pem');
  });
});
