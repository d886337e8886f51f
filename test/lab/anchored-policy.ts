import { compilePolicy, type Policy } from '#attestation/evidence-policy.ts';
import { policySchema } from '#protocol/policy.ts';

import { PCRS, referenceValuesOf } from './join-lab.ts';
import type { LabTpm } from './software-tpm.ts';

/** A policy whose pool `general` admits only EKs that a certificate under `anchors` (PEM) vouches for. */
export function anchoredPolicy(tpm: LabTpm, anchors: string): Policy {
  const document = policySchema.parse({
    apiVersion: 'muster/v1',
    kind: 'Policy',
    pools: {
      general: {
        protectionRating: 'default',
        segments: ['10.1.0.0/16', '127.0.0.0/8'],
        tpm2: { pcrs: PCRS, referenceValues: ['now.yaml'], ekAnchors: ['ca.pem'] },
      },
    },
  });
  const compiled = compilePolicy(document, {
    referenceValues: new Map([['now.yaml', referenceValuesOf(tpm)]]),
    anchors: new Map([['ca.pem', anchors]]),
    referenceSigners: new Map(),
  });
  if (!compiled.ok) throw new Error(JSON.stringify(compiled.errors));
  return compiled.policy;
}
