import { expect, test } from 'vitest';

import { trimCertificate } from '#pki/x509/trim-certificate.ts';

import { leafDer, root } from './lab.ts';
import { hex, outcome } from './outcome.ts';

const CERTIFICATE = leafDer(root());
const LENGTH = CERTIFICATE.byteLength;
const header = (length: number): Buffer => Buffer.from([0x10, 0x01, 0x00, length >> 8, length & 0xff]);

test.each([
  ['nothing around it', CERTIFICATE],
  ['0xFF after it', Buffer.concat([CERTIFICATE, Buffer.alloc(431, 0xff)])],
  ['0x00 after it', Buffer.concat([CERTIFICATE, Buffer.alloc(431)])],
  ['a TCG header', Buffer.concat([header(LENGTH), CERTIFICATE])],
  ['a TCG header of its length, and fill', Buffer.concat([header(LENGTH), CERTIFICATE, Buffer.alloc(20, 0xff)])],
  [
    'a TCG header of its length with the fill',
    Buffer.concat([header(LENGTH + 20), CERTIFICATE, Buffer.alloc(20, 0xff)]),
  ],
])('a certificate with %s is found', (_, content) => {
  expect(Buffer.compare(trimCertificate(content), CERTIFICATE)).toBe(0);
});

test.each([
  ['nothing', hex(''), 'truncated'],
  ['fill alone', Buffer.alloc(32, 0xff), 'unexpected-tag'],
  ['other bytes after it', Buffer.concat([CERTIFICATE, hex('ff00')]), 'trailing-bytes'],
  ['another byte value as fill', Buffer.concat([CERTIFICATE, hex('aaaa')]), 'trailing-bytes'],
  ['a second certificate after it', Buffer.concat([CERTIFICATE, CERTIFICATE]), 'trailing-bytes'],
  ['its last byte missing', CERTIFICATE.subarray(0, -1), 'truncated'],
  ['a TCG header of another length', Buffer.concat([header(LENGTH + 1), CERTIFICATE]), 'bad-value'],
  ['a TCG header alone', header(0), 'truncated'],
  ['another header', Buffer.concat([hex('1001010000'), CERTIFICATE]), 'unexpected-tag'],
  ['an indefinite length', Buffer.concat([hex('3080'), CERTIFICATE.subarray(4), hex('0000')]), 'indefinite-length'],
])('%s is refused', (_, content, code) => {
  expect(outcome(() => trimCertificate(content))).toBe(code);
});
