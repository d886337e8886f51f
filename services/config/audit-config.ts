import { z } from 'zod';

import { CONFIRMATIONS } from '#services/audit-export/confirmed-close.ts';

const path = z.string().min(1).max(4_096);

const name = z
  .string()
  .regex(/^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/, 'lower-case letters, digits and hyphens, 63 at most')
  .describe(
    'Its name, under which the service remembers how far it delivered. Under a new name it begins at the first record.',
  );

const ca = path.describe('PEM: the only CAs that the receiver’s certificate may chain to.');
const timeoutSeconds = z
  .int()
  .min(1)
  .max(300)
  .default(30)
  .describe('For one delivery, from the connection to the receiver’s confirmation.');
const identity = {
  certificate: path.optional().describe('PEM: our client certificate. Read again for each delivery.'),
  key: path.optional().describe('PEM private key of it; mode 0600 or stricter.'),
};

/** Names of syslog facilities that an audit log may come under. */
export const FACILITIES = [
  'auth',
  'authpriv',
  'audit',
  'local0',
  'local1',
  'local2',
  'local3',
  'local4',
  'local5',
  'local6',
  'local7',
] as const;

const syslog = z.strictObject({
  name,
  kind: z.literal('syslog').describe('RFC 5424 over TLS (RFC 5425).'),
  host: z.string().min(1).max(253).describe('The receiver’s name or address.'),
  port: z.int().min(1).max(65_535).default(6_514).describe('Its port.'),
  serverName: z
    .string()
    .min(1)
    .max(253)
    .optional()
    .describe('What the receiver’s certificate must be for. Unless set: `host`.'),
  ca,
  ...identity,
  facility: z
    .enum(FACILITIES)
    .default('audit')
    .describe('Syslog facility; `audit` is 13. The severity follows from the event.'),
  enterpriseNumber: z
    .int()
    .min(1)
    .max(4_294_967_295)
    .default(32_473)
    .describe(
      'Structured data is called `muster@` this number. 32473 is the one that RFC 5612 keeps for documentation.',
    ),
  maxMessageBytes: z
    .int()
    .min(2_048)
    .max(1_048_576)
    .default(65_536)
    .describe(
      'The longest message that the receiver takes whole. A longer record is sent without its facts, and says so.',
    ),
  confirmation: z
    .enum(CONFIRMATIONS)
    .default('close-notify')
    .describe(
      'What counts as the receiver’s word that it has read a delivery: that it ends TLS (`close-notify`), or, for receivers that never do, that it ' +
        'ends the connection (`connection-end`), which somebody on the way can do too.',
    ),
  timeoutSeconds,
});

const https = z.strictObject({
  name,
  kind: z.literal('https').describe('OCSF events to a webhook.'),
  url: z
    .url({ protocol: /^https$/ })
    .max(2_048)
    .refine((url) => isPlain(url), 'no user name, password or fragment belongs in it')
    .describe('Where batches of events are posted.'),
  ca,
  ...identity,
  format: z
    .enum(['json-array', 'ndjson'])
    .default('json-array')
    .describe('A body is a JSON array, or one JSON document a line.'),
  bearerTokenFile: path
    .optional()
    .describe('File with the token that is sent; mode 0600 or stricter. Read again for each delivery.'),
  timeoutSeconds,
});

const file = z.strictObject({
  name,
  kind: z.literal('file').describe('OCSF events in a file, one JSON document a line.'),
  path: path.describe('Appended to, and made where it is missing; rotate it by renaming.'),
});

const destination = z.discriminatedUnion('kind', [syslog, https, file]).superRefine((value, context) => {
  if (value.kind !== 'file' && (value.certificate === undefined) !== (value.key === undefined)) {
    context.addIssue({ code: 'custom', path: ['key'], message: '`certificate` and `key` go together' });
  }
});

const DESTINATIONS_MAX = 8;

/** `audit`: where else the audit log goes. */
export const auditSchema = z
  .strictObject({
    export: z
      .array(destination)
      .max(DESTINATIONS_MAX)
      .default([])
      .superRefine((destinations, context) => {
        for (const [index, { name: one }] of destinations.entries()) {
          if (destinations.findIndex((other) => other.name === one) !== index)
            context.addIssue({ code: 'custom', path: [index, 'name'], message: 'another destination has this name' });
        }
      })
      .describe('Receivers of the audit log. Each record is delivered to each at least once, in order.'),
  })
  .prefault({})
  .describe('The audit log itself is in the store and has no setting.');

export type AuditConfig = z.output<typeof auditSchema>;
export type DestinationConfig = AuditConfig['export'][number];

/** `config` with every path in it made absolute by `at`. */
export function withAbsoluteAuditPaths(config: AuditConfig, at: (path: string) => string): AuditConfig {
  return { export: config.export.map((one) => withAbsolutePaths(one, at)) };
}

function withAbsolutePaths(config: DestinationConfig, at: (path: string) => string): DestinationConfig {
  const absolute = (named: string | undefined) => (named === undefined ? undefined : at(named));
  switch (config.kind) {
    case 'file':
      return { ...config, path: at(config.path) };
    case 'syslog':
      return { ...config, ca: at(config.ca), certificate: absolute(config.certificate), key: absolute(config.key) };
    case 'https': {
      const { ca: caFile, certificate, key, bearerTokenFile } = config;
      const files = { ca: at(caFile), certificate: absolute(certificate), key: absolute(key) };
      return { ...config, ...files, bearerTokenFile: absolute(bearerTokenFile) };
    }
  }
}

function isPlain(text: string): boolean {
  const { username, password, hash } = new URL(text);
  return username === '' && password === '' && hash === '';
}
