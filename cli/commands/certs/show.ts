import { Command } from 'commander';

import { type CertificateDetail, certificateDetailSchema } from '#protocol/revocation.ts';

import type { GlobalOptions, Muster } from '../../muster.ts';
import { orNotFound } from '../../not-found.ts';
import { writeAnswer } from '../../render/output.ts';
import { styleCertificateState } from '../../render/states.ts';
import type { Style } from '../../render/style.ts';
import { renderFields } from '../../render/table.ts';
import { renderTime } from '../../render/time.ts';

/** `muster certs show ID`. */
export function certsShowCommand(muster: Muster): Command {
  return new Command('show')
    .description('one certificate, by serial number or fingerprint')
    .argument('<id>', 'serial number or SHA-256 fingerprint, lower-case hex')
    .addHelpText('after', '\nExamples:\n  $ muster certs show 4d0f…\n  $ muster certs show 4d0f… -o yaml')
    .action(async (id: string, _: unknown, command: Command) => {
      const options = command.optsWithGlobals<GlobalOptions>();
      const { client } = muster.connect(options);
      using _client = client;
      const found = await orNotFound(
        client.get(`/v1/certificates/${encodeURIComponent(id)}`, {}, certificateDetailSchema),
        `there is no certificate ${id}`,
        '`muster certs list` shows all there are.',
      );
      writeAnswer(muster.terminal, options.output, found, renderCertificateDetail);
    });
}

/** A certificate's members, one a line. */
export function renderCertificateDetail(certificate: CertificateDetail, style: Style): string {
  const { revocation, state } = certificate;
  return renderFields(
    [
      ['Serial', certificate.serial],
      ['Node', certificate.nodeName],
      ['State', state, styleCertificateState(state, style)],
      ['Revoked', revocation && `${renderTime(revocation.revokedAt)} for ${revocation.reason}`],
      ['Fingerprint', certificate.fingerprint],
      ['Key', certificate.spkiFingerprint],
      ['Not before', renderTime(certificate.notBefore)],
      ['Not after', renderTime(certificate.notAfter)],
      ['Join', certificate.requestId],
    ],
    style,
  );
}
