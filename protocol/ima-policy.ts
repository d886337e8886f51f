import { z } from 'zod';

const HEX_LENGTH: ReadonlyMap<string, number> = new Map([
  ['sha256', 64],
  ['sha384', 96],
  ['sha512', 128],
]);
const DIGEST = /^(?:verity:)?(sha256|sha384|sha512):([0-9a-f]{64,128})$/;

const fileDigest = z
  .string()
  .max(150)
  .refine((text) => {
    const [, algorithm = '', hex = ''] = DIGEST.exec(text) ?? [];
    return HEX_LENGTH.get(algorithm) === hex.length;
  }, 'a digest as IMA writes it, for example sha256:… in lower-case hex; MD5 and SHA-1 are too weak');
const fileDigests = z.array(fileDigest).max(65_536);
const bufferDigests = z.array(z.string().regex(/^[0-9a-f]{64}$/, 'a SHA-256 in lower-case hex')).max(4_096);

const PATH = /^\/[^\p{Cc}\u{fffd}]*$/u;
const path = z.string().min(2).max(4_096).regex(PATH, 'an absolute path');

/** Where programs lie, and where anyone may put one: what is excluded there could be run unseen. */
const NEVER_EXCLUDED = [
  '/bin/',
  '/sbin/',
  '/lib/',
  '/lib64/',
  '/boot/',
  '/usr/bin/',
  '/usr/sbin/',
  '/usr/lib/',
  '/usr/lib64/',
  '/usr/libexec/',
  '/usr/local/bin/',
  '/usr/local/sbin/',
  '/usr/local/lib/',
  '/etc/systemd/',
  '/etc/kubernetes/',
  '/tmp/',
  '/var/tmp/',
  '/dev/shm/',
];
const excluded = path
  .refine((text) => !/\/\.{0,2}(?:\/|$)/.test(text.replace(/\/$/, '')), 'a path without //, /./ or /../')
  .refine(
    (text) =>
      NEVER_EXCLUDED.every((folder) => !folder.startsWith(`${text.replace(/\/$/, '')}/`) && !text.startsWith(folder)),
    'a folder, with a slash at its end, or one file; neither where programs lie nor where everyone may write',
  );

const measurementPolicy = z.strictObject({
  commandLineTokens: z
    .array(z.string().regex(/^[!-~]{1,256}$/))
    .max(16)
    .default([])
    .describe('Words that the kernel’s proven command line must have, for example `ima_policy=tcb`.'),
  files: z
    .record(path, fileDigests)
    .default({})
    .describe('Or: measured policy files, one of which must be in the list with one of its digests.'),
});

/**
 * What a pool demands of what its nodes have run and read since they booted. Every list names all that is accepted. A file is accepted by its
 * digest, by path and digest, by its signature, or because its path is excluded; nothing else is.
 */
export const imaPolicySchema = z.strictObject({
  measurementPolicy: measurementPolicy.describe(
    'How it is known what the kernel measures. Without it, that a file is not in the list means nothing.',
  ),
  violations: z
    .enum(['refuse', 'allow-excluded'])
    .default('refuse')
    .describe('Files that changed while they were measured: refused, or allowed where their path is excluded.'),
  digests: fileDigests.default([]).describe('Digests of files wherever they lie, for example `sha256:…`.'),
  files: z.record(path, fileDigests).default({}).describe('By path, the digests that the file there may have.'),
  signatureKeys: z
    .array(z.string().min(1).max(8_192))
    .max(64)
    .default([])
    .describe('Public keys (PEM) whose file signatures (imasig version 2, fs-verity version 3) are accepted.'),
  keyrings: z
    .record(z.string().regex(/^\.[a-z_]{1,63}$/, 'a keyring, for example .ima'), bufferDigests)
    .default({})
    .describe('By keyring, SHA-256 of the keys (as measured) that may be added to it.'),
  buffers: z
    .record(z.string().regex(/^[!-~]{1,255}$/), bufferDigests)
    .default({})
    .describe('By name, SHA-256 of other measured buffers, for example `kexec-cmdline`.'),
  excludes: z
    .array(excluded)
    .max(256)
    .default([])
    .describe(
      'What is not looked at: the files below a folder, which ends in a slash, and single files. Compared as they stand.',
    ),
});

/** A pool's demands on its nodes' IMA lists. */
export type ImaPolicy = z.output<typeof imaPolicySchema>;

/** The PCRs that must be quoted for an IMA list to be proven: its own, and those that its first record aggregates. */
export const IMA_REQUIRED_PCRS: readonly number[] = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10];
