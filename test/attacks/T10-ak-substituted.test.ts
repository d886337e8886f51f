import { describe, expect, test } from 'vitest';

import { verdict } from '#test/lab/tpm-appraisal.ts';
import { labJoin, labNode } from '#test/lab/tpm-evidence.ts';
import { labTpm } from '#test/lab/software-tpm.ts';

describe('T10 another AK in the quote than in the activation', () => {
  const node = labNode();

  test('the activated AK quotes', () => {
    expect(verdict(labJoin(node))).toBe('accepted');
  });

  test('a second AK of the same kind does not', () => {
    const second = labTpm().akPrivateKey;
    expect(verdict(labJoin(node, { signer: second }))).toBe('quote-signature-invalid');
  });

  test('nor one with another scheme', () => {
    const second = labTpm({ ak: 'p384' }).akPrivateKey;
    expect(verdict(labJoin(node, { signer: second, scheme: { kind: 'ecdsa', hash: 'sha384' } }))).toBe(
      'quote-signature-scheme-refused',
    );
  });

  test('the AK is the one that the ticket holds: evidence for another ticket is refused', () => {
    const join = labJoin(node);
    const other = labJoin(labNode({ ca: node.ca }));
    const evidence = { ...other.evidence, activationSecret: join.challenge.activationSecret };
    expect(verdict({ ...join, evidence })).toBe('quote-signature-invalid');
  });

  test('an AK outside the endorsement hierarchy, whose counters mean nothing, is refused', () => {
    const inOwnerHierarchy = labNode({ tpm: labTpm({ akParent: 'owner' }) });
    expect(verdict(labJoin(inOwnerHierarchy))).toBe('ak-not-in-endorsement-hierarchy');
    expect(verdict(labJoin(labNode({ tpm: labTpm({ akParent: 'ek' }) })))).toBe('accepted');
  });
});
