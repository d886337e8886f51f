import { attack, type CheckProof } from './check-proof.ts';

const EXPORTER_TEST = 'test/services/audit-export/audit-exporter.test.ts';
const SYSLOG_TEST = 'test/services/audit-export/syslog-destination.test.ts';
const HTTPS_TEST = 'test/services/audit-export/https-destination.test.ts';
const FILE_TEST = 'test/services/audit-export/file-destination.test.ts';
const EXPORTER = 'services/audit-export/audit-exporter.ts';
const CLOSE = 'services/audit-export/confirmed-close.ts';
const HTTPS = 'services/audit-export/https-destination.ts';

/** The audit log's way out: nothing is lost, nobody waits, and nobody on the way is believed. */
export const AUDIT_EXPORT_PROOFS: readonly CheckProof[] = [
  {
    removes: 'that the cursor moves only behind what was delivered',
    file: EXPORTER,
    check: 'if (!delivery.ok) return this.#fail(delivery, first.sequence);',
    without:
      'if (!delivery.ok) return (await this.#advance(cursor, records, records.length), this.#fail(delivery, first.sequence));',
    test: EXPORTER_TEST,
  },
  {
    removes: 'that the cursor moves no further than what was delivered',
    file: EXPORTER,
    check: 'const last = records[delivered - 1];',
    without: 'const last = records.at(-1);',
    test: EXPORTER_TEST,
  },
  {
    removes: 'that a cursor moves from where the exporter read it',
    file: 'services/store/audit-exports.ts',
    check: "          .where('sequence', '=', p('from')),",
    without: "          .where('sequence', '>=', p('from')),",
    test: 'test/services/store/sqlite-store.contract.test.ts',
  },
  {
    removes: 'that a log which does not continue what was delivered is named',
    file: EXPORTER,
    check: 'first.previousHash === cursor.hash) return;',
    without: 'first.sequence > 0) return;',
    test: EXPORTER_TEST,
  },
  {
    removes: 'the receiver’s own word that it has read a delivery',
    file: CLOSE,
    check: "if (isSaid && (isAnswered || confirmation === 'connection-end')) resolve();",
    without: 'if (isSaid) resolve();',
    test: SYSLOG_TEST,
  },
  {
    removes: 'that the syslog receiver’s certificate is checked',
    file: CLOSE,
    check: 'rejectUnauthorized: true,',
    without: 'rejectUnauthorized: false,',
    test: SYSLOG_TEST,
  },
  {
    removes: 'that the syslog receiver is whom the configuration names',
    file: CLOSE,
    check: '    host: serverName,\n',
    without: '    host: serverName,\n    checkServerIdentity: () => undefined,\n',
    test: SYSLOG_TEST,
  },
  {
    removes: 'that the webhook’s certificate is checked',
    file: HTTPS,
    check: 'rejectUnauthorized: true,',
    without: 'rejectUnauthorized: false,',
    test: HTTPS_TEST,
  },
  {
    removes: 'that a webhook has confirmed only by a 2xx',
    file: HTTPS,
    check: 'if (status >= 200 && status < 300)',
    without: 'if (status >= 200 && status < 400)',
    test: HTTPS_TEST,
  },
  {
    removes: 'that a renewed client certificate makes a new connection',
    file: HTTPS,
    check: 'if (this.#kept !== undefined && isSame(this.#kept.files, files))',
    without: 'if (this.#kept !== undefined)',
    test: HTTPS_TEST,
  },
  {
    removes: 'that no link stands in the place of the file',
    file: 'services/audit-export/file-destination.ts',
    check: 'O_CREAT | O_NOFOLLOW | O_NONBLOCK',
    without: 'O_CREAT | O_NONBLOCK',
    test: FILE_TEST,
  },
  {
    removes: 'that half a line is ended',
    file: 'services/audit-export/file-destination.ts',
    check: "torn ? [Buffer.from('\\n'), ...lines] : lines",
    without: 'lines',
    test: FILE_TEST,
  },
  {
    removes: 'that structured data is escaped',
    file: 'services/audit-export/syslog-message.ts',
    check: '(character) => `\\\\${character}`);',
    without: '(character) => character);',
    test: 'test/services/audit-export/syslog-message.test.ts',
  },
  {
    removes: 'that a changed record gets out, for the receiver to find',
    file: 'services/audit-export/record-text.ts',
    check: 'return JSON.stringify({ ...record, hash: undefined });',
    without: 'throw new Error();',
    test: attack('T77-audit-log-changed-afterwards'),
  },
  {
    removes: 'that a URL in the configuration holds no password',
    file: 'services/config/audit-config.ts',
    check: "return username === '' && password === '' && hash === '';",
    without: "return hash === '';",
    test: 'test/services/config/audit-config.test.ts',
  },
];
