/* Takes the join lock of a directory, says so, and keeps it until it is killed: node hold-join-lock.ts <directory> */
import { setTimeout } from 'node:timers/promises';

import { acquireJoinLock } from '#agent/join-lock.ts';

const [directory = ''] = process.argv.slice(2);
const deps = { sleep: () => Promise.resolve(), elapsedMs: () => 0, progress: () => undefined };
using _ = await acquireJoinLock({ directory, waitSeconds: 0 }, deps);
process.stdout.write('held');
await setTimeout(60_000);
