import { z } from 'zod';

import { CommandFailure, EXIT } from '#core/exit-code.ts';
import { isCertificateFingerprint, isNodeName } from '#core/ids.ts';
import {
  BREAK_GLASS_KUBECONFIG,
  OLDEST_MINOR,
  parseMinorVersion,
  renderAuthorizationConfiguration,
  renderBreakGlass,
  renderWebhookKubeconfig,
} from '#services/kubernetes/cluster-config.ts';
import { renderControllerRbac } from '#services/kubernetes/cluster-rbac.ts';

import type { CommandTerminal } from './command-terminal.ts';

const optionsSchema = z.object({
  version: z.string().transform((text, context) => {
    const minor = parseMinorVersion(text);
    if (minor !== undefined) return minor;
    context.addIssue({ code: 'custom', message: `1.${OLDEST_MINOR} or newer, as in 1.34` });
    return z.NEVER;
  }),
  url: z.url({ protocol: /^https$/, error: 'an https URL' }),
  // Into YAML and onto a control-plane host: an absolute path of plain characters.
  directory: z.string().regex(/^(?:\/[A-Za-z0-9._-]+)+$/, 'an absolute path of letters, digits and ._-'),
  podDeletion: z.boolean().default(true),
  nodeDeletion: z.boolean().default(false),
  nodeCreation: z.boolean().default(false),
  barFingerprint: z.array(z.string().refine(isCertificateFingerprint, 'not a SHA-256 in lower-case hex')).default([]),
  barNode: z.array(z.string().refine(isNodeName, 'not a node name')).default([]),
});

/**
 * Prints the files with which an API server asks the authorizer, and the node controller's rights; with something to bar, the break-glass form
 * instead. Throws
 * CommandFailure on options that are wrong.
 */
export function printKubernetesConfig(options: unknown, terminal: CommandTerminal): void {
  const parsed = optionsSchema.safeParse(options);
  if (!parsed.success) {
    const faults = parsed.error.issues.map(({ path, message }) => `--${kebab(String(path[0] ?? ''))}: ${message}`);
    throw new CommandFailure(EXIT.usage, faults.join('; '), 'See `muster kubernetes config --help`.');
  }
  const { version: minor, url, directory, barFingerprint: fingerprints, barNode: nodeNames } = parsed.data;
  const { podDeletion: deletePods, nodeDeletion: deleteNodes, nodeCreation: createNodes } = parsed.data;
  const plan = { minor, webhookUrl: url, directory };
  const isBreakGlass = fingerprints.length + nodeNames.length > 0;
  const authorization = isBreakGlass
    ? renderBreakGlass(plan, { fingerprints, nodeNames })
    : renderAuthorizationConfiguration(plan);
  const kubeconfig = isBreakGlass ? BREAK_GLASS_KUBECONFIG : renderWebhookKubeconfig(plan);
  const name = isBreakGlass ? 'break-glass' : 'authorizer';
  const rbac = isBreakGlass
    ? ''
    : `---\n# the node controller's rights, for kubectl apply; the authorizer needs none\n${renderControllerRbac({ deletePods, deleteNodes, createNodes })}`;
  terminal.out(
    `# ${directory}/authorization.yaml, for --authorization-config\n${authorization}---\n# ${directory}/${name}.kubeconfig\n${kubeconfig}${rbac}`,
  );
}

const kebab = (name: string): string => name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
