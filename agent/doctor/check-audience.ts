import { X509Certificate } from 'node:crypto';

import { encodePem, parsePemOf } from '#pki/x509/pem.ts';

import type { AgentConfig } from '../config.ts';
import { type Check, ok, warn } from './check.ts';

/** What `muster init` calls the CA of the service's certificate. */
const MANAGEMENT_CA = 'Muster management CA';

/**
 * The configured audience beside the name that `muster init` gave both the service and its CA. A service may have been given another since, and a CA
 * may be another's: the check never fails, and whether the two agree is known for certain by a join alone (`nonce-mismatch` in `muster joins show`).
 */
export function checkAudience({ audience, serviceCa }: Pick<AgentConfig, 'audience' | 'serviceCa'>): Check {
  const names = new Set(parsePemOf('CERTIFICATE', serviceCa).flatMap(nameFromInit));
  if (names.has(audience)) return ok('audience', `"${audience}", the name in the service’s CA`);
  if (names.size === 0)
    return ok(
      'audience',
      `"${audience}" (must be the service’s own; a join refused by nonce-mismatch tells that it is not)`,
    );
  const [name = ''] = names;
  return warn(
    'audience',
    `"${audience}", while the service’s CA was made for "${name}"`,
    'set audience to what the service’s muster.yaml says, letter by letter',
  );
}

function nameFromInit(der: Uint8Array): readonly string[] {
  const subject = new X509Certificate(encodePem('CERTIFICATE', der)).subject.split('\n');
  const valueOf = (attribute: string) =>
    subject.find((line) => line.startsWith(`${attribute}=`))?.slice(attribute.length + 1);
  const organization = valueOf('O');
  return valueOf('CN') === MANAGEMENT_CA && organization !== undefined ? [organization] : [];
}
