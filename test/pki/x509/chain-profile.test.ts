import { describe, expect, test } from 'vitest';

import type { Bytes } from '#core/bytes.ts';
import { type ChainInput } from '#pki/x509/chain.ts';
import { FOREIGN_CHAIN, STRICT_CHAIN } from '#pki/x509/chain-policy.ts';
import {
  boolean,
  generalizedTime,
  integer,
  octetString,
  sequence,
  tagged,
  taggedPrimitive,
} from '#pki/x509/der-writer.ts';
import {
  authorityKeyIdentifier,
  basicConstraints,
  directoryName,
  dnsName,
  extension,
  keyUsage,
  subjectAltName,
  subjectKeyIdentifier,
} from '#pki/x509/extension-writer.ts';
import { EMPTY_NAME } from '#pki/x509/name-writer.ts';
import { EXTENSION } from '#pki/x509/oids.ts';
import { ANY_PURPOSE } from '#pki/x509/purpose.ts';

import { NOT_AFTER, NOT_BEFORE, tbsElements } from './lab.ts';
import { hex } from './outcome.ts';

import { type Change, instead, plus, told, verify, withIssuer, withLeaf, without, withRoot } from './chain-lab.ts';

describe("RFC 5280 §4's demands on conforming CAs", () => {
  const constraints = (critical: boolean): Bytes =>
    extension(EXTENSION.nameConstraints, critical, sequence(tagged(0, sequence(dnsName('example.com')))));
  const other = subjectKeyIdentifier(hex('00'));
  const asCa =
    (name: Bytes): Change =>
    (good) => ({ ...good, basicConstraints: basicConstraints('unlimited'), name });
  const inGeneralizedTime = (tbs: Bytes): Bytes =>
    sequence(...tbsElements(tbs).toSpliced(4, 1, sequence(generalizedTime(NOT_BEFORE), generalizedTime(NOT_AFTER))));

  test.each<[string, Partial<ChainInput>, string]>([
    ['version 1', withLeaf({ tbs: (tbs) => sequence(...tbsElements(tbs).slice(1, -1)) }), '0 version'],
    ['a GeneralizedTime before 2050', withLeaf({ tbs: inGeneralizedTime }), '0 time-form'],
    [
      'a CA with an empty subject',
      {
        ...withLeaf({ subject: EMPTY_NAME, extensions: asCa(subjectAltName(true, dnsName('a.example'))) }),
        purpose: ANY_PURPOSE,
      },
      '0 subject-empty',
    ],
    ['a serial of zero', withLeaf({ serial: hex('00') }), '0 serial'],
    ['a serial of 21 bytes', withLeaf({ serial: hex('ff'.repeat(20)) }), '0 serial'],
    ['an empty issuer', { ...withIssuer({ subject: EMPTY_NAME }), policy: STRICT_CHAIN }, '0 issuer-empty'],
    ['an empty subject without alternative name', withLeaf({ subject: EMPTY_NAME }), '0 subject-empty'],
    [
      'an empty subject with an uncritical alternative name',
      withLeaf({ subject: EMPTY_NAME, extensions: plus(subjectAltName(false, dnsName('a.example'))) }),
      '0 alt-name-critical',
    ],
    [
      'an underscore in a host name',
      withLeaf({ extensions: plus(subjectAltName(false, dnsName('a_b.example'))) }),
      '0 alt-name-syntax',
    ],
    [
      'a host name that is a space',
      withLeaf({ extensions: plus(subjectAltName(false, dnsName(' '))) }),
      '0 alt-name-syntax',
    ],
    [
      'a mailbox without a host',
      withLeaf({ extensions: plus(subjectAltName(false, taggedPrimitive(1, Buffer.from('nobody')))) }),
      '0 alt-name-syntax',
    ],
    [
      'a relative URI',
      withLeaf({ extensions: plus(subjectAltName(false, taggedPrimitive(6, Buffer.from('/x')))) }),
      '0 alt-name-syntax',
    ],
    [
      'an empty directory name',
      withLeaf({ extensions: plus(subjectAltName(false, directoryName(EMPTY_NAME))) }),
      '0 alt-name-syntax',
    ],
    [
      'no authority key identifier',
      withLeaf({ extensions: without('authorityKeyIdentifier') }),
      '0 authority-key-identifier',
    ],
    [
      'an authority key identifier without the key',
      withLeaf({
        extensions: instead('authorityKeyIdentifier', extension(EXTENSION.authorityKeyIdentifier, false, sequence())),
      }),
      '0 authority-key-identifier',
    ],
    [
      'no subject key identifier in a CA',
      withIssuer({ extensions: without('subjectKeyIdentifier') }),
      '1 subject-key-identifier',
    ],
    [
      'uncritical basic constraints in a CA',
      withIssuer({
        extensions: instead('basicConstraints', extension(EXTENSION.basicConstraints, false, sequence(boolean(true)))),
      }),
      '1 basic-constraints',
    ],
    ['no key usage in a CA', withIssuer({ extensions: without('keyUsage') }), '1 key-usage'],
    [
      'keyCertSign in a leaf',
      withLeaf({ extensions: instead('keyUsage', keyUsage('digitalSignature', 'keyCertSign')) }),
      '0 key-usage',
    ],
    [
      'a path length in a leaf',
      withLeaf({
        extensions: instead('basicConstraints', extension(EXTENSION.basicConstraints, true, sequence(integer(0)))),
      }),
      '0 basic-constraints',
    ],
    ['name constraints in a leaf', withLeaf({ extensions: plus(constraints(true)) }), '0 ca-extension-on-leaf'],
    ['uncritical name constraints', withIssuer({ extensions: plus(constraints(false)) }), '1 must-be-critical'],
    [
      'a critical key identifier',
      withLeaf({
        extensions: instead(
          'subjectKeyIdentifier',
          extension(EXTENSION.subjectKeyIdentifier, true, octetString(hex('00'))),
        ),
      }),
      '0 must-not-be-critical',
    ],
  ])('%s', (_, change, expected) => {
    expect(told(verify(change))).toBe(expected.replace(/^/, 'profile-violated '));
  });

  test.each<[string, Partial<ChainInput>]>([
    [
      'an empty subject with a critical alternative name',
      withLeaf({ subject: EMPTY_NAME, extensions: plus(subjectAltName(true, dnsName('*.example'))) }),
    ],
    ['a root without authority key identifier', withRoot({ extensions: without('authorityKeyIdentifier') })],
  ])('%s meets them', (_, change) => {
    expect(told(verify(change))).toBe('accepted');
  });

  test.each<[string, Partial<ChainInput>]>([
    ['a leaf', withLeaf({ extensions: instead('authorityKeyIdentifier', authorityKeyIdentifier(hex('00'))) })],
    ['an intermediate', withIssuer({ extensions: instead('subjectKeyIdentifier', other) })],
    ['a root', withRoot({ extensions: instead('subjectKeyIdentifier', other) })],
  ])('%s whose key identifiers do not fit is refused by them, and not by §6', (_, change) => {
    expect(told(verify(change))).toMatch(/^authority-key-mismatch/);
    expect(told(verify({ ...change, policy: FOREIGN_CHAIN }))).toBe('accepted');
  });

  test('are not made where only §6 counts', () => {
    const change = withLeaf({ serial: hex('00'), extensions: without('authorityKeyIdentifier') });
    expect(told(verify({ ...change, policy: FOREIGN_CHAIN }))).toBe('accepted');
  });
});
