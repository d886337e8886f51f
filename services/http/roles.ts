import { ROLES, type Role } from '#protocol/inventory.ts';

/** What a route asks of its caller. */
export type Permission =
  | 'self:read'
  | 'nodes:read'
  | 'nodes:enrol'
  | 'nodes:renew'
  | 'nodes:change'
  | 'certificates:revoke'
  | 'joins:read'
  | 'audit:read'
  | 'policy:read'
  | 'reference-values:capture'
  | 'reference-values:retire'
  | 'snapshot:read'
  | 'metrics:read';

/** Who may do what. What is not in a role's list, that role may not do; no role can change or remove an audit record. */
export const PERMISSIONS: Readonly<Record<Role, readonly Permission[]>> = {
  viewer: ['self:read', 'nodes:read', 'policy:read', 'metrics:read'],
  operator: [
    'self:read',
    'nodes:read',
    'nodes:enrol',
    'nodes:change',
    'certificates:revoke',
    'nodes:renew',
    'joins:read',
    'policy:read',
    'metrics:read',
  ],
  auditor: ['self:read', 'nodes:read', 'joins:read', 'audit:read', 'policy:read', 'metrics:read'],
  'policy-author': [
    'self:read',
    'nodes:read',
    'joins:read',
    'policy:read',
    'reference-values:capture',
    'reference-values:retire',
  ],
  'cluster-administrator': [
    'self:read',
    'nodes:read',
    'nodes:enrol',
    'nodes:change',
    'certificates:revoke',
    'nodes:renew',
    'joins:read',
    'audit:read',
    'policy:read',
    'reference-values:capture',
    'reference-values:retire',
    'snapshot:read',
    'metrics:read',
  ],
  // A program on a control-plane host: what it may read is what it needs.
  authorizer: ['snapshot:read'],
  // A scraper: counts, times and health, and nothing of any node.
  monitor: ['metrics:read'],
};

/** True when `role`'s list has `permission`. */
export const permits = (role: Role, permission: Permission): boolean => PERMISSIONS[role].includes(permission);

const PREFIX = 'muster:';

/** The role that an organisation name in an administrator's certificate stands for, or undefined for any other text. */
export function roleOf(organisation: string): Role | undefined {
  return organisation.startsWith(PREFIX) ? ROLES.find((role) => `${PREFIX}${role}` === organisation) : undefined;
}
