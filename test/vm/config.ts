import { homedir } from 'node:os';
import { join } from 'node:path';

/** Where images are kept between runs: `VM_CACHE`, or a directory of its own in the user's cache. */
export function imageCache(): string {
  const { VM_CACHE: own, XDG_CACHE_HOME: caches } = process.env;
  return own ?? join(caches ?? join(homedir(), '.cache'), 'muster-vm');
}

/** The agent's Debian package, which `VM_AGENT_DEB` names. */
export const agentDeb = (): string | undefined => process.env['VM_AGENT_DEB'];

/** Where the logs of this run's boots go, which `VM_KEEP` names; undefined: nowhere. */
export const keptLogs = (): string | undefined => process.env['VM_KEEP'];
