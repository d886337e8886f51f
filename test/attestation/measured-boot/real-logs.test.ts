import { readFileSync } from 'node:fs';

import { describe, expect, test } from 'vitest';

import { toHex } from '#core/bytes.ts';
import type { HashName } from '#core/digest.ts';
import { bootFacts } from '#attestation/measured-boot/boot-facts.ts';
import { actionOf } from '#attestation/measured-boot/exit-boot-services.ts';
import { type EventLogInput, verifyEventLog } from '#attestation/measured-boot/verify-event-log.ts';
import type { VerifiedEventLog } from '#attestation/measured-boot/verified-event-log.ts';
import { LOG_PCRS, logVerdict, quotedAfter } from '#test/lab/boot-log.ts';
import { sharedVector } from '#test/lab/vectors.ts';
import { parseEventLog } from '#tpm2/event-log.ts';
import { EVENT_TYPE } from '#tpm2/event-log/event-type.ts';
import { parseSignatureDatabase } from '#tpm2/event-log/signature-list.ts';
import { parseUefiVariable } from '#tpm2/event-log/uefi-variable.ts';

interface Replayed {
  readonly pcrs?: Readonly<Record<string, Readonly<Record<string, string>>>>;
  readonly error?: string;
  readonly startupLocality?: readonly number[];
}

interface Summary {
  readonly secureBoot: '01' | '00' | 'empty' | null;
  readonly vars: Readonly<Record<string, object>>;
  readonly authority: readonly object[];
  readonly separators: Readonly<Record<string, readonly string[]>>;
  readonly ebs: readonly string[];
  readonly pcr4Apps: readonly string[];
  readonly callingEfiApp: boolean;
}

const replayedFile = sharedVector('derived/replayed-pcrs.json');
const summaryFile = sharedVector('derived/eventlog-summary.json');
const isHere = replayedFile !== undefined && summaryFile !== undefined;
const read = <T>(path: string | undefined): T => JSON.parse(path === undefined ? '{}' : readFileSync(path, 'utf8'));
const REPLAYED = read<Record<string, Replayed>>(replayedFile);
const SUMMARY = read<Record<string, Summary>>(summaryFile);

/** What a quote taken after each log's boot would show, by the values that an independent replay gave. */
function inputOf(file: string): EventLogInput {
  const replayed = REPLAYED[file];
  const bank: HashName =
    replayed?.pcrs?.['sha1'] !== undefined && replayed.pcrs['sha256'] === undefined ? 'sha1' : 'sha256';
  const locality = replayed?.startupLocality?.[0] ?? 0;
  const quotedPcrs = new Map(quotedAfter([], { bank, locality }));
  for (const [pcr, value] of Object.entries(replayed?.pcrs?.[bank] ?? {})) quotedPcrs.set(Number(pcr), value);
  return { log: readFileSync(sharedVector(file) ?? ''), bank, policyPcrs: LOG_PCRS, quotedPcrs };
}

/** Why a log is refused with every PCR in the policy; every other log is accepted. */
const REFUSED: Readonly<Record<string, readonly string[]>> = {
  // An Intel reference board logs a type that no specification has.
  'kgoldman__ibmtss/eventlogs/deb1.log': ['event-log-grammar 0'],
  // Old shims' and GRUB's logs of authorities are a byte longer than what they measured.
  'google__go-eventlog/eventlogs/cos-85-amd-sev.bin': ['event-log-digest-mismatch 7'],
  'google__go-eventlog/eventlogs/debian-10.bin': ['event-log-digest-mismatch 7'],
  // Fragments, not logs of a boot.
  'google__go-eventlog/legacy/short_no_action_eventlog.bin': [0, 1, 2, 3, 4, 5, 6, 7].map(
    (n) => `event-log-grammar ${n}`,
  ),
  'tpm2-software__tpm2-tools/eventlog/event-uefivar.bin': [0, 1, 2, 3, 4, 5, 6, 7].map((n) => `event-log-grammar ${n}`),
  'keylime__keylime/eventlog/binary_bios_measurements-bogus.bin': ['event-log-malformed'],
  'tpm2-software__tpm2-tools/eventlog/specid-vendordata.bin': ['event-log-malformed'],
};

/** The log as a policy accepts it that knows its machine's faults. */
function tolerantly(file: string): EventLogInput {
  const input = inputOf(file);
  const policyPcrs = file.endsWith('deb1.log') ? LOG_PCRS.filter((pcr) => pcr !== 0) : LOG_PCRS;
  return { ...input, policyPcrs, allowPaddedAuthorities: true };
}

describe.skipIf(!isHere)('every real log', () => {
  test.each(Object.keys(REPLAYED))('%s is accepted, or refused for what is wrong with it', (file) => {
    expect(logVerdict(inputOf(file))).toEqual(REFUSED[file] ?? 'accepted');
  });

  const summarised = Object.keys(SUMMARY).filter((file) => logVerdict(tolerantly(file)) === 'accepted');
  test('but for two fragments has facts', () => {
    expect(Object.keys(SUMMARY).length - summarised.length).toBe(2);
  });

  test.each(summarised)('%s has the facts of its summary', (file) => {
    const outcome = verifyEventLog(tolerantly(file));
    if (!outcome.ok) throw new Error(JSON.stringify(outcome.denials));
    const facts = bootFacts(outcome.log);
    const {
      types: _types,
      nonMatching: _nonMatching,
      ...expected
    } = SUMMARY[file] as Summary & Record<string, unknown>;
    expect({
      secureBoot: { on: '01', off: '00', empty: 'empty', 'not-measured': null }[
        facts.secureBoot?.variable ?? 'not-measured'
      ],
      vars: variablesOf(outcome.log),
      authority: facts.secureBoot?.authorities.map(({ variable, guid, exact }) => ({
        pcr: 7,
        name: variable,
        guid,
        digestOk: exact,
        afterSeparator: true,
      })),
      separators: separatorsOf(outcome.log, expected.separators),
      ebs: actionsOf(outcome.log, 5).filter((text) => text.startsWith('Exit Boot Services')),
      pcr4Apps: facts.bootApplications?.map(({ digest }) => digest),
      callingEfiApp: [4, 5].some((pcr) =>
        actionsOf(outcome.log, pcr).includes('Calling EFI Application from Boot Option'),
      ),
    }).toEqual(expected);
  });

  test.each(summarised)('%s has a disk for every partition table that was measured', (file) => {
    const outcome = verifyEventLog(tolerantly(file));
    const tables = parseEventLog(inputOf(file).log).events.filter(
      ({ unverifiedType }) => unverifiedType === EVENT_TYPE.efiGptEvent,
    );
    expect(outcome.ok && bootFacts(outcome.log).disks?.length).toBe(tables.length);
  });

  test.each(Object.keys(SUMMARY))('%s has event types as often as its summary says', (file) => {
    const { events } = parseEventLog(inputOf(file).log);
    const counts: Record<string, number> = {};
    for (const { unverifiedType } of events) {
      const type = `0x${unverifiedType.toString(16)}`;
      counts[type] = (counts[type] ?? 0) + 1;
    }
    expect(counts).toEqual(read<Record<string, { types: object }>>(summaryFile)[file]?.types);
  });
});

const actionsOf = ({ events }: VerifiedEventLog, pcr: number): readonly string[] =>
  (events.get(pcr) ?? []).map(actionOf).filter((action) => action !== undefined);

/** Separators of the PCRs that the summary knows, in its order of PCRs. */
const separatorsOf = ({ events }: VerifiedEventLog, like: Summary['separators']): object =>
  Object.fromEntries(
    Object.keys(like).map((pcr) => [
      pcr,
      (events.get(Number(pcr)) ?? like0(pcr))
        .filter(({ unverifiedType }) => unverifiedType === EVENT_TYPE.separator)
        .map(({ bound }) => `${toHex(bound ?? new Uint8Array())} ok`),
    ]),
  );

/** PCR 0 is not in the policy for one log; its separator is not looked at there. */
const like0 = (pcr: string) =>
  pcr === '0' ? [{ unverifiedType: EVENT_TYPE.separator, bound: new Uint8Array(4) }] : [];

/** The variables of PCR 7 but for authorities: length, and how many entries of what kind a database has. */
function variablesOf({ events }: VerifiedEventLog): object {
  const configs = (events.get(7) ?? []).filter(
    ({ unverifiedType }) => unverifiedType === EVENT_TYPE.efiVariableDriverConfig,
  );
  return Object.fromEntries(
    configs.map(({ bound }) => {
      const { name, data } = parseUefiVariable(bound ?? new Uint8Array());
      const base = { len: data.byteLength, digestOk: true };
      if (!['PK', 'KEK', 'db', 'dbx'].includes(name)) return [name, base];
      const { certificates, imageDigests, others } = parseSignatureDatabase(data);
      return [name, { ...base, x509: certificates.length, sha256: imageDigests.length, other: others }];
    }),
  );
}
