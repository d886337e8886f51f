import { execFile } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';

import { liveService } from '#test/lab/live-service.ts';
import { startSwtpm } from '#test/lab/swtpm.ts';

const run = promisify(execFile);
const JOINS = 5;
/** bash's own clock of what it waited for: to the millisecond. */
const MEASURED = 'TIMEFORMAT="%R %U %S"; time "$0" "$@"';

/** A join by the packaged program, on the host's own processor, with a software TPM and a service on loopback; milliseconds. */
export interface OwnShare {
  /** Until the program's end, its waiting for the TPM and for the service within. */
  readonly wholeMs: number;
  /** What the processor worked for the agent's process: its own share. */
  readonly processorMs: number;
}

/** The quickest of a few joins by `program`, the agent's. */
export async function ownShare(program: string): Promise<OwnShare> {
  await using tpm = await startSwtpm();
  await using service = await liveService({ ekAnchors: tpm.caPems });
  const config = await service.agentConfig('worker-1', tpm.address, 'rsa-2048');
  await writeFile(join(service.folder, 'ek.der'), tpm.ekCertificates.get('rsa-2048') ?? new Uint8Array());
  await service.muster('enrol', 'worker-1', '--pool', 'general', '--ek-cert', 'ek.der');
  const refused = await run(program, ['join', '--config', config]).catch((error: unknown) => error);
  const request = /joins show ([0-9a-f-]{36})/.exec(String(refused))?.[1];
  if (request === undefined) throw new Error(`the first join was not refused: ${String(refused)}`);
  await service.muster('reference', 'capture', '--join', request, '--out', 'muster/reference/worker-1.yaml');
  await service.changePolicy({ 'referenceValues: []': 'referenceValues: [reference/worker-1.yaml]' });
  const shares: OwnShare[] = [];
  for (let joins = 0; joins < JOINS; joins++) {
    const { stderr } = await run('bash', ['-c', MEASURED, program, 'join', '--config', config]);
    const [whole = 0, user = 0, system = 0] = (stderr.trim().split('\n').at(-1) ?? '').split(' ').map(Number);
    shares.push({ wholeMs: whole * 1_000, processorMs: (user + system) * 1_000 });
  }
  return shares.reduce((best, share) => (share.processorMs < best.processorMs ? share : best));
}
