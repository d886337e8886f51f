import { z } from 'zod';

const texts = z.array(z.string());
const database = z.object({
  certificates: texts,
  imageDigests: texts,
  certificateDigests: texts,
  others: z.int(),
});
const authorities = z.array(
  z.object({
    variable: z.string(),
    guid: z.string(),
    fingerprint: z.string().optional(),
    inDb: z.boolean(),
    exact: z.boolean(),
  }),
);
const secureBoot = z.object({
  proven: z.boolean(),
  doubts: texts,
  variable: z.enum(['on', 'off', 'empty', 'not-measured']),
  setupMode: z.boolean().optional(),
  auditMode: z.boolean().optional(),
  deployedMode: z.boolean().optional(),
  pk: database,
  kek: database,
  db: database,
  dbx: database,
  authorities,
  driverAuthorities: authorities,
  sbat: z
    .union([
      z.literal('unreadable'),
      z.object({ date: z.string(), generations: z.array(z.tuple([z.string(), z.int()])) }),
    ])
    .optional(),
  debugMode: z.boolean(),
  dmaProtectionDisabled: z.boolean(),
});
const mok = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('absent') }),
  z.object({
    kind: z.literal('measured'),
    list: z.enum(['empty', 'other', 'not-measured']),
    listDigest: z.string().optional(),
    validationDisabled: z.boolean(),
    measurements: z.array(z.object({ digest: z.string(), unverifiedName: z.string() })),
  }),
]);
const uki = z.object({
  image: z
    .object({
      sections: z.array(z.object({ name: z.string(), digest: z.string() })),
      otherEvents: z.int(),
      bootPhases: texts,
    })
    .optional(),
  commandLines: texts.optional(),
  overrides: texts.optional(),
  extensions: texts.optional(),
});

/** What an event log proved of a boot, as the audit log has it. Members are as in the Verifier's facts; partition tables are not kept. */
export const recordedBootSchema = z.object({
  bank: z.enum(['sha256', 'sha384']),
  pcrs: z.array(z.int()),
  secureBoot: secureBoot.optional(),
  mok: mok.optional(),
  bootApplications: z
    .array(z.object({ digest: z.string(), beforeSeparator: z.boolean(), unverifiedPath: z.string().optional() }))
    .optional(),
  grub: z.object({ commands: texts, commandLines: texts }).optional(),
  loaderFiles: z
    .array(z.object({ digest: z.string(), isKnownCommandLine: z.boolean(), unverifiedName: z.string() }))
    .optional(),
  uki,
  exitBootServices: z.enum(['logged', 'not-logged', 'missing']).optional(),
  warnings: z.array(
    z.object({
      code: z.enum(['exit-boot-services-not-logged', 'exit-boot-services-missing', 'authority-one-byte-longer']),
      pcr: z.int(),
      detail: z.string(),
    }),
  ),
});
export type RecordedBoot = z.output<typeof recordedBootSchema>;

/** Facts that are on record, or, where they were too long for a record, how long they were and what they hash to. */
export const bootRecordSchema = z.union([recordedBootSchema, z.object({ omittedBytes: z.int(), sha256: z.string() })]);
export type BootRecord = z.output<typeof bootRecordSchema>;

/** How far an IMA list was proven. Its records are not kept: there may be tens of thousands. */
export const imaRecordSchema = z.object({
  records: z.int(),
  /** Of these, as many as evidence of the same boot had proven before. */
  provenBefore: z.int(),
  unproven: z.int(),
  pcr10: z.string(),
});
export type ImaFactsRecord = z.output<typeof imaRecordSchema>;
