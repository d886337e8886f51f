import { expect, test } from 'vitest';

import type { Bytes } from '#core/bytes.ts';
import { SIGNATURE_ALGORITHM } from '#pki/x509/algorithm-writer.ts';
import { crlKey, parseCrl } from '#pki/x509/crl.ts';
import { integer, nullValue, sequence } from '#pki/x509/der-writer.ts';
import { extension } from '#pki/x509/extension-writer.ts';
import { EXTENSION } from '#pki/x509/oids.ts';

import { crl, crlDer, crlNumber, issuingPoint } from './crl-lab.ts';
import { NOW, root } from './lab.ts';
import { hex, outcome } from './outcome.ts';

const CA = root();
const SERIAL = hex('1234');
const flag = (number: number): Bytes => Buffer.of(0x80 | number, 1, 0xff);

/** The list with its to-be-signed part under another tag. */
function asSet(der: Bytes): Bytes {
  const copy = Buffer.from(der);
  copy[copy.indexOf(parseCrl(der).tbs)] = 0x31;
  return copy;
}

test('a CRL comes apart into its fields', () => {
  const list = crl(CA, { entries: [{ serial: SERIAL, reason: 1 }, { serial: hex('80') }] });
  expect(list).toMatchObject({
    version: 2,
    unknownCritical: undefined,
    extensions: { isDelta: false, crlNumber: hex('01') },
  });
  expect(list.thisUpdate < NOW && NOW < (list.nextUpdate ?? NOW)).toBe(true);
  expect(list.entries.get(crlKey(SERIAL))?.reason).toBe(1);
  expect(list.entries.get(crlKey(hex('0080')))?.reason).toBeUndefined();
  expect(list.entries.size).toBe(2);
});

test.each<[string, Bytes, string]>([
  ['as it should be', crlDer(CA, { entries: [{ serial: SERIAL }] }), 'accepted'],
  ['whose content is a set', asSet(crlDer(CA)), 'unexpected-tag'],
  ['without entries', crlDer(CA), 'accepted'],
  ['without nextUpdate', crlDer(CA, { nextUpdate: undefined }), 'accepted'],
  ['of version 1', crlDer(CA, { version: [], extensions: [] }), 'accepted'],
  ['of version 1 spelled out', crlDer(CA, { version: [integer(0)] }), 'bad-value'],
  ['of version 3', crlDer(CA, { version: [integer(2)] }), 'bad-value'],
  ['of version 1 with extensions', crlDer(CA, { version: [] }), 'bad-value'],
  [
    'of version 1 with extensions in an entry',
    crlDer(CA, { version: [], extensions: [], entries: [{ serial: SERIAL, reason: 1 }] }),
    'trailing-bytes',
  ],
  ['with an empty list of entries', crlDer(CA, { rawEntries: sequence() }), 'truncated'],
  ['with a serial twice', crlDer(CA, { entries: [{ serial: SERIAL }, { serial: SERIAL }] }), 'duplicate'],
  ['with a serial of 22 bytes', crlDer(CA, { entries: [{ serial: hex('01'.repeat(22)) }] }), 'too-large'],
  ['with another algorithm inside', crlDer(CA, { innerAlgorithm: SIGNATURE_ALGORITHM.ecdsaSha384 }), 'bad-value'],
  ['with a reason that is not used', crlDer(CA, { entries: [{ serial: SERIAL, reason: 7 }] }), 'bad-value'],
  ['with a reason beyond the last', crlDer(CA, { entries: [{ serial: SERIAL, reason: 11 }] }), 'bad-value'],
  ['with a CRL number twice', crlDer(CA, { extensions: [crlNumber(1), crlNumber(1)] }), 'duplicate'],
  [
    'with a negative CRL number',
    crlDer(CA, { extensions: [extension(EXTENSION.crlNumber, false, hex('0201ff'))] }),
    'bad-value',
  ],
  [
    'with a CRL number of 21 bytes',
    crlDer(CA, { extensions: [extension(EXTENSION.crlNumber, false, hex(`0215 ${'01'.repeat(21)}`))] }),
    'too-large',
  ],
  ['with a scope that says nothing', crlDer(CA, { extensions: [issuingPoint()] }), 'bad-value'],
  ['for a reason that is not defined', crlDer(CA, { more: [issuingPoint(hex('8303060040'))] }), 'bad-value'],
  ['for users and for authorities at once', crlDer(CA, { extensions: [issuingPoint(flag(1), flag(2))] }), 'bad-value'],
  ['with a flag of false', crlDer(CA, { extensions: [issuingPoint(hex('810100'))] }), 'not-canonical'],
  ['with a byte after it', Buffer.concat([crlDer(CA), hex('00')]), 'trailing-bytes'],
  ['cut short', crlDer(CA).subarray(0, -1), 'truncated'],
])('a CRL %s', (_, der, expected) => {
  expect(outcome(() => parseCrl(der))).toBe(expected);
});

test.each<[string, Bytes, string | undefined]>([
  ['an unknown critical extension', crlDer(CA, { extensions: [extension('1.2.3', true, nullValue())] }), '1.2.3'],
  ['an unknown extension', crlDer(CA, { extensions: [extension('1.2.3', false, nullValue())] }), undefined],
  [
    'an unknown critical extension in an entry',
    crlDer(CA, { entries: [{ serial: SERIAL, extensions: [extension('1.2.3', true, nullValue())] }] }),
    '1.2.3',
  ],
  [
    'an entry for another issuer',
    crlDer(CA, {
      entries: [{ serial: SERIAL, extensions: [extension(EXTENSION.certificateIssuer, false, sequence())] }],
    }),
    EXTENSION.certificateIssuer,
  ],
])('a CRL with %s says so', (_, der, expected) => {
  expect(parseCrl(der).unknownCritical).toBe(expected);
});

test('a CRL over its limit is refused before it is read', () => {
  const der = crlDer(CA);
  expect(outcome(() => parseCrl(der, der.byteLength - 1))).toBe('too-large');
});
