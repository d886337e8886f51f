import { existsSync, readdirSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';

import type { Clock } from '#core/clock.ts';
import { systemRandom } from '#core/random.ts';
import { createRootCa } from '#pki/ca-certificates.ts';
import { certificatePem, generateKey } from '#pki/ceremony.ts';
import { localSigner } from '#pki/signer-file.ts';
import { LAYOUT } from '#services/commands/init-layout.ts';

import { writePublic } from './files.ts';
import { handOutInfrastructure } from './hand-out.ts';
import { makeInfrastructure } from './infrastructure.ts';
import { type OperatorFiles, operatorFiles } from './operator-files.ts';
import { muster } from './run-muster.ts';
import { addMonitor, configureService, writeDemoPolicy } from './service-files.ts';

export interface Preparation {
  readonly volumes: string;
  readonly nodeNetwork: string;
  readonly now: Clock;
}

/**
 * Everything that exists before the first server starts: the service's CAs and configuration, certificates and passwords between the containers,
 * the node's configuration. Kept in the operator's volume, from which each container gets what is its own.
 */
export async function prepare({ volumes, nodeNetwork, now }: Preparation): Promise<void> {
  const files = operatorFiles(volumes);
  if (!existsSync(files.done)) {
    const operator = dirname(files.done);
    for (const name of readdirSync(operator)) rmSync(join(operator, name), { recursive: true });
    await makeEverything(files, { volumes, nodeNetwork, now });
    writePublic(files.done, `${now().toISOString()}\n`);
  }
  handOutInfrastructure(files, volumes);
}

async function makeEverything(files: OperatorFiles, { volumes, nodeNetwork, now }: Preparation): Promise<void> {
  const plan = { organization: 'muster demonstration', commonName: 'Cluster CA', lifetimeDays: 825 };
  const cluster = await createRootCa('management-ca', plan, localSigner(await generateKey()), {
    now: now(),
    random: systemRandom,
  });
  writePublic(files.clusterCa, certificatePem(cluster.certificate));
  const names = ['--dns', 'muster-1', '--dns', 'muster-2'];
  const kubernetes = ['--kubernetes-url', 'https://kubernetes.invalid:6443', '--kubernetes-ca', files.clusterCa];
  muster(['init', '--dir', files.service, ...names, ...kubernetes]);
  await makeInfrastructure(files, now());
  configureService(files);
  writeDemoPolicy(files, volumes, nodeNetwork, now());
  muster(['policy', 'check', join(files.service, LAYOUT.policy)]);
  // A moment that is after the CA's beginning.
  await addMonitor(files, now());
  writePublic(
    files.context,
    `apiVersion: muster/v1
kind: CliContext
admin:
  url: https://muster-1:7444
  caFile: muster/${LAYOUT.managementCa}
  identityFile: muster/${LAYOUT.identity('admin')}
`,
  );
}
