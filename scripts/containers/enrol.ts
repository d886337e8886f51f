import { EXIT } from '#core/exit-code.ts';

import { DEMO_NODE, operatorFiles } from './operator-files.ts';
import { muster } from './run-muster.ts';

/** Enrols the demonstration's node by its EK certificate, unless it is there. */
export function enrolDemoNode(volumes: string): void {
  const as = ['--context-file', operatorFiles(volumes).context];
  if (muster([...as, 'nodes', 'show', DEMO_NODE.name], [EXIT.ok, EXIT.negative]) === EXIT.ok) return;
  const ek = ['--ek-cert', DEMO_NODE.ekCertificate(volumes)];
  muster([...as, 'enrol', DEMO_NODE.name, '--pool', DEMO_NODE.pool, ...ek]);
}
