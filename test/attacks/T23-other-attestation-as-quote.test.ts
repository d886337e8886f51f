import { describe, expect, test } from 'vitest';

import { TAG } from '#tpm2/constants.ts';
import { verdict } from '#test/lab/tpm-appraisal.ts';
import { labJoin, labNode } from '#test/lab/tpm-evidence.ts';
import { quoteInput, quoteVerdict, type QuoteVector } from '#test/lab/tpm-quote-vectors.ts';
import { vectorJson } from '#test/lab/vectors.ts';

describe('T23 another attestation by the AK in the place of a quote', () => {
  const node = labNode();

  test.each([
    ['a quote', TAG.attestQuote, 'accepted'],
    ['of an NV index', TAG.attestNv, 'quote-type-wrong'],
    ['of a command audit', TAG.attestCommandAudit, 'quote-type-wrong'],
    ['of a session audit', TAG.attestSessionAudit, 'quote-type-wrong'],
    ['of an object', TAG.attestCertify, 'quote-type-wrong'],
    ['of the time', TAG.attestTime, 'quote-type-wrong'],
    ['of a creation', TAG.attestCreation, 'quote-type-wrong'],
    ['of an NV digest', TAG.attestNvDigest, 'quote-type-wrong'],
    ['of no known type', 0x8000, 'quote-type-wrong'],
  ])('%s', (_, type, expected) => {
    expect(verdict(labJoin(node, { edit: (fields) => ({ ...fields, type }) }))).toBe(expected);
  });

  test("a certification that a real TPM signed with the challenge's own data", () => {
    const vector = vectorJson<QuoteVector & { qualifyingData: string }>('generated-swtpm/certify-tls-key.json');
    expect(quoteVerdict(quoteInput({ ...vector, nonce: vector.qualifyingData }))).toBe('quote-type-wrong');
  });
});
