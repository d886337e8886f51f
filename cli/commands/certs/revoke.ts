import { Command } from 'commander';

import { certificateDetailSchema, NODE_REVOCATION_REASONS, type RevocationRequestBody } from '#protocol/revocation.ts';

import type { GlobalOptions, Muster } from '../../muster.ts';
import { writeAnswer } from '../../render/output.ts';
import { renderCertificateDetail } from './show.ts';

interface Options extends GlobalOptions {
  readonly reason: string;
  readonly text?: string;
}

/** `muster certs revoke ID`. */
export function certsRevokeCommand(muster: Muster): Command {
  return new Command('revoke')
    .description('revoke one certificate, for good; its node may attest again and get another')
    .argument('<id>', 'serial number or SHA-256 fingerprint, lower-case hex')
    .requiredOption('--reason <reason>', `RFC 5280: ${NODE_REVOCATION_REASONS.join(', ')}`)
    .option('--text <words>', 'why, for the audit log')
    .addHelpText(
      'after',
      `
There is no way back. To shut the machine out as well, bar its node: \`muster nodes bar\` revokes every certificate it has.

Examples:
  $ muster certs revoke 4d0f… --reason keyCompromise --text "key found in a backup"`,
    )
    .action(async (certificate: string, _: unknown, command: Command) => {
      const options = command.optsWithGlobals<Options>();
      const { client } = muster.connect(options);
      using _client = client;
      const { reason, text } = options;
      const body: RevocationRequestBody = { certificate, reason, ...(text === undefined ? {} : { text }) };
      const revoked = await client.post('/v1/revocations', body, certificateDetailSchema);
      writeAnswer(muster.terminal, options.output, revoked, renderCertificateDetail);
    });
}
