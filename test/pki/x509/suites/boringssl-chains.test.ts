import { readdirSync } from 'node:fs';

import { expect, test } from 'vitest';

import { parseCertificate } from '#pki/x509/certificate.ts';
import { verifyChain } from '#pki/x509/chain.ts';
import { type ChainPolicy, FOREIGN_CHAIN } from '#pki/x509/chain-policy.ts';
import { X509FormatError } from '#pki/x509/format-error.ts';
import { ANY_PURPOSE, CLIENT_AUTH, type Purpose, type PurposeRule, SERVER_AUTH } from '#pki/x509/purpose.ts';
import type { SignatureScheme } from '#pki/x509/signature-scheme.ts';

import { NOT_APPLICABLE, STRICTER_THAN_BORINGSSL } from './boringssl-chain-expectations.ts';
import { describeSuite, pemBlocks, readSuite, suitePath } from './suite.ts';

const SUITE = 'boringssl-pki/verify_certificate_chain_unittest';
/** The suite's DEFAULT time. */
const DEFAULT_TIME = '211005120000Z';
/** The suite has certificates with thousands of names. */
const MAX_BYTES = 65_536;

const LENIENT: PurposeRule = { whenAbsent: 'accept', whenAny: 'accept' };
const STATED: PurposeRule = { whenAbsent: 'refuse', whenAny: 'refuse' };
/** BoringSSL's purposes without STRICT warn where ours refuse. */
const lenient = (purpose: Purpose): Purpose => ({
  ...purpose,
  leaf: LENIENT,
  incompatible: new Set(),
  leafMayBeCa: true,
});

const PURPOSES: Readonly<Record<string, Purpose>> = {
  ANY_EKU: ANY_PURPOSE,
  CLIENT_AUTH: lenient(CLIENT_AUTH),
  CLIENT_AUTH_STRICT: { ...CLIENT_AUTH, issuers: STATED },
  CLIENT_AUTH_STRICT_LEAF: CLIENT_AUTH,
  SERVER_AUTH: lenient(SERVER_AUTH),
  SERVER_AUTH_STRICT: { ...SERVER_AUTH, issuers: STATED },
  SERVER_AUTH_STRICT_LEAF: SERVER_AUTH,
};

const ANCHORS: Readonly<Record<string, ChainPolicy['anchor']>> = {
  DISTRUSTED: FOREIGN_CHAIN.anchor,
  UNSPECIFIED: FOREIGN_CHAIN.anchor,
  TRUSTED_ANCHOR: { validity: false, constraints: false },
  TRUSTED_ANCHOR_WITH_REQUIRE_BASIC_CONSTRAINTS: { validity: false, constraints: false },
  TRUSTED_ANCHOR_WITH_EXPIRATION: { validity: true, constraints: false },
  TRUSTED_ANCHOR_WITH_CONSTRAINTS: { validity: false, constraints: true },
  TRUSTED_ANCHOR_WITH_CONSTRAINTS_REQUIRE_BASIC_CONSTRAINTS: { validity: false, constraints: true },
  TRUSTED_ANCHOR_WITH_EXPIRATION_AND_CONSTRAINTS: { validity: true, constraints: true },
};

/** Here distrust is the absence of an anchor. */
const NO_ANCHOR: ReadonlySet<string> = new Set(['DISTRUSTED', 'UNSPECIFIED']);

interface ChainTest {
  readonly name: string;
  readonly folder: string;
  readonly fields: ReadonlyMap<string, string>;
  readonly isValid: boolean;
}

function loadTests(): readonly ChainTest[] {
  return readdirSync(suitePath(SUITE), { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .flatMap(({ name: folder }) =>
      readdirSync(suitePath(SUITE, folder))
        .filter((file) => file.endsWith('.test'))
        .map((file) => loadTest(folder, file)),
    );
}

function loadTest(folder: string, file: string): ChainTest {
  const text = readSuite(SUITE, folder, file).toString('utf8');
  const [head = '', errors = ''] = text.split('expected_errors:');
  const fields = new Map([...head.matchAll(/^(\w+): (.*)$/gm)].map(([, key = '', value = '']) => [key, value.trim()]));
  return { name: `${folder}/${file}`, folder, fields, isValid: !/^ERROR/m.test(errors) };
}

const timeOf = (text: string): Date => {
  const [year, ...rest] = (text.match(/\d{2}/g) ?? []).map(Number);
  const [month = 1, day = 1, hour = 0, minute = 0, second = 0] = rest;
  return new Date(Date.UTC(2000 + (year ?? 0), month - 1, day, hour, minute, second));
};

/** The suite's own settings: RSA from 1,024 bits, and SHA-1 unless the test says STRONG. */
function policyOf(fields: ChainTest['fields'], anchor: ChainPolicy['anchor']): ChainPolicy {
  const weak: readonly SignatureScheme[] =
    fields.get('digest_policy') === 'STRONG' ? [] : ['rsa-pkcs1-sha1', 'ecdsa-sha1'];
  const { signatures } = FOREIGN_CHAIN;
  const keys = { ...signatures.keys, rsaBits: { min: 1024, max: 4096, multipleOf: 1 } };
  return {
    ...FOREIGN_CHAIN,
    anchor,
    signatures: { ...signatures, keys, schemes: new Set([...signatures.schemes, ...weak]) },
  };
}

function run(test: ChainTest, purpose: Purpose, anchor: ChainPolicy['anchor']) {
  const { fields, folder } = test;
  const pem = readSuite(SUITE, folder, fields.get('chain') ?? '').toString('latin1');
  const time = fields.get('utc_time') ?? 'DEFAULT';
  try {
    const [leaf, ...issuers] = pemBlocks(pem, 'CERTIFICATE').map((der) =>
      parseCertificate(der, { maxBytes: MAX_BYTES }),
    );
    if (leaf === undefined) throw new Error('a chain has a leaf');
    return verifyChain({
      leaf,
      intermediates: issuers.slice(0, -1),
      anchors: NO_ANCHOR.has(fields.get('last_cert_trust') ?? '') ? [] : issuers.slice(-1),
      now: timeOf(time === 'DEFAULT' ? DEFAULT_TIME : time),
      purpose,
      policy: policyOf(fields, anchor),
    });
  } catch (error) {
    if (error instanceof X509FormatError) return { ok: false, denials: [{ code: 'malformed' }] } as const;
    throw error;
  }
}

describeSuite(SUITE, () => {
  const all = loadTests();
  const settingOf = ({ fields }: ChainTest): readonly string[] => [
    fields.get('last_cert_trust') ?? '',
    fields.get('key_purpose') ?? '',
  ];
  const isApplicable = (one: ChainTest): boolean => !settingOf(one).some((setting) => setting in NOT_APPLICABLE);
  const applicable = all.filter(isApplicable);

  test('the suite is whole, and what is not run is what the table says', () => {
    expect([all.length, applicable.length]).toEqual([197, 170]);
  });

  test.each(applicable)('$name gets the verdict of BoringSSL, or a listed refusal', (one) => {
    const [trust = '', keyPurpose = ''] = settingOf(one);
    const [purpose, anchor] = [PURPOSES[keyPurpose], ANCHORS[trust]];
    if (purpose === undefined || anchor === undefined) throw new Error(`no counterpart for ${trust} ${keyPurpose}`);
    const verdict = run(one, purpose, anchor);
    const stricter = STRICTER_THAN_BORINGSSL[one.name];
    const got = verdict.ok ? 'accepted' : verdict.denials[0]?.code;
    const reason = stricter === undefined || !one.isValid ? undefined : stricter.code;
    expect({ ok: verdict.ok, reason: stricter && got }).toEqual({ ok: one.isValid && reason === undefined, reason });
  });

  test('client authentication and any purpose have no exception', () => {
    const exempt = new Set(Object.keys(STRICTER_THAN_BORINGSSL));
    const purposes = applicable.filter(({ name }) => exempt.has(name)).map(({ fields }) => fields.get('key_purpose'));
    expect(purposes).toHaveLength(exempt.size);
    expect(purposes.filter((purpose) => !purpose?.startsWith('SERVER_AUTH'))).toEqual([]);
  });
});
