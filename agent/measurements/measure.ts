import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { open } from 'node:fs/promises';

import { toHex } from '#core/bytes.ts';
import { type Measurements, measurementsSchema } from '#protocol/measurements.ts';

import type { MeasurementsConfig } from '../config.ts';
import { agentDigest } from './agent-digest.ts';
import { MeasurementError } from './measurement-error.ts';

/**
 * What this machine runs, as its files say now. What the configuration names no file for is the digest of no bytes. Throws MeasurementError for a
 * file whose contents are not what they should be, and what the file system throws.
 */
export async function measure(config: MeasurementsConfig): Promise<Measurements> {
  const measured = {
    kernel: await fileDigest(config.kernelFile),
    initrd: await fileDigest(config.initrdFile),
    commandLine: (await readShort(config.commandLineFile)).replace(/\n$/, ''),
    agent: await agentDigest(),
    image: config.imageDigestFile === undefined ? NO_BYTES : (await readShort(config.imageDigestFile)).trim(),
  };
  const parsed = measurementsSchema.safeParse(measured);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  const what = issue?.path.join('.') ?? '';
  throw new MeasurementError(
    `the measurement ${what} is ${issue?.message ?? 'not in its form'}`,
    'correct the files that measurements names',
  );
}

const NO_BYTES = toHex(createHash('sha256').digest());

async function fileDigest(file: string | undefined): Promise<string> {
  if (file === undefined) return NO_BYTES;
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(file)) hash.update(chunk);
  return toHex(hash.digest());
}

const SHORT_BYTES = 16_384;

/** A short file's text, read to its end: procfs gives its files no size. */
async function readShort(file: string): Promise<string> {
  await using handle = await open(file, 'r');
  const buffer = Buffer.alloc(SHORT_BYTES);
  let length = 0;
  for (;;) {
    const { bytesRead } = await handle.read(buffer, length, SHORT_BYTES - length, null);
    if (bytesRead === 0) return buffer.toString('utf8', 0, length);
    length += bytesRead;
    if (length === SHORT_BYTES)
      throw new MeasurementError(`${file} is too long`, 'correct the files that measurements names');
  }
}
