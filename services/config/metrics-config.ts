import { z } from 'zod';

const path = z.string().min(1).max(4_096);
const port = z.int().min(0).max(65_535).default(7445).describe('Port of metrics and health. 0 takes a free one.');

const LOOPBACK = /^(?:127\.[0-9]{1,3}\.[0-9]{1,3}\.[0-9]{1,3}|::1)$/;

const withCertificate = z
  .strictObject({
    access: z
      .literal('client-certificate')
      .describe(
        'TLS; the caller shows a certificate of the management CA that is on the list of administrators, with a role that has `metrics:read`.',
      ),
    host: z
      .union([z.ipv4(), z.ipv6()])
      .default('127.0.0.1')
      .describe('Address to bind, as a literal. Loopback unless set.'),
    port,
    certificate: path.describe('PEM: the server certificate, then its issuers below the root.'),
    key: path.describe('PEM private key of the server certificate; mode 0600 or stricter.'),
  })
  .describe('For scrapers on other hosts.');

const onLoopback = z
  .strictObject({
    access: z
      .literal('loopback')
      .describe('Plain HTTP for whatever runs on this host: counts, times and health, and nothing of any node.'),
    host: z
      .union([z.ipv4(), z.ipv6()])
      .refine((host) => LOOPBACK.test(host), 'not a loopback address: without a certificate only this host may read')
      .default('127.0.0.1')
      .describe('A loopback address.'),
    port,
  })
  .describe('For a scraper on this host.');

/** `listeners.metrics`: where metrics and health are. There is no such place unless the configuration says how it is guarded. */
export const metricsListenerSchema = z
  .discriminatedUnion('access', [withCertificate, onLoopback])
  .describe('Where metrics and health are read. Not served unless set.');

type MetricsListener = z.output<typeof metricsListenerSchema>;

/** The same with absolute paths. */
export function withAbsoluteMetricsPaths(metrics: MetricsListener, at: (name: string) => string): MetricsListener {
  if (metrics.access === 'loopback') return metrics;
  return { ...metrics, certificate: at(metrics.certificate), key: at(metrics.key) };
}
