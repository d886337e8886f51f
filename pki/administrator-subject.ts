import { type Bytes, equalBytes } from '#core/bytes.ts';

import { buildName } from './x509/name-writer.ts';
import type { Name } from './x509/name.ts';
import { ATTRIBUTE } from './x509/oids.ts';

/** Who an administrator's certificate names. Whether the role exists, and whether this person still has it, is not the certificate's say. */
export interface Administrator {
  /** 1 to 64 characters: letters, digits, space and `._@-`; so never a Kubernetes `system:` name. */
  readonly name: string;
  /** Lower-case letters and hyphens. */
  readonly role: string;
}

const NAME = /^[A-Za-z0-9](?:[A-Za-z0-9 ._@-]{0,62}[A-Za-z0-9])?$/;
const ROLE = /^[a-z](?:[a-z-]{0,30}[a-z])?$/;
const ROLE_PREFIX = 'muster:';

/** DER of the subject O=muster:<role>, CN=<name>. Throws RangeError on a name or role of another form. */
export function administratorSubject({ name, role }: Administrator): Bytes {
  if (!NAME.test(name)) throw new RangeError('administrator name must be letters, digits, space and ._@-, at most 64');
  if (!ROLE.test(role)) throw new RangeError('role must be lower-case letters and hyphens, at most 32');
  return buildName([ATTRIBUTE.organization, ROLE_PREFIX + role], [ATTRIBUTE.commonName, name]);
}

/** Who `subject` stands for; undefined unless it is byte for byte what `administratorSubject` makes of them. */
export function administratorOf(subject: Name): Administrator | undefined {
  const [organization, commonName] = subject.rdns.map((rdn) => Buffer.from(rdn[0]?.value ?? []).toString());
  if (organization === undefined || commonName === undefined || !organization.startsWith(ROLE_PREFIX)) return undefined;
  const administrator = { name: commonName, role: organization.slice(ROLE_PREFIX.length) };
  if (!NAME.test(administrator.name) || !ROLE.test(administrator.role)) return undefined;
  return equalBytes(administratorSubject(administrator), subject.raw) ? administrator : undefined;
}
