import { open } from 'node:fs/promises';

import type { AgentConfig } from '../config.ts';
import { type Check, fail, ok, warn } from './check.ts';

type Logs = Pick<AgentConfig['tpm'], 'eventLogFile' | 'imaLogFile'>;

/** Whether the logs that a policy may ask for can be read. One that is not there keeps the machine only from pools that ask for it. */
export async function checkLogs({ eventLogFile, imaLogFile }: Logs): Promise<readonly Check[]> {
  return [
    await checkLog('event log', eventLogFile, (missing) =>
      warn(
        'event log',
        missing,
        'boot by UEFI with Secure Boot on, for without it the kernel may offer none, and pools with tpm2.boot refuse this machine',
      ),
    ),
    await checkLog('ima log', imaLogFile, (missing) =>
      ok('ima log', `${missing}; only pools with tpm2.ima need it (kernel option ima_policy=tcb)`),
    ),
  ];
}

async function checkLog(name: string, file: string, absent: (finding: string) => Check): Promise<Check> {
  try {
    await using handle = await open(file, 'r');
    const { bytesRead } = await handle.read(new Uint8Array(1), 0, 1, null);
    return bytesRead === 0 ? absent(`${file} is empty`) : ok(name, `${file} can be read`);
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : String(error);
    if (code === 'ENOENT') return absent(`there is none at ${file}`);
    return fail(
      name,
      `${file} cannot be read (${code})`,
      'run the agent as root, and name the log itself in the tpm section',
    );
  }
}
