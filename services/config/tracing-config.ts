import { z } from 'zod';

const path = z.string().min(1).max(4_096);

const LOOPBACK = /^(?:127\.[0-9]{1,3}\.[0-9]{1,3}\.[0-9]{1,3}|\[::1\])$/;

/** `tracing`: where traces of joins are sent. Nothing of it is loaded unless it is set. */
export const tracingSchema = z
  .strictObject({
    endpoint: z
      .url({ protocol: /^https?$/ })
      .max(2_048)
      .describe(
        'URL where the collector takes traces, its path included: OTLP over HTTP, for example `https://collector.example:4318/v1/traces`. Plain `http` to a loopback address only.',
      ),
    ca: path
      .optional()
      .describe('PEM: the only CAs that the collector’s certificate may chain to. Needed with `https`.'),
    headersFile: path
      .optional()
      .describe(
        'File with a header on each line, `Name: value`, for a collector that asks for a token; mode 0600 or stricter. Read again for each batch.',
      ),
    sampleRatio: z
      .number()
      .min(0)
      .max(1)
      .default(0.1)
      .describe('Part of the challenges and joins that are recorded, from 0 to 1. The caller has no say in it.'),
  })
  .superRefine(({ endpoint, ca }, context) => {
    const { protocol, hostname, username, password } = new URL(endpoint);
    const refuse = (member: string, message: string): void => {
      context.addIssue({ code: 'custom', path: [member], message });
    };
    if (username !== '' || password !== '')
      refuse('endpoint', 'no user or password: a header from `headersFile` has it');
    if (protocol === 'http:' && !LOOPBACK.test(hostname)) refuse('endpoint', 'https, or a loopback address');
    if (protocol === 'https:' && ca === undefined) refuse('ca', 'needed with https');
    if (protocol === 'http:' && ca !== undefined) refuse('ca', 'nothing to check with plain http');
  })
  .describe('Traces of challenges and joins, to an OpenTelemetry collector. None unless set.');

export type TracingConfig = z.output<typeof tracingSchema>;

/** The same with absolute paths. */
export function withAbsoluteTracingPaths(config: TracingConfig, at: (name: string) => string): TracingConfig {
  const { ca, headersFile } = config;
  return {
    ...config,
    ...(ca === undefined ? {} : { ca: at(ca) }),
    ...(headersFile === undefined ? {} : { headersFile: at(headersFile) }),
  };
}
