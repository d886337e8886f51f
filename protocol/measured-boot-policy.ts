import { z } from 'zod';

import { sha256Hex } from './fields.ts';

const bankHex = z
  .string()
  .regex(/^(?:[0-9a-f]{64}|[0-9a-f]{96})$/, 'a digest of the pool’s bank (SHA-256 or SHA-384) in lower-case hex');
const digests = z.array(bankHex).max(4_096);

/** A line or a token as it stands, byte for byte: no patterns. Control characters cannot be meant. */
const literal = (max: number) =>
  z
    .string()
    .min(1)
    .max(max)
    .regex(/^[^\p{Cc}\u{fffd}]+$/u, 'text without control characters');
/** A GRUB command may be a whole menu entry, of many lines. */
const grubCommand = z
  .string()
  .min(1)
  .max(65_536)
  .regex(/^(?:[^\p{Cc}\u{fffd}]|[\t\n])+$/u, 'text without control characters but tabs and line feeds');
/** Quotation marks could join tokens that are only allowed apart. */
const token = z
  .string()
  .regex(/^[!-~]{1,1024}$/, 'printable ASCII without spaces')
  .regex(/^[^"'\\]+$/, 'a token without quotation marks or backslashes; list the whole line instead');

const commandLines = z
  .strictObject({
    exact: z.array(literal(8_192)).max(1_024).default([]).describe('Whole command lines, each as it is measured.'),
    tokens: z
      .array(token)
      .max(1_024)
      .default([])
      .describe('Words that a command line may be made of, in any order; no other may be in it.'),
    requiredTokens: z.array(token).max(256).default([]).describe('Words that a line made of tokens must have.'),
  })
  .refine(({ tokens, requiredTokens }) => requiredTokens.every((word) => tokens.includes(word)), {
    path: ['requiredTokens'],
    message: 'every required token must be one of tokens',
  });

const bootApplications = z
  .strictObject({
    stages: z
      .array(digests)
      .max(16)
      .optional()
      .describe(
        'For each stage in order (shim, GRUB, …) the digests it may have. The same image twice in a row counts once.',
      ),
    anyOf: digests.optional().describe('Digests that boot applications may have, in any order.'),
  })
  .refine(({ stages, anyOf }) => (stages === undefined) !== (anyOf === undefined), 'either stages or anyOf');

const sbat = z.strictObject({
  date: z
    .string()
    .regex(/^[0-9]{10}$/, 'ten digits, for example 2025021800')
    .describe('Least date and counter of the revocation list.'),
  generations: z
    .record(z.string().regex(/^[a-zA-Z0-9._-]{1,64}$/), z.int().min(1).max(999_999_999))
    .default({})
    .describe('Least generation by component, for example `shim: 4`.'),
});

const uki = z.strictObject({
  sections: z
    .record(z.string().regex(/^\.[a-z]{1,15}$/, 'a section, for example .linux'), digests)
    .describe('By section the digests of its contents it may have. A section that is not named here may not be there.'),
  overrides: digests.default([]).describe('Digests in PCR 12 (credentials, configuration, add-ons) that may be there.'),
  extensions: digests.default([]).describe('Digests in PCR 13 (system extensions) that may be there.'),
});

/**
 * What a pool demands of its nodes' boots, in facts that their event logs prove. Every list names all that is accepted: an empty one accepts
 * nothing, and a member that is left out is not looked at, but for the ones with a default.
 */
export const measuredBootPolicySchema = z.strictObject({
  secureBoot: z
    .enum(['required', 'not-required'])
    .default('required')
    .describe('`required`: the firmware verified what it booted; the variable SecureBoot alone does not count.'),
  dmaProtection: z
    .enum(['required', 'not-required'])
    .default('required')
    .describe('`required`: the firmware did not report that protection against DMA is disabled.'),
  exitBootServices: z
    .enum(['required', 'unlogged-allowed', 'not-required'])
    .default('required')
    .describe(
      '`required`: the log has the end of the boot. `unlogged-allowed`: PCR 5 may show it where the log was copied too early.',
    ),
  allowPaddedAuthorities: z
    .boolean()
    .default(false)
    .describe('Accept authorities that a shim before 15.3 logged with a byte too many.'),
  authorities: z
    .array(sha256Hex)
    .max(256)
    .optional()
    .describe(
      'SHA-256 fingerprints of the certificates (or digests of the images) that may let boot applications run.',
    ),
  driverAuthorities: z
    .array(sha256Hex)
    .max(256)
    .default([])
    .describe(
      'The same for option ROMs and drivers that are measured before the boot. Looked at where `secureBoot` is required.',
    ),
  dbxIncludes: z
    .array(sha256Hex)
    .max(16_384)
    .optional()
    .describe(
      'Digests of images and certificates that the revocation list dbx must have; none of them may have booted.',
    ),
  dbxMinimumEntries: z.int().min(1).max(65_536).optional().describe('Least number of entries in dbx.'),
  sbatAtLeast: sbat.optional().describe('Least revocation level that shim must enforce.'),
  mok: z
    .union([
      z.literal('empty'),
      z.strictObject({ known: digests.describe('Digests of MokList contents, as PCR 14 has them.') }),
    ])
    .optional()
    .describe(
      'Machine Owner Keys: `empty`, or one of the known lists. Either way shim must not be told to skip verification.',
    ),
  firmwareApplications: digests
    .default([])
    .describe('Digests of applications that the firmware itself brings and runs before the boot options.'),
  bootApplications: bootApplications.optional().describe('Digests (Authenticode) of the images that may boot.'),
  kernelDigests: digests
    .optional()
    .describe(
      'Digests of kernels: the last image that booted, or, where GRUB starts kernels itself, a file that it read.',
    ),
  commandLines: commandLines
    .optional()
    .describe('What the kernel may be told. Exactly one command line must be proven.'),
  grubCommands: z.array(grubCommand).max(4_096).optional().describe('Commands that GRUB may have run, each whole.'),
  loaderFiles: digests.optional().describe('Digests of the files that a loader may have read (PCR 9).'),
  initrdDigests: digests
    .optional()
    .describe(
      'Digests of initial RAM disks. One must be there, and nothing else in PCR 9 but `loaderFiles` and kernels.',
    ),
  uki: uki.optional().describe('The unified kernel image that booted.'),
});

/** A pool's demands on its nodes' boots. */
export type MeasuredBootPolicy = z.output<typeof measuredBootPolicySchema>;
