import { describe, expect, test } from 'vitest';

import type { Bytes } from '#core/bytes.ts';
import { CertificatePool } from '#pki/x509/certificate-pool.ts';
import type { Certificate } from '#pki/x509/certificate.ts';
import { type ChainVerdict, verifyChain } from '#pki/x509/chain.ts';
import { type ChainPolicy, FOREIGN_CHAIN, STRICT_CHAIN } from '#pki/x509/chain-policy.ts';
import { ChainWork } from '#pki/x509/chain-work.ts';
import type { Crl } from '#pki/x509/crl.ts';
import { integer, nullValue, sequence, tagged, taggedPrimitive } from '#pki/x509/der-writer.ts';
import {
  authorityKeyIdentifier,
  crlDistributionPoint,
  directoryName,
  extension,
  keyUsage,
} from '#pki/x509/extension-writer.ts';
import { EXTENSION } from '#pki/x509/oids.ts';
import { revocationDenial } from '#pki/x509/revocation.ts';
import { ANY_PURPOSE, CLIENT_AUTH, type Purpose } from '#pki/x509/purpose.ts';

import { instead, plus } from './chain-lab.ts';
import { crl, type CrlOtherwise, crlNumber, issuingPoint } from './crl-lab.ts';
import { type Identity, intermediate, leaf, nameOf, NOW, type Otherwise, root, tbsElements } from './lab.ts';
import { hex } from './outcome.ts';

const DAY_MS = 86_400_000;
const URI = 'http://crl.example/issuer.crl';
const ROOT = root();
const ISSUER = intermediate(ROOT);
const ROOT_CRL = crl(ROOT);

interface Case {
  readonly leaf?: Otherwise;
  readonly issuer?: Identity;
  readonly crls: readonly Crl[];
  readonly intermediates?: readonly Certificate[];
  readonly maxAgeSeconds?: number;
  readonly policy?: ChainPolicy;
  readonly purpose?: Purpose;
}

function verify({
  leaf: otherwise = {},
  issuer = ISSUER,
  crls,
  intermediates = [],
  maxAgeSeconds,
  policy = STRICT_CHAIN,
  purpose = CLIENT_AUTH,
}: Case): ChainVerdict {
  return verifyChain({
    leaf: leaf(issuer, 'Leaf', otherwise),
    intermediates: [issuer.certificate, ...intermediates],
    anchors: [ROOT.certificate],
    now: NOW,
    purpose,
    policy,
    revocation: { crls, maxAgeSeconds },
  });
}

const told = (verdict: ChainVerdict): string =>
  verdict.ok ? 'accepted' : `${verdict.denials[0]?.code} ${verdict.denials[0]?.depth}`;

/** Root's good CRL, and the issuer's with a change. */
const withCrl = (otherwise: CrlOtherwise): Case => ({ crls: [ROOT_CRL, crl(ISSUER, otherwise)] });
const serialOf = ({ serial }: Certificate): Bytes => serial;
const LEAF_SERIAL = serialOf(leaf(ISSUER));

const flag = (number: number): Bytes => Buffer.of(0x80 | number, 1, 0xff);
const pointAt = (uri: string): Bytes => tagged(0, tagged(0, taggedPrimitive(6, Buffer.from(uri))));
const scoped = (...parts: readonly Bytes[]): Case => withCrl({ more: [issuingPoint(...parts)] });
const onPoint: Otherwise = { extensions: plus(crlDistributionPoint(URI)) };

describe('with a current CRL from each issuer', () => {
  test.each<[string, Case, string]>([
    ['a path is accepted', withCrl({}), 'accepted'],
    ['a leaf on it is revoked', withCrl({ entries: [{ serial: LEAF_SERIAL, reason: 1 }] }), 'revoked 0'],
    ['a leaf on hold is revoked', withCrl({ entries: [{ serial: LEAF_SERIAL, reason: 6 }] }), 'revoked 0'],
    ['another serial on it changes nothing', withCrl({ entries: [{ serial: hex('01') }] }), 'accepted'],
    [
      'an intermediate on the CRL of the root is revoked',
      { crls: [crl(ROOT, { entries: [{ serial: serialOf(ISSUER.certificate) }] }), crl(ISSUER)] },
      'revoked 1',
    ],
    [
      'an older CRL that lacks the entry does not undo a newer one',
      { crls: [ROOT_CRL, crl(ISSUER), crl(ISSUER, { entries: [{ serial: LEAF_SERIAL }] })] },
      'revoked 0',
    ],
  ])('%s', (_, one, expected) => {
    expect(told(verify(one))).toBe(expected);
  });
});

describe('the status is unknown, and the path refused,', () => {
  test.each<[string, Case, string]>([
    ['without any CRL', { crls: [] }, 'revocation-unknown 1'],
    ['without that of the issuer', { crls: [ROOT_CRL] }, 'revocation-unknown 0'],
    ['without that of the root', { crls: [crl(ISSUER)] }, 'revocation-unknown 1'],
    ['when it comes from the future', withCrl({ thisUpdate: new Date(NOW.getTime() + 1000) }), 'revocation-unknown 0'],
    ['when it is out of date', withCrl({ nextUpdate: new Date(NOW.getTime() - 1000) }), 'revocation-unknown 0'],
    ['when it does not say how long it lasts', withCrl({ nextUpdate: undefined }), 'revocation-unknown 0'],
    [
      'when it is older than the caller allows',
      { ...withCrl({ thisUpdate: new Date(NOW.getTime() - 3 * DAY_MS) }), maxAgeSeconds: 172_800 },
      'revocation-unknown 0',
    ],
    ['when another key signed it', withCrl({ signWith: ROOT }), 'revocation-unknown 0'],
    ['when it names another issuer', withCrl({ issuer: nameOf('Other') }), 'revocation-unknown 0'],
  ])('%s', (_, one, expected) => {
    expect(told(verify(one))).toBe(expected);
  });

  test('when its issuer may not sign CRLs', () => {
    const issuer = intermediate(ROOT, 'Intermediate', { extensions: instead('keyUsage', keyUsage('keyCertSign')) });
    expect(told(verify({ issuer, crls: [ROOT_CRL, crl(issuer)] }))).toBe('revocation-unknown 0');
  });
});

test('no CRL is current at an invalid date', () => {
  const input = { path: [leaf(ISSUER), ISSUER.certificate], pool: new CertificatePool([]), profile: 'path' as const };
  const work = new ChainWork(FOREIGN_CHAIN.signatures, 2);
  const rest = { revocation: { crls: [crl(ISSUER)], maxAgeSeconds: 172_800 }, work, isTrustedSigner: () => false };
  expect(revocationDenial({ ...input, ...rest, now: NOW })).toBeUndefined();
  expect(revocationDenial({ ...input, ...rest, now: new Date(Number.NaN) })?.code).toBe('revocation-unknown');
});

test('a CRL without nextUpdate counts where the caller sets an age', () => {
  const crls = [crl(ROOT, { nextUpdate: undefined }), crl(ISSUER, { nextUpdate: undefined })];
  expect(told(verify({ crls, maxAgeSeconds: 172_800, policy: FOREIGN_CHAIN }))).toBe('accepted');
});

describe('the scope of a CRL', () => {
  test.each<[string, Case, string]>([
    ['user certificates covers the leaf', scoped(flag(1)), 'accepted'],
    ['authorities does not', scoped(flag(2)), 'revocation-unknown 0'],
    ['attribute certificates does not', scoped(flag(5)), 'revocation-unknown 0'],
    ['the point that the leaf names covers it', { ...scoped(pointAt(URI)), leaf: onPoint }, 'accepted'],
    [
      'another point does not',
      { ...scoped(pointAt('http://crl.example/other.crl')), leaf: onPoint },
      'revocation-unknown 0',
    ],
    ['a point does not cover a leaf that names none', scoped(pointAt(URI)), 'revocation-unknown 0'],
    [
      'a point named after the issuer covers a leaf that names none',
      scoped(tagged(0, tagged(0, directoryName(nameOf('Intermediate'))))),
      'accepted',
    ],
    ['a leaf that names a point is covered by a CRL that names none', { ...withCrl({}), leaf: onPoint }, 'accepted'],
    ['some reasons leave the others open', scoped(hex('83020640')), 'revocation-unknown 0'],
  ])('%s', (_, one, expected) => {
    expect(told(verify(one))).toBe(expected);
  });

  test('for one kind of certificate does not cover one of version 1, which cannot say what it is', () => {
    const old: Otherwise = { tbs: (tbs) => sequence(...tbsElements(tbs).slice(1, -1)) };
    expect(told(verify({ ...scoped(flag(1)), leaf: old, policy: FOREIGN_CHAIN, purpose: ANY_PURPOSE }))).toBe(
      'revocation-unknown 0',
    );
    expect(told(verify({ ...withCrl({}), leaf: old, policy: FOREIGN_CHAIN, purpose: ANY_PURPOSE }))).toBe('accepted');
  });

  test('that leaves the leaf out says nothing about it, entries and all', () => {
    const forAuthorities = crl(ISSUER, { entries: [{ serial: LEAF_SERIAL }], more: [issuingPoint(flag(2))] });
    expect(told(verify({ crls: [ROOT_CRL, crl(ISSUER), forAuthorities] }))).toBe('accepted');
  });

  test('all reasons may be covered by several CRLs together', () => {
    const part = (reasons: string, entries: CrlOtherwise['entries'] = []): Crl =>
      crl(ISSUER, { entries, more: [issuingPoint(hex(reasons))] });
    const [keyCompromise, others] = ['83020640', '8303073f80'];
    expect(told(verify({ crls: [ROOT_CRL, part(keyCompromise), part(others)] }))).toBe('accepted');
    const revoked = part(others, [{ serial: LEAF_SERIAL }]);
    expect(told(verify({ crls: [ROOT_CRL, part(keyCompromise), revoked] }))).toBe('revoked 0');
  });
});

describe('what is not processed is refused:', () => {
  const delta = extension(EXTENSION.deltaCrlIndicator, true, integer(1));
  const freshest = (uri: string): Bytes => extension(EXTENSION.freshestCrl, false, sequence(sequence(pointAt(uri))));
  const otherIssuer = extension(
    EXTENSION.crlDistributionPoints,
    false,
    sequence(sequence(pointAt(URI), tagged(2, directoryName(nameOf('Other'))))),
  );

  test.each<[string, Case]>([
    ['a delta CRL', withCrl({ more: [delta] })],
    ['a complete CRL that announces deltas', withCrl({ more: [freshest(URI)] })],
    ['an indirect CRL', scoped(flag(4))],
    ['an unknown critical extension in the CRL', withCrl({ more: [extension('1.2.3', true, nullValue())] })],
    [
      'an unknown critical extension in an entry',
      withCrl({ entries: [{ serial: hex('01'), extensions: [extension('1.2.3', true, nullValue())] }] }),
    ],
    ['a leaf that announces deltas', { ...withCrl({}), leaf: { extensions: plus(freshest(URI)) } }],
    ['a leaf whose CRL another issuer signs', { ...withCrl({}), leaf: { extensions: plus(otherIssuer) } }],
    ['a good CRL next to a delta', { crls: [ROOT_CRL, crl(ISSUER), crl(ISSUER, { more: [delta] })] }],
  ])('%s', (_, one) => {
    expect(told(verify(one))).toBe('revocation-unsupported 0');
  });
});

describe("RFC 5280 §5's demands on conforming CRL issuers", () => {
  const aki = authorityKeyIdentifier(ISSUER.certificate.extensions.subjectKeyIdentifier ?? hex(''));
  const critical = (oid: string, value: Bytes): Bytes => extension(oid, true, value);

  test.each<[string, CrlOtherwise]>([
    ['version 1', { version: [], extensions: [] }],
    ['no CRL number', { extensions: [aki] }],
    ['a critical CRL number', { extensions: [aki, critical(EXTENSION.crlNumber, integer(1))] }],
    ['no authority key identifier', { extensions: [crlNumber(1)] }],
    [
      'an authority key identifier without the key',
      { extensions: [crlNumber(1), extension(EXTENSION.authorityKeyIdentifier, false, sequence())] },
    ],
    [
      'a critical authority key identifier',
      {
        extensions: [crlNumber(1), critical(EXTENSION.authorityKeyIdentifier, sequence(taggedPrimitive(0, hex('00'))))],
      },
    ],
    [
      'a scope that is not critical',
      { more: [extension(EXTENSION.issuingDistributionPoint, false, sequence(flag(1)))] },
    ],
  ])('%s: the CRL does not count, save where only §6 does', (_, otherwise) => {
    expect(told(verify(withCrl(otherwise)))).toBe('revocation-unknown 0');
    expect(told(verify({ ...withCrl(otherwise), policy: FOREIGN_CHAIN }))).toBe('accepted');
  });
});

describe('a CRL that another key of the issuer signs', () => {
  const signer = intermediate(ROOT, 'CRL signer', {
    subject: nameOf('Intermediate'),
    extensions: instead('keyUsage', keyUsage('cRLSign')),
  });
  const signed = crl(signer, { entries: [{ serial: LEAF_SERIAL }] });

  test('counts when a path of its own leads to the same anchor', () => {
    expect(told(verify({ crls: [ROOT_CRL, signed], intermediates: [signer.certificate] }))).toBe('revoked 0');
  });

  test('does not count when its certificate is not there', () => {
    expect(told(verify({ crls: [ROOT_CRL, signed] }))).toBe('revocation-unknown 0');
  });

  test('does not count when its certificate is revoked', () => {
    const rootCrl = crl(ROOT, { entries: [{ serial: serialOf(signer.certificate) }] });
    const empty = crl(signer);
    expect(told(verify({ crls: [rootCrl, empty], intermediates: [signer.certificate] }))).toBe('revocation-unknown 0');
  });

  test('does not count when its own status hangs on a CRL that it signs', () => {
    // Issued by the authority it claims to sign for, so that the only CRL about it is its own.
    const circular = intermediate(ISSUER, 'Circular', { subject: nameOf('Intermediate') });
    const verdict = verify({ crls: [ROOT_CRL, crl(circular)], intermediates: [circular.certificate] });
    expect(verdict).toMatchObject({ ok: false, denials: [{ code: 'revocation-unknown', depth: 0 }] });
  });

  test('does not count under another anchor', () => {
    const elsewhere = root('Elsewhere');
    const stranger = intermediate(elsewhere, 'Stranger', { subject: nameOf('Intermediate') });
    const verdict = verify({
      crls: [ROOT_CRL, crl(elsewhere), crl(stranger)],
      intermediates: [stranger.certificate, elsewhere.certificate],
    });
    expect(told(verdict)).toBe('revocation-unknown 0');
  });
});
