import { readFileSync } from 'node:fs';
import { join } from 'node:path';

import { describe, expect, test } from 'vitest';

import { FAILURE_KINDS } from '#services/audit-export/destination.ts';
import { EXPORTED_EVENTS } from '#services/audit-export/exported-events.ts';
import { OCSF_CLASSES, OCSF_VERSION, SEVERITIES } from '#services/audit-export/ocsf-classes.ts';
import { ocsfEvent } from '#services/audit-export/ocsf-event.ts';
import { labRecord } from '#test/lab/audit-records.ts';

const page = readFileSync(join(import.meta.dirname, '../../../docs/operations/audit-export.md'), 'utf8');

describe('the page on the audit export', () => {
  test('lists every event as receivers get it, and no other', () => {
    const rows = page.split('\n').filter((line) => /^\| `[a-z-]+\.[a-z-]+` \|/.test(line));
    const expected = Object.entries(EXPORTED_EVENTS).map(([type, exported]) => {
      const { name, uid } = OCSF_CLASSES[exported.class];
      const made: { activity_name?: unknown } = ocsfEvent(labRecord({ type }), { audience: 'x', version: '0' });
      const severity = SEVERITIES[exported.severity].ocsf[1];
      return `| \`${type}\` | ${name} (${uid}) | ${String(made.activity_name)} | ${severity} | ${exported.message} |`;
    });
    expect(rows).toEqual(expected);
  });

  test('explains every reason that a delivery fails for, but our own faults', () => {
    const [, table = ''] = page.split('| `failure` | means |');
    const rows = [...table.matchAll(/^\| `([a-z]+)` \| [^|]+ \| [^|]+ \|$/gm)].map(([, kind]) => kind);
    expect(rows).toEqual(FAILURE_KINDS.filter((kind) => kind !== 'fault'));
  });

  test('names the version of the schema', () => {
    expect(page).toContain(`version ${OCSF_VERSION}`);
  });
});
