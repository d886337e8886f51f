import { z } from 'zod';

import { nodeName, requestId } from './fields.ts';

/**
 * `POST /v1/reference-values/capture`: the PCR values that the Verifier established, from a node's last accepted join, or from one join
 * by its request id (a refused one too, so that a pool's first values can be taken). The answer is a ReferenceValues document
 * (`policy.ts`).
 */
export const captureRequestSchema = z.union([z.strictObject({ node: nodeName }), z.strictObject({ requestId })]);
export type CaptureRequestBody = z.input<typeof captureRequestSchema>;
