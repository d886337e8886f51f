import { z } from 'zod';

import { timestamp } from './fields.ts';

const exportStatus = z.object({
  name: z.string(),
  kind: z.enum(['syslog', 'https', 'file']),
  /** Host and port, or a path on the service's machine. */
  place: z.string(),
  /** The last record that is known to have arrived; 0: none. */
  delivered: z.number().int().min(0),
  deliveredAt: timestamp.optional(),
  lagRecords: z.number().int().min(0),
  /** Since the first record that waits was written. */
  lagSeconds: z.number().min(0),
  /** As the process that answers knows it; `standby` where another one delivers. */
  state: z.enum(['standby', 'delivering', 'failing']),
  failure: z.object({ kind: z.string(), detail: z.string(), since: timestamp }).optional(),
  /** The first record that does not continue what was delivered before it. */
  chainBreak: z.number().int().optional(),
});
export type ExportStatus = z.output<typeof exportStatus>;

/** `GET /v1/audit/exports`: every destination of the configuration, in its order. */
export const exportStatusPageSchema = z.object({ destinations: z.array(exportStatus) });
export type ExportStatusPage = z.output<typeof exportStatusPageSchema>;
