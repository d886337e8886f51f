import type { FuzzTarget } from '#test/fuzz/engine/fuzz-target.ts';

import { DOCUMENT_TARGETS } from './documents.ts';
import { KUBERNETES_TARGETS } from './kubernetes.ts';
import { MEASURED_BOOT_TARGETS } from './measured-boot.ts';
import { MESSAGE_TARGETS } from './messages.ts';
import { TPM2_TARGETS } from './tpm2.ts';
import { X509_TARGETS } from './x509.ts';

/** Every parser of what comes from outside, each once. */
export const ALL_TARGETS: readonly FuzzTarget[] = [
  ...TPM2_TARGETS,
  ...MEASURED_BOOT_TARGETS,
  ...X509_TARGETS,
  ...MESSAGE_TARGETS,
  ...KUBERNETES_TARGETS,
  ...DOCUMENT_TARGETS,
];
