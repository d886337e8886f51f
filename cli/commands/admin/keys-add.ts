import { Command } from 'commander';

import { toBase64Url } from '#core/bytes.ts';
import { sha256Hex } from '#core/digest.ts';
import { CommandFailure, EXIT } from '#core/exit-code.ts';

import type { GlobalOptions, Muster } from '../../muster.ts';
import { writeAnswer } from '../../render/output.ts';
import type { Style } from '../../render/style.ts';

interface Options extends GlobalOptions {
  readonly name: string;
  readonly person: string;
  readonly relyingParty: string;
}

interface Registration {
  readonly securityKey: { readonly name: string; readonly credentialId: string; readonly publicKey: string };
  /** SHA-256 of the public key, to be compared by another way than the one that the registration goes. */
  readonly fingerprint: string;
}

/** `muster admin keys add`. */
export function keysAddCommand({ terminal }: Muster): Command {
  return new Command('add')
    .description('make a key on your security key, and print what the list of administrators must say of it')
    .requiredOption('--name <name>', 'which security key it is, for people')
    .requiredOption('--person <name>', 'whose it is, as the security key shows it')
    .option('--relying-party <id>', 'stepUp.relyingParty of the service', 'muster.internal')
    .addHelpText(
      'after',
      `
Nothing is sent: no call of the API adds a second factor. Whoever keeps the service's list of administrators puts
the lines under your entry, after comparing the fingerprint with you by voice or in person. It counts from the next
request on. The programs of fido2-tools reach the security key; they ask for its PIN.

Examples:
  $ muster admin keys add --name 'blue key' --person alice`,
    )
    .action(async (_: unknown, command: Command) => {
      const { name, person, relyingParty, output } = command.optsWithGlobals<Options>();
      if (terminal.securityKey === undefined) {
        throw new CommandFailure(EXIT.usage, 'nobody is there to touch a security key', 'Run it at a terminal.');
      }
      terminal.err('Touch your security key when it blinks.\n');
      const { credentialId, publicKey } = await terminal.securityKey.create({ relyingParty, person });
      const registration: Registration = {
        securityKey: { name, credentialId, publicKey: toBase64Url(publicKey) },
        fingerprint: sha256Hex(publicKey),
      };
      writeAnswer(terminal, output, registration, render);
    });
}

const render = (
  { securityKey: { name, credentialId, publicKey }, fingerprint }: Registration,
  style: Style,
): string => `\
    securityKeys:
      - name: ${JSON.stringify(name)}
        credentialId: ${credentialId}
        publicKey: ${publicKey}
${style.warn(`Fingerprint to compare before it is registered: ${fingerprint}`)}
`;
