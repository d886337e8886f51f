import type { z } from 'zod';

import { agentConfigSchema } from '#agent/config.ts';
import { ROLES } from '#protocol/inventory.ts';
import { policySchema, referenceValuesSchema } from '#protocol/policy.ts';
import { administratorsSchema } from '#services/administrators.ts';
import { authorizerConfigSchema } from '#services/commands/authorizer-config.ts';
import { serverConfigSchema } from '#services/config/config.ts';
import { PERMISSIONS } from '#services/http/roles.ts';

import { schemaTable } from './schema-table.ts';

interface Section {
  readonly title: string;
  readonly intro: string;
  readonly schema: z.ZodType;
}

const SECTIONS: readonly Section[] = [
  {
    title: 'The service',
    intro:
      '`muster init` writes this file, `muster serve --config` reads it. Paths are relative to the file. ' +
      '`muster serve --config FILE --check-config` reads and checks all that a start would, and exits.',
    schema: serverConfigSchema,
  },
  {
    title: 'Administrators',
    intro:
      'The file that `listeners.admin.administrators` names. It is read on every request to the admin listener; a file that cannot be read ' +
      'lets nobody in. The role is in the certificate (`O=muster:<role>`): to change a role, issue another certificate.',
    schema: administratorsSchema,
  },
  {
    title: 'Policy',
    intro:
      'The file that the service’s `policy` names. It is read whole or refused whole, with every file that it names; ' +
      '`muster policy check` judges it as the service would.',
    schema: policySchema,
  },
  {
    title: 'Reference values',
    intro:
      '`muster reference capture` writes such a file; the policy names it, relative to itself. A node’s PCRs must match one such file whole.',
    schema: referenceValuesSchema,
  },
  {
    title: 'The agent',
    intro: 'On each node, `/etc/muster/agent.yaml` unless `--config` says otherwise. Paths are absolute.',
    schema: agentConfigSchema,
  },
  {
    title: 'The authorizer',
    intro:
      'On each control-plane host, what `muster authorizer --config` names; `muster init` writes one to `for-authorizers/`. Paths are relative to ' +
      'the file. [operations/authorizer.md](operations/authorizer.md) says how to set one up.',
    schema: authorizerConfigSchema,
  },
];

/** `docs/configuration.md`: every member of every configuration file, from the schemas that check them. */
export function configurationPage(): string {
  return `# Configuration

<!-- Generated from the schemas by scripts/gen-docs.ts. Edit the descriptions there. -->

Every file is YAML 1.2 without aliases or tags of its own. Unknown members and duplicate keys are refused, all problems are reported
at once, and what is left out gets the stricter behaviour. Members without a default are required, unless they are marked optional.

${SECTIONS.map(renderSection).join('\n')}
## Roles

What the administrator whose certificate carries \`O=muster:<role>\` may do. What is not listed, the role may not do.

| Role | Permissions |
|---|---|
${ROLES.map((role) => `| \`${role}\` | ${PERMISSIONS[role].map((permission) => `\`${permission}\``).join(', ')} |`).join('\n')}

## Environment

| Variable | Meaning |
|---|---|
| \`MUSTER_CONFIG\` | The configuration of \`muster serve\`, where \`--config\` is not given. |
| \`MUSTER_CLI_CONFIG\` | The context file of the other \`muster\` commands, where \`--context-file\` is not given. |
| \`CREDENTIALS_DIRECTORY\` | Set by systemd; where \`issuer.signer.passphrase.kind: systemd-credential\` looks. |

Any other \`MUSTER_…\` variable stops \`muster serve\`: it is a setting misspelt. No secret is ever read from the environment.
`;
}

function renderSection({ title, intro, schema }: Section): string {
  return `## ${title}\n\n${intro}\n\n${schemaTable(schema)}\n`;
}
