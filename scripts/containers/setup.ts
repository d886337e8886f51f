import { parseArgs } from 'node:util';

import { systemClock } from '#core/clock.ts';

import { enrolDemoNode } from './enrol.ts';
import { moveIssuerToOpenBao } from './issuer.ts';
import { prepare } from './prepare.ts';

/**
 * The jobs of docker-compose.yml that make everything the others start with. Each is done once and does nothing when it is run again; one
 * that was cut short begins anew, for nothing has started yet that depends on it.
 */
const { positionals, values } = parseArgs({
  allowPositionals: true,
  options: {
    /** Where each volume is mounted, by its name. */
    volumes: { type: 'string', default: '/volumes' },
    /** The network that nodes join from, with its prefix length. */
    'node-network': { type: 'string', default: '' },
  },
});

switch (positionals.join(' ')) {
  case 'prepare':
    await prepare({ volumes: values.volumes, nodeNetwork: values['node-network'], now: systemClock });
    break;
  case 'issuer':
    await moveIssuerToOpenBao(values.volumes);
    break;
  case 'enrol':
    enrolDemoNode(values.volumes);
    break;
  default:
    console.error('which job? prepare, issuer or enrol');
    process.exitCode = 64;
}
