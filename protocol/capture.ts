import { z } from 'zod';

import { nodeName, requestId } from './fields.ts';

/**
 * `POST /v1/reference-values/capture`: from a node's last accepted join, or from one join by its request id. The answer is a ReferenceValues document. */
export const captureRequestSchema = z.union([z.strictObject({ node: nodeName }), z.strictObject({ requestId })]);
export type CaptureRequestBody = z.input<typeof captureRequestSchema>;
