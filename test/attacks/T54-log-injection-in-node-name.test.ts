import { describe, expect, test } from 'vitest';

import { toBase64Url } from '#core/bytes.ts';
import { isNodeName } from '#core/ids.ts';
import { challengeRequestSchema } from '#protocol/challenge.ts';
import { labNode } from '#test/lab/tpm-evidence.ts';

describe('T54 a node name that would write a line of a log', () => {
  const { tpm } = labNode();
  const attester = {
    kind: 'tpm2-quote',
    ekPublic: toBase64Url(tpm.ekPublic),
    akPublic: toBase64Url(tpm.akPublic),
    ekCertificates: [],
  };

  test.each([
    ['worker-7', true],
    ['worker-7.rack-2.example', true],
    ['worker-7\n', false],
    ['worker-7\nlevel=error msg=forged', false],
    ['worker-7\r', false],
    ['worker-7\u0000', false],
    ['worker-7\u2028', false],
    ['worker-7\u001b[2J', false],
    ['worker-7 ', false],
    ['Worker-7', false],
    ['wörker-7', false],
    ['worker-7,o=system:masters', false],
    ['../worker-7', false],
    ['', false],
    ['a'.repeat(53), false],
  ])('%j', (nodeName, expected) => {
    expect(isNodeName(nodeName)).toBe(expected);
    expect(challengeRequestSchema.safeParse({ nodeName, attester }).success).toBe(expected);
  });
});
