import { AGENT_PROOFS } from './proofs/agent.ts';
import { ADMISSION_PROOFS } from './proofs/admission.ts';
import { APPRAISAL_PROOFS } from './proofs/appraisal.ts';
import { AUDIT_EXPORT_PROOFS } from './proofs/audit-export.ts';
import { BOOT_FACT_PROOFS } from './proofs/boot-facts.ts';
import type { CheckProof } from './proofs/check-proof.ts';
import { AUTHORIZER_PROOFS } from './proofs/authorizer.ts';
import { CA_LIFE_PROOFS } from './proofs/ca-life.ts';
import { CODEC_PROOFS } from './proofs/codec.ts';
import { EK_CERTIFICATE_PROOFS } from './proofs/ek-certificate.ts';
import { JOIN_AND_HTTP_PROOFS } from './proofs/join-and-http.ts';
import { EVENT_LOG_PROOFS } from './proofs/event-log.ts';
import { IMA_PROOFS } from './proofs/ima.ts';
import { INVENTORY_PROOFS } from './proofs/inventory.ts';
import { KEY_PROOFS } from './proofs/keys.ts';
import { KUBERNETES_PROOFS } from './proofs/kubernetes.ts';
import { NETWORK_ORIGIN_PROOFS } from './proofs/network-origin.ts';
import { POLICY_PROOFS } from './proofs/policy.ts';
import { QUOTE_PROOFS } from './proofs/quote.ts';
import { REFERENCE_PROOFS } from './proofs/reference-values.ts';
import { REPLICA_PROOFS } from './proofs/replicas.ts';
import { REVOCATION_PROOFS } from './proofs/revocation.ts';
import { SERVICE_PROOFS } from './proofs/services.ts';
import { STEP_UP_PROOFS } from './proofs/step-up.ts';
import { TRACING_PROOFS } from './proofs/tracing.ts';
import { SIGNALS_PROOFS } from './proofs/signals.ts';
import { SIGNED_MEASUREMENTS_PROOFS } from './proofs/signed-measurements.ts';

/** Every check that has to be missed when it is not there: each row of the attack catalogue rests on one at least. */
export const CHECK_PROOFS: readonly CheckProof[] = [
  ...QUOTE_PROOFS,
  ...KEY_PROOFS,
  ...EK_CERTIFICATE_PROOFS,
  ...ADMISSION_PROOFS,
  ...APPRAISAL_PROOFS,
  ...POLICY_PROOFS,
  ...REFERENCE_PROOFS,
  ...CA_LIFE_PROOFS,
  ...CODEC_PROOFS,
  ...SERVICE_PROOFS,
  ...EVENT_LOG_PROOFS,
  ...BOOT_FACT_PROOFS,
  ...IMA_PROOFS,
  ...JOIN_AND_HTTP_PROOFS,
  ...AUTHORIZER_PROOFS,
  ...KUBERNETES_PROOFS,
  ...NETWORK_ORIGIN_PROOFS,
  ...REVOCATION_PROOFS,
  ...AGENT_PROOFS,
  ...SIGNALS_PROOFS,
  ...AUDIT_EXPORT_PROOFS,
  ...SIGNED_MEASUREMENTS_PROOFS,
  ...INVENTORY_PROOFS,
  ...STEP_UP_PROOFS,
  ...TRACING_PROOFS,
  ...REPLICA_PROOFS,
];
