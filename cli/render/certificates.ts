import type { CertificateSummary } from '#protocol/inventory.ts';

import { styleCertificateState } from './states.ts';
import type { Column } from './table.ts';
import { renderTime } from './time.ts';

/** A node's certificates as a table. */
export const CERTIFICATE_COLUMNS: readonly Column<CertificateSummary>[] = [
  { heading: 'CERTIFICATE', cell: (certificate) => certificate.serial },
  {
    heading: 'STATE',
    cell: (certificate) => certificate.state,
    style: (certificate, style) => styleCertificateState(certificate.state, style),
  },
  { heading: 'NOT BEFORE', cell: (certificate) => renderTime(certificate.notBefore) },
  { heading: 'NOT AFTER', cell: (certificate) => renderTime(certificate.notAfter) },
  { heading: 'JOIN', cell: (certificate) => certificate.requestId },
];
