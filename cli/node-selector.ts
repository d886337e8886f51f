import { InvalidArgumentError } from 'commander';

import { type NodeSelector, nodeSelectorSchema } from '#protocol/revocation.ts';

/** Reads `pool=…,state=…,name=…`, each at most once and at least one. Throws what commander turns into a usage message. */
export function parseNodeSelector(text: string): NodeSelector {
  const members = new Map<string, string>();
  for (const part of text.split(',')) {
    const [key = '', ...rest] = part.split('=');
    if (rest.length !== 1 || members.has(key))
      throw new InvalidArgumentError('pool=…, state=… and name=… are needed, each once.');
    members.set(key, rest[0] ?? '');
  }
  const parsed = nodeSelectorSchema.safeParse(Object.fromEntries(members));
  if (parsed.success) return parsed.data;
  const [fault] = parsed.error.issues;
  throw new InvalidArgumentError(`${fault?.path.join('.') ?? ''}: ${fault?.message ?? 'not a selector'}`);
}
