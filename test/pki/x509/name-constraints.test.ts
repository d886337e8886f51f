import { describe, expect, test } from 'vitest';

import { DerReader } from '#pki/x509/der-reader.ts';
import { sequence, tagged, taggedPrimitive } from '#pki/x509/der-writer.ts';
import type { GeneralName } from '#pki/x509/general-name.ts';
import { comparisonBudget, NameConstraintState } from '#pki/x509/name-constraints.ts';
import { readNameConstraints } from '#pki/x509/name-constraints-value.ts';
import { buildName, EMPTY_NAME, type NamePart } from '#pki/x509/name-writer.ts';
import { type Name, parseName } from '#pki/x509/name.ts';
import { ATTRIBUTE } from '#pki/x509/oids.ts';
import { addressMatches, dnsMatches, mailboxMatches, uriMatches } from '#pki/x509/subtree-match.ts';

import { hex, outcome } from './outcome.ts';

describe('a host', () => {
  test.each([
    ['a.example', 'a.example', 'inside'],
    ['b.a.example', 'a.example', 'inside'],
    ['A.EXAMPLE', 'a.example', 'inside'],
    ['a.example.', 'a.example', 'inside'],
    ['a.example', 'a.example.', 'inside'],
    ['a.example', '', 'inside'],
    ['ba.example', 'a.example', 'outside'],
    ['example', 'a.example', 'outside'],
    ['*.a.example', 'a.example', 'inside'],
    ['*.example', 'a.example', 'unsupported'],
    ['*.example', 'b.a.example', 'outside'],
    ['a.example', '.example', 'unsupported'],
    ['a..example', 'example', 'unsupported'],
    ['', 'example', 'unsupported'],
    ['10.0.0.1', 'example', 'unsupported'],
    [`${'a.'.repeat(127)}example`, 'example', 'unsupported'],
    [`${'a'.repeat(64)}.example`, 'example', 'unsupported'],
  ])('%s and the subtree %s: %s', (name, base, expected) => {
    expect(dnsMatches(name, base)).toBe(expected);
  });
});

describe('a mailbox', () => {
  test.each([
    ['u@a.example', 'u@a.example', 'inside'],
    ['u@A.example', 'u@a.example', 'inside'],
    ['U@a.example', 'u@a.example', 'unsupported'],
    ['v@a.example', 'u@a.example', 'outside'],
    ['u@b.example', 'u@a.example', 'outside'],
    ['u@a.example', 'a.example', 'inside'],
    ['u@b.a.example', 'a.example', 'outside'],
    ['u@b.a.example', '.a.example', 'inside'],
    ['u@a.example', '.a.example', 'outside'],
    ['u@a.example', '', 'unsupported'],
    ['u@a.example', '@a.example', 'unsupported'],
    ['a.example', 'a.example', 'unsupported'],
    ['u@v@a.example', 'a.example', 'unsupported'],
    ['@a.example', 'a.example', 'unsupported'],
    ['"u"@a.example', 'a.example', 'unsupported'],
    ['u v@a.example', 'a.example', 'unsupported'],
    ['u@[10.0.0.1]', 'a.example', 'unsupported'],
  ])('%s and the subtree %s: %s', (name, base, expected) => {
    expect(mailboxMatches(name, base)).toBe(expected);
  });
});

describe('a URI', () => {
  test.each([
    ['https://a.example/x', 'a.example', 'inside'],
    ['https://a.example:8443/x', 'a.example', 'inside'],
    ['https://user@a.example?x', 'a.example', 'inside'],
    ['https://b.a.example/', 'a.example', 'outside'],
    ['https://b.a.example/', '.a.example', 'inside'],
    ['https://a.example@b.example/', 'a.example', 'outside'],
    ['https://a.example#@b.example/', 'a.example', 'inside'],
    ['https://10.0.0.1/', 'a.example', 'unsupported'],
    ['https://[::1]/', 'a.example', 'unsupported'],
    ['urn:muster:x', 'a.example', 'unsupported'],
    ['mailto:u@a.example', 'a.example', 'unsupported'],
    ['//a.example/', 'a.example', 'unsupported'],
    ['https://a.example/', 'https://a.example', 'unsupported'],
    ['https://a.example/', '', 'unsupported'],
  ])('%s and the subtree %s: %s', (name, base, expected) => {
    expect(uriMatches(name, base)).toBe(expected);
  });
});

describe('an address', () => {
  test.each([
    ['0a000001', '0a000000 ff000000', 'inside'],
    ['0b000001', '0a000000 ff000000', 'outside'],
    ['0b000001', '00000000 00000000', 'inside'],
    ['0a000001', `${'00'.repeat(32)}`, 'outside'],
    [`20010db8${'00'.repeat(12)}`, `20010db8${'00'.repeat(12)} ffffffff${'00'.repeat(12)}`, 'inside'],
    [`${'00'.repeat(10)}ffff0a000001`, `${'00'.repeat(32)}`, 'unsupported'],
  ])('%s and the subtree %s: %s', (name, base, expected) => {
    expect(addressMatches(hex(name), hex(base))).toBe(expected);
  });
});

describe('the value of the extension', () => {
  const value = (base: Buffer): Buffer => sequence(tagged(0, sequence(base)));

  test.each([
    ['a host', value(taggedPrimitive(2, Buffer.from('a'))), 'accepted'],
    ['an IPv4 network', value(taggedPrimitive(7, hex('0a000000ff000000'))), 'accepted'],
    ['a mask with a gap', value(taggedPrimitive(7, hex('0a000000ff00ff00'))), 'bad-value'],
    ['a mask with a gap inside a byte', value(taggedPrimitive(7, hex('0a000000fa000000'))), 'bad-value'],
    ['an address without a mask', value(taggedPrimitive(7, hex('0a000000'))), 'bad-value'],
    ['an address of twelve bytes', value(taggedPrimitive(7, Buffer.alloc(12))), 'bad-value'],
    ['an empty list', sequence(tagged(0)), 'truncated'],
    ['nothing', sequence(), 'bad-value'],
  ])('with %s: %s', (_, der, expected) => {
    expect(outcome(() => readNameConstraints(new DerReader(der, 'test')))).toBe(expected);
  });
});

describe('constraints on a certificate', () => {
  const host = (text: string): GeneralName => ({ kind: 'dNSName', text });
  const directory = (...parts: readonly NamePart[]): Name => parseName(buildName(...parts));
  const inOrganization = (text: string): GeneralName => ({
    kind: 'directoryName',
    name: directory([ATTRIBUTE.organization, text]),
  });
  const subject = directory([ATTRIBUTE.organization, 'Muster'], [ATTRIBUTE.commonName, 'a']);
  const anonymous = parseName(EMPTY_NAME);

  function verdict(
    constraints: { readonly permitted?: readonly GeneralName[]; readonly excluded?: readonly GeneralName[] },
    name: Name,
    ...names: readonly GeneralName[]
  ): string {
    const state = new NameConstraintState(comparisonBudget());
    state.impose({ permitted: constraints.permitted ?? [], excluded: constraints.excluded ?? [] });
    return state.check({ subject: name, extensions: { all: new Map(), subjectAltName: names } }) ?? 'allowed';
  }

  test.each([
    [
      'a host inside one of two',
      verdict({ permitted: [host('b.example'), host('a.example')] }, anonymous, host('a.example')),
      'allowed',
    ],
    [
      'a host inside the first of two',
      verdict({ permitted: [host('a.example'), host('b.example')] }, anonymous, host('a.example')),
      'allowed',
    ],
    [
      'a host outside both',
      verdict({ permitted: [host('b.example'), host('a.example')] }, anonymous, host('c.example')),
      'name-not-permitted',
    ],
    [
      'a host that is excluded and permitted',
      verdict({ permitted: [host('example')], excluded: [host('a.example')] }, anonymous, host('a.example')),
      'name-excluded',
    ],
    [
      'one of two hosts outside',
      verdict({ permitted: [host('a.example')] }, anonymous, host('a.example'), host('b.example')),
      'name-not-permitted',
    ],
    ['a name of another form', verdict({ permitted: [host('a.example')] }, subject), 'allowed'],
    [
      'a wildcard on both sides of what is excluded',
      verdict({ excluded: [host('a.example')] }, anonymous, host('*.example')),
      'name-constraint-unsupported',
    ],
    ['a subject inside', verdict({ permitted: [inOrganization('MUSTER')] }, subject), 'allowed'],
    ['a subject outside', verdict({ permitted: [inOrganization('Other')] }, subject), 'name-not-permitted'],
    ['a subject excluded', verdict({ excluded: [inOrganization('muster')] }, subject), 'name-excluded'],
    ['an empty subject', verdict({ permitted: [inOrganization('Other')] }, anonymous), 'allowed'],
    [
      'a mailbox in the subject',
      verdict(
        { permitted: [{ kind: 'rfc822Name', text: 'a.example' }] },
        directory([ATTRIBUTE.emailAddress, 'u@b.example']),
      ),
      'name-not-permitted',
    ],
    [
      'a URI',
      verdict({ permitted: [{ kind: 'uniformResourceIdentifier', text: 'a.example' }] }, anonymous, {
        kind: 'uniformResourceIdentifier',
        text: 'https://a.example/',
      }),
      'allowed',
    ],
    [
      'an address',
      verdict({ excluded: [{ kind: 'iPAddress', address: hex('0a000000ff000000') }] }, anonymous, {
        kind: 'iPAddress',
        address: hex('0a000001'),
      }),
      'name-excluded',
    ],
    [
      'a form that is not compared',
      verdict({ excluded: [{ kind: 'registeredID', oid: '1.2.3' }] }, anonymous, {
        kind: 'registeredID',
        oid: '1.2.4',
      }),
      'name-constraint-unsupported',
    ],
  ])('%s', (_, got, expected) => {
    expect(got).toBe(expected);
  });
});
