import { readFileSync } from 'node:fs';
import { join } from 'node:path';

import { expect, test } from 'vitest';
import { parse } from 'yaml';

import { compilePolicy } from '#attestation/evidence-policy.ts';
import type { PoolName } from '#core/ids.ts';
import { policySchema } from '#protocol/policy.ts';
import { LAB_SIGNER, signManifest } from '#test/lab/reference-signer.ts';
import { labReferenceValues } from '#test/lab/tpm-appraisal.ts';
import { labNode } from '#test/lab/tpm-evidence.ts';

const PAGE = readFileSync(join(import.meta.dirname, '../../docs/policy.md'), 'utf8');

/** The page's whole policies, with a digest in place of each text in angle brackets. */
const examples = [...PAGE.matchAll(/```yaml\n(apiVersion: muster\/v1\nkind: Policy\n.*?)```/gs)].map(([, text = '']) =>
  policySchema.parse(parse(text.replaceAll(/<[^<>]*>/g, 'ab'.repeat(32)))),
);

test('the page’s policies load', () => {
  const node = labNode();
  const ratings = examples.flatMap((document) => {
    const referenceValues = new Map(
      Object.entries(document.pools).flatMap(([name, { tpm2 }]) =>
        tpm2.referenceValues.map((file) => {
          const pcrs = node.tpm.readPcrs('sha256', tpm2.referencePcrs ?? tpm2.pcrs);
          const manifest = { ...labReferenceValues(node, file.replaceAll('/', '-')), pcrs };
          return [file, signManifest(manifest, { pools: [name as PoolName] })] as const;
        }),
      ),
    );
    const anchors = new Map([['ek-anchors/makers.pem', node.ca.pem]]);
    const referenceSigners = new Map([['signers/release.pub.pem', LAB_SIGNER.pem]]);
    const compiled = compilePolicy(document, { referenceValues, anchors, referenceSigners });
    if (!compiled.ok) throw new Error(JSON.stringify(compiled.errors));
    return [...compiled.policy.pools.values()].map(({ protectionRating }) => protectionRating);
  });
  expect(ratings).toEqual(['protected', 'protected', 'highly-protected']);
});
