import { appendFileSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

import { createPrivateKey } from 'node:crypto';

import { systemClock } from '#core/clock.ts';
import { sha256Hex } from '#core/digest.ts';
import { systemRandom } from '#core/random.ts';
import { localSigner, managedSigner } from '#pki/signer-file.ts';
import { parsePemOf } from '#pki/x509/pem.ts';
import { startService } from '#services/compose/service.ts';
import { createLog } from '#services/http/request-log.ts';
import { openPolicySource } from '#services/policy-source.ts';
import { openSqliteStore } from '#services/store/sqlite/sqlite-store.ts';

import { fixedKeys, TICKET_KEY } from './join-lab.ts';
import { killer, mortalSigner, mortalStore } from './kill-points.ts';
import { labConfig } from './lab-config.ts';

/**
 * A program: the whole service over SQLite, in the folder that is its argument. Says its ports on standard output; on a line of standard
 * input, dies at the point that the line names when a join next passes it. Signatures are witnessed in `signatures.log`.
 */
const folder = process.argv[2] ?? '';
const read = (name: string): string => readFileSync(join(folder, name), 'utf8');
const death = killer();
createInterface({ input: process.stdin }).on('line', death.arm);

const identity = { certificate: read('server.pem'), key: read('server.key') };
const signer = localSigner(createPrivateKey(read('issuing.key')));
const service = await startService({
  config: labConfig('127.0.0.1', join(folder, 'administrators.yaml')),
  material: {
    node: identity,
    admin: identity,
    clientCa: read('management.pem'),
    issuerChain: parsePemOf('CERTIFICATE', read('chain.pem')),
    signer: managedSigner(
      mortalSigner(signer, death, (tbs) => appendFileSync(join(folder, 'signatures.log'), `${sha256Hex(tbs)}\n`)),
    ),
    ticketKeys: { ...fixedKeys(TICKET_KEY), reload: () => Promise.resolve(1) },
    policySource: await openPolicySource(join(folder, 'policy.yaml'), systemClock),
    kubernetesCa: read('management.pem'),
  },
  store: mortalStore(await openSqliteStore({ path: join(folder, 'data', 'muster.db') }), death),
  log: createLog('error'),
  now: systemClock,
  random: systemRandom,
  version: 'lab',
});
console.log(JSON.stringify({ node: service.node, admin: service.admin }));
