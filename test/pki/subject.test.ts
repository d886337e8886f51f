import { describe, expect, test } from 'vitest';

import type { NodeName } from '#core/ids.ts';
import { administratorOf, administratorSubject } from '#pki/administrator-subject.ts';
import { nodeSubject, subjectNode } from '#pki/subject.ts';
import { element, oid, printableString, sequence, setOf, utf8String } from '#pki/x509/der-writer.ts';
import { buildName } from '#pki/x509/name-writer.ts';
import { parseName } from '#pki/x509/name.ts';
import { ATTRIBUTE } from '#pki/x509/oids.ts';

const nodeOf = (der: Uint8Array) => subjectNode(parseName(der));
const attribute = (type: string, value: Uint8Array) => setOf(sequence(oid(type), value));

describe('the subject of a node', () => {
  test('is O=system:nodes, CN=system:node:<name>, both PrintableString', () => {
    const { rdns } = parseName(nodeSubject('worker-7.rack1' as NodeName));
    expect(rdns.map(([first]) => [first?.type, first?.tag, Buffer.from(first?.value ?? []).toString()])).toEqual([
      [ATTRIBUTE.organization, 0x13, 'system:nodes'],
      [ATTRIBUTE.commonName, 0x13, 'system:node:worker-7.rack1'],
    ]);
  });

  test('gives back the name it was made of, up to a CN of 64 characters', () => {
    const longest = `a${'b'.repeat(50)}c` as NodeName;
    expect(nodeOf(nodeSubject(longest))).toBe(longest);
    expect(`system:node:${longest}`).toHaveLength(64);
  });

  const organization = attribute(ATTRIBUTE.organization, printableString('system:nodes'));
  const commonName = attribute(ATTRIBUTE.commonName, printableString('system:node:a'));

  test.for<[string, Uint8Array, string | undefined]>([
    ['the form itself', sequence(organization, commonName), 'a'],
    ['the other order', sequence(commonName, organization), undefined],
    ['no organization', sequence(commonName), undefined],
    ['no common name', sequence(organization), undefined],
    ['nothing', sequence(), undefined],
    ['an attribute more', sequence(organization, organization, commonName), undefined],
    [
      'another organization',
      sequence(attribute(ATTRIBUTE.organization, printableString('system:masters')), commonName),
      undefined,
    ],
    [
      'another string type',
      sequence(organization, attribute(ATTRIBUTE.commonName, utf8String('system:node:a'))),
      undefined,
    ],
    ['no prefix', sequence(organization, attribute(ATTRIBUTE.commonName, printableString('a'))), undefined],
    ['no name', sequence(organization, attribute(ATTRIBUTE.commonName, printableString('system:node:'))), undefined],
    ['a capital', sequence(organization, attribute(ATTRIBUTE.commonName, printableString('system:node:A'))), undefined],
    [
      'a name of 53',
      sequence(organization, attribute(ATTRIBUTE.commonName, printableString(`system:node:${'a'.repeat(53)}`))),
      undefined,
    ],
    [
      'a NUL behind',
      sequence(organization, attribute(ATTRIBUTE.commonName, element(0x13, Buffer.from('system:node:a\0')))),
      undefined,
    ],
  ])('is read back from %s', ([, der, name]) => {
    expect(nodeOf(der)).toBe(name);
  });
});

describe('the subject of an administrator', () => {
  test('is O=muster:<role>, CN=<name>, and gives both back', () => {
    const administrator = { name: 'ada@example.com', role: 'policy-author' };
    expect(administratorOf(parseName(administratorSubject(administrator)))).toEqual(administrator);
  });

  test.for<[string, { name: string; role: string }]>([
    ['a Kubernetes name', { name: 'system:admin', role: 'operator' }],
    ['an empty name', { name: '', role: 'operator' }],
    ['a name that ends in a space', { name: 'ada ', role: 'operator' }],
    ['a name of 65 characters', { name: 'a'.repeat(65), role: 'operator' }],
    ['a line feed', { name: 'a\nb', role: 'operator' }],
    ['an empty role', { name: 'ada', role: '' }],
    ['a role with a colon', { name: 'ada', role: 'a:b' }],
    ['a role in capitals', { name: 'ada', role: 'Operator' }],
  ])('is not made for %s', ([, administrator]) => {
    expect(() => administratorSubject(administrator)).toThrow(RangeError);
  });

  test.for<[string, Uint8Array]>([
    ['another organization', buildName([ATTRIBUTE.organization, 'system:masters'], [ATTRIBUTE.commonName, 'ada'])],
    [
      'two roles',
      buildName(
        [ATTRIBUTE.organization, 'muster:a'],
        [ATTRIBUTE.organization, 'muster:b'],
        [ATTRIBUTE.commonName, 'ada'],
      ),
    ],
    ['the other order', buildName([ATTRIBUTE.commonName, 'ada'], [ATTRIBUTE.organization, 'muster:a'])],
    [
      'another string type',
      sequence(
        attribute(ATTRIBUTE.organization, printableString('muster:a')),
        attribute(ATTRIBUTE.commonName, utf8String('ada')),
      ),
    ],
    ['no name', buildName([ATTRIBUTE.organization, 'muster:a'])],
  ])('is not read from %s', ([, der]) => {
    expect(administratorOf(parseName(der))).toBeUndefined();
  });
});
