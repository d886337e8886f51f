import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';

import { renderIgnition } from './render-ignition.ts';

// node scripts/packages/ignition.ts --for-nodes DIR --program-url URL --program-sha256 HEX > node.ign
const { values } = parseArgs({
  options: {
    'for-nodes': { type: 'string', default: 'for-nodes' },
    'program-url': { type: 'string', default: '' },
    'program-sha256': { type: 'string', default: '' },
  },
});
const { 'for-nodes': directory, 'program-url': url, 'program-sha256': sha256 } = values;
if (!URL.canParse(url) || !/^[0-9a-f]{64}$/.test(sha256)) {
  console.error('--program-url and --program-sha256 say where the agent is fetched, and what it must be');
  process.exitCode = 64;
} else {
  const read = (name: string): string => readFileSync(join(directory, name), 'utf8');
  const files = { agentConfig: read('agent.yaml'), serviceCa: read('service-ca.pem'), nodeCa: read('node-ca.pem') };
  process.stdout.write(renderIgnition(join(import.meta.dirname, '../..'), { program: { url, sha256 }, ...files }));
}
