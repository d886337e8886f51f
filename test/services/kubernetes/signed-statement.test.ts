import { createPublicKey, generateKeyPairSync, sign } from 'node:crypto';

import { describe, expect, test } from 'vitest';

import { toBase64Url, utf8 } from '#core/bytes.ts';
import { Snapshot } from '#services/kubernetes/snapshot.ts';
import {
  parseSnapshotKey,
  parseSnapshotPublicKey,
  signStatement,
  verifyStatement,
} from '#services/kubernetes/signed-statement.ts';
import { parseStatement, renderStatement } from '#services/kubernetes/statement.ts';
import { labSnapshot, labSnapshotKeys, labSnapshotNode, labStated } from '#test/lab/kubernetes-snapshot.ts';
import { afterNoon, NOON } from '#test/lab/store-values.ts';

const { privateKey, publicKey } = labSnapshotKeys();
const NODES = [
  labSnapshotNode('n1'),
  labSnapshotNode('n2', { previous: [], state: 'barred', uids: ['11111111-2222-4333-8444-555555555555'] }),
];
const WHOLE = labStated(NODES, { unmanaged: ['cp-1.example', 'cp-2'] });
const CHANGED = labStated(NODES.slice(0, 1), { base: 10, change: 12, gone: ['n2'] });

describe('a statement', () => {
  test('is read as it was written', () => {
    for (const stated of [WHOLE, CHANGED, labStated([])])
      expect(parseStatement(renderStatement(stated))).toEqual(stated);
  });

  test('has one spelling, whatever the order of what it says', () => {
    expect(renderStatement({ ...WHOLE, nodes: WHOLE.nodes.toReversed() })).toBe(renderStatement(WHOLE));
  });

  test.each<[string, (text: string) => string]>([
    ['another title', (text) => text.replace('/v1', '/v2')],
    ['no end', (text) => text.slice(0, text.lastIndexOf('end'))],
    ['a line after its end', (text) => `${text}node\n`],
    ['no line feed at its end', (text) => text.slice(0, -1)],
    ['a wrong count', (text) => text.replace(/end \d+/, 'end 3')],
    ['a line fewer than it counted', (text) => text.replace(/node n1 .*\n/, '')],
    [
      'a node twice',
      (text) => text.replace(/(node n1 .*\n)/, '$1$1').replace(/end \d+/, (end) => `end ${Number(end.slice(4)) + 1}`),
    ],
    ['an unknown state', (text) => text.replace('barred', 'allowed')],
    ['a name that is none', (text) => text.replace('node n1 ', 'node N1 ')],
    ['an exception that is none', (text) => text.replace('unmanaged cp-2', 'unmanaged CP-2')],
    ['a field too many', (text) => text.replace(/(node n1 .*)\n/, '$1 -\n')],
    ['a field too few', (text) => text.replace(/(node n1 .*) -\n/, '$1\n')],
    ['a short fingerprint', (text) => text.replace(/ [0-9a-f](?=[0-9a-f]{63}:)/, ' ')],
    ['a time beyond all dates', (text) => text.replace(/:\d+ /, ':999999999999999 ')],
    ['a number with a leading zero', (text) => text.replace('change 10', 'change 010')],
    [
      'a whole that takes away',
      (text) =>
        text
          .replace('node n1', 'gone n1')
          .replace(/gone n1 .*/, 'gone n1')
          .replace(/unmanaged.*\n/g, '')
          .replace(/end \d+/, 'end 6'),
    ],
    ['carriage returns', (text) => text.replaceAll('\n', '\r\n')],
  ])('with %s is refused', (_, change) => {
    const text = renderStatement(WHOLE);
    expect(change(text)).not.toBe(text);
    expect(() => parseStatement(change(text))).toThrow(expect.objectContaining({ name: 'StatementFormatError' }));
  });
});

describe('a signed statement', () => {
  const bytes = signStatement(WHOLE, privateKey);

  test('verifies, alone and after another', () => {
    expect(verifyStatement(bytes, 0, publicKey)).toEqual({ ok: true, stated: WHOLE, end: bytes.byteLength });
    const two = Buffer.concat([bytes, signStatement(CHANGED, privateKey)]);
    expect(verifyStatement(two, bytes.byteLength, publicKey)).toEqual({
      ok: true,
      stated: CHANGED,
      end: two.byteLength,
    });
  });

  test('does not verify with another key', () => {
    expect(verifyStatement(bytes, 0, labSnapshotKeys().publicKey)).toEqual({ ok: false, denial: 'signature-wrong' });
  });

  test('does not verify when one bit of it is another', () => {
    for (let at = 0; at < bytes.byteLength; at += 1) {
      const changed = Uint8Array.from(bytes);
      changed[at] = (changed[at] ?? 0) ^ 1;
      let taken: unknown;
      try {
        taken = verifyStatement(changed, 0, publicKey).ok;
      } catch {
        taken = false;
      }
      expect({ at, taken }).toEqual({ at, taken: false });
    }
  });

  test('is incomplete when its end is missing', () => {
    for (const length of [0, 10, 100, bytes.byteLength - 1]) {
      expect(() => verifyStatement(bytes.subarray(0, length), 0, publicKey)).toThrow('incomplete');
    }
  });

  test.each([
    ['no frame', `${'x'.repeat(200)}\n`],
    ['no line', 'x'.repeat(200)],
    ['a length of nothing', `muster-signed/v1 0 ${'A'.repeat(86)}\n`],
    ['a signature with stray bits', `muster-signed/v1 1 ${'A'.repeat(85)}B\nx`],
  ])('with %s is none', (_, text) => {
    expect(() => verifyStatement(utf8(text), 0, publicKey)).toThrow('not-framed');
  });

  test('over something else than a snapshot says nothing', () => {
    const payload = utf8('another document\n');
    const signed = `muster-signed/v1 ${payload.byteLength} ${toBase64Url(sign(null, payload, privateKey))}\n`;
    expect(() => verifyStatement(Buffer.concat([utf8(signed), payload]), 0, publicKey)).toThrow('bad-line');
  });

  test('takes Ed25519 keys only, each half in its place', () => {
    const pkcs8 = { type: 'pkcs8', format: 'pem' } as const;
    const spki = { type: 'spki', format: 'pem' } as const;
    const pem = privateKey.export(pkcs8).toString();
    expect(createPublicKey(parseSnapshotKey(pem)).equals(publicKey)).toBe(true);
    expect(parseSnapshotPublicKey(publicKey.export(spki).toString()).equals(publicKey)).toBe(true);
    expect(() => parseSnapshotPublicKey(pem)).toThrow(TypeError);
    const other = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    expect(() => parseSnapshotKey(other.privateKey.export(pkcs8).toString())).toThrow(TypeError);
    expect(() => parseSnapshotPublicKey(other.publicKey.export(spki).toString())).toThrow(TypeError);
  });
});

describe('a snapshot', () => {
  const changed = (override: object) => Snapshot.apply(labSnapshot(NODES), { ...CHANGED, ...override });

  test('takes the changes that continue it', () => {
    const after = changed({ nodes: [labSnapshotNode('n1', { state: 'barred' }), labSnapshotNode('n3')] });
    if (typeof after === 'string') throw new Error(after);
    expect([after.change, after.size, after.node('n1')?.state]).toEqual([12, 2, 'barred']);
    expect([after.node('n2'), after.nodeByUid('11111111-2222-4333-8444-555555555555')]).toEqual([undefined, undefined]);
  });

  test('finds a node by each of its UIDs and by none it had before', () => {
    const uids = ['22222222-2222-4333-8444-555555555555'];
    const after = changed({ gone: [], nodes: [labSnapshotNode('n2', { uids })] });
    if (typeof after === 'string') throw new Error(after);
    expect(after.nodeByUid(uids[0] ?? '')?.name).toBe('n2');
    expect(after.nodeByUid('11111111-2222-4333-8444-555555555555')).toBeUndefined();
  });

  test.each<[string, object, string | undefined]>([
    ['a change that continues it', {}, undefined],
    ['the same change again', { change: 10, gone: [], nodes: [] }, undefined],
    ['a later whole', { base: undefined, gone: [] }, undefined],
    ['an earlier change', { change: 9, base: undefined, gone: [] }, 'older'],
    ['an earlier time', { issuedAt: afterNoon(-1) }, 'older'],
    ['a change after one that was missed', { base: 11 }, 'gap'],
    ['a change of a state before its own', { base: 9 }, 'gap'],
  ])('answers %s', (_, override, refusal) => {
    const after = changed(override);
    expect(typeof after === 'string' ? after : undefined).toBe(refusal);
  });

  test('begins with a whole', () => {
    expect(Snapshot.apply(undefined, CHANGED)).toBe('not-whole');
    expect(labSnapshot(NODES).issuedAt).toEqual(NOON);
  });
});
