import { describe, expect, test } from 'vitest';

import { qualifyingData } from '#core/qualifying-data.ts';
import { verdict } from '#test/lab/tpm-appraisal.ts';
import { LAB_AUDIENCE, labEvidence, labJoin, labNode } from '#test/lab/tpm-evidence.ts';

describe("T05 our challenge relayed to a node by an attacker's service", () => {
  const node = labNode();
  const join = labJoin(node);
  const { nonce, claimedNodeName: nodeName } = join.challenge;

  test.each([
    ['bound to this service', LAB_AUDIENCE, 'accepted'],
    ['bound to the service that the node thought it spoke to', 'https://join.attacker.example', 'nonce-mismatch'],
    ['bound to no service', '', 'nonce-mismatch'],
  ])('the quote is %s', (_, audience, expected) => {
    const data = qualifyingData({ audience, nonce, nodeName, spki: node.spki });
    const evidence = labEvidence(node, join.challenge, { qualifyingData: data });
    expect(verdict({ ...join, evidence })).toBe(expected);
  });

  test('the bare nonce binds nothing', () => {
    const evidence = labEvidence(node, join.challenge, { qualifyingData: nonce });
    expect(verdict({ ...join, evidence })).toBe('nonce-mismatch');
  });
});
