import { dirname, join, relative, resolve } from 'node:path';

import { isSeq } from 'yaml';
import { z } from 'zod';

import { CommandFailure, EXIT } from '#core/exit-code.ts';

import { keyIdOf } from '../../authorities.ts';
import { isSelfSigned, readFurtherRoots } from '../../issuer-chain.ts';
import { readCertificates } from '../../read-certificates.ts';
import type { CommandTerminal } from '../command-terminal.ts';
import { changeCaConfig, readCaConfig, refusing, writeNewFile } from './ca-config.ts';
import { isIssuedBy, readKnownCas } from './known-cas.ts';

const optionsSchema = z.object({ config: z.string().min(1), dryRun: z.boolean().default(false) });

/**
 * Adds the roots in `file`, as `muster ca rotate-root` made it, to the configuration. Each must have been signed by a root that is in it, or no
 * agent would follow. The file is copied beside the issuing CA's chain. Throws CommandFailure.
 */
export async function trustRoots(file: string, options: unknown, terminal: CommandTerminal): Promise<void> {
  const { config, dryRun } = optionsSchema.parse(options);
  const source = resolve(terminal.workingDirectory, file);
  const found = await readCaConfig(config, terminal.workingDirectory);
  const known = await readKnownCas(found.config, terminal.now());
  const added = await refusing(() => readFurtherRoots(source, terminal.now()));
  const roots = added.filter(isSelfSigned);
  const unsigned = roots.find(
    (root) =>
      !added.some(
        (cross) =>
          Buffer.compare(cross.publicKey.raw, root.publicKey.raw) === 0 &&
          known.roots.some((old) => isIssuedBy(cross, old)),
      ),
  );
  const [first] = roots;
  if (first === undefined) throw new CommandFailure(EXIT.dataRefused, `${file} has no root that is valid now`);
  if (unsigned !== undefined) {
    throw new CommandFailure(
      EXIT.dataRefused,
      `no root that the configuration names has signed ${keyIdOf(unsigned)}: agents would not follow`,
    );
  }
  const target = join(dirname(found.config.issuer.chain), `node-roots-${keyIdOf(first).slice(0, 12)}.pem`);
  if (!dryRun) {
    writeNewFile(target, (await readCertificates(source)).text);
    await changeCaConfig(found, (document) => {
      const name = relative(dirname(found.file), target);
      const list = document.get('furtherRoots', true);
      if (isSeq(list)) list.add(name);
      else document.set('furtherRoots', document.createNode([name]));
    });
  }
  terminal.out(
    `${dryRun ? 'Would add' : 'Added'} the root ${roots.map(keyIdOf).join(', ')}. Restart the service: agents are told of it from then on.\n`,
  );
}
