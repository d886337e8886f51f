import { Command, Option } from 'commander';

import { certificateSummarySchema } from '#protocol/inventory.ts';
import { type CertificateDetail, certificatePageSchema } from '#protocol/revocation.ts';

import type { GlobalOptions, Muster } from '../../muster.ts';
import { withProgress } from '../../progress.ts';
import { writeAnswer } from '../../render/output.ts';
import { styleCertificateState } from '../../render/states.ts';
import { type Column, renderTable } from '../../render/table.ts';
import { renderTime } from '../../render/time.ts';

interface Options extends GlobalOptions {
  readonly node?: string;
  readonly state?: string;
}

const PAGE = 1_000;

const COLUMNS: readonly Column<CertificateDetail>[] = [
  { heading: 'SERIAL', cell: (certificate) => certificate.serial },
  { heading: 'NODE', cell: (certificate) => certificate.nodeName },
  {
    heading: 'STATE',
    cell: (certificate) => certificate.state,
    style: (certificate, style) => styleCertificateState(certificate.state, style),
  },
  { heading: 'REVOKED FOR', cell: (certificate) => certificate.revocation?.reason },
  { heading: 'NOT AFTER', cell: (certificate) => renderTime(certificate.notAfter) },
];

/** `muster certs list`. */
export function certsListCommand(muster: Muster): Command {
  return new Command('list')
    .description('certificates, in order of serial number')
    .option('--node <name>', 'only this node’s')
    .addOption(
      new Option('--state <state>', 'only in this state').choices(certificateSummarySchema.shape.state.options),
    )
    .addHelpText(
      'after',
      '\nExamples:\n  $ muster certs list --node worker-7\n  $ muster certs list --state revoked -o json',
    )
    .action(async (_: unknown, command: Command) => {
      const options = command.optsWithGlobals<Options>();
      const { client } = muster.connect(options);
      using _client = client;
      const certificates = await withProgress(muster.terminal, 'reading certificates', async (report) => {
        const found: CertificateDetail[] = [];
        for (let after: string | undefined, more = true; more;) {
          const query = { node: options.node, state: options.state, after, limit: PAGE };
          const page = await client.get('/v1/certificates', query, certificatePageSchema);
          found.push(...page.certificates);
          report(`${found.length}`);
          after = page.next;
          more = after !== undefined;
        }
        return found;
      });
      writeAnswer(muster.terminal, options.output, { certificates }, (answer, style) =>
        renderTable(COLUMNS, answer.certificates, style),
      );
    });
}
