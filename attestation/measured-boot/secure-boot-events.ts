import { type Bytes, toHex } from '#core/bytes.ts';
import { EFI_ACTION } from '#tpm2/event-log/efi-action.ts';
import { GUID, GUID_SIZE, guidText } from '#tpm2/event-log/efi-guid.ts';
import { EVENT_TYPE } from '#tpm2/event-log/event-type.ts';
import { parseSignatureDatabase, type SignatureDatabase } from '#tpm2/event-log/signature-list.ts';
import { parsePaddedUefiVariable, parseUefiVariable, type UefiVariable } from '#tpm2/event-log/uefi-variable.ts';

import type { Denial } from '../result.ts';
import { type Authority, authorityFrom } from './authority.ts';
import { grammarDenial } from './separators.ts';
import type { VerifiedEvent } from './verified-event-log.ts';

/** The Secure Boot variables as firmware measured them. */
export interface SecureBootVariables {
  /** `empty` where the firmware has no Secure Boot. */
  readonly secureBoot: 'on' | 'off' | 'empty';
  readonly pk: SignatureDatabase;
  readonly kek: SignatureDatabase;
  readonly db: SignatureDatabase;
  readonly dbx: SignatureDatabase;
}

/** What PCR 7 says, every word of it bound to a digest. Types of events play no part: what an event is follows from its data. */
export interface SecureBootEvents {
  /** Undefined where the firmware measured none of them. */
  readonly variables: SecureBootVariables | undefined;
  /** SetupMode, AuditMode and DeployedMode, where measured. */
  readonly modes: ReadonlyMap<string, boolean>;
  /** Of option ROMs and drivers: before the separator. */
  readonly driverAuthorities: readonly Authority[];
  /** After the separator, in order. */
  readonly authorities: readonly Authority[];
  /** Databases that shims before 15.3 measured here. */
  readonly shimDatabases: readonly UefiVariable[];
  readonly debugMode: boolean;
  readonly dmaProtectionDisabled: boolean;
}

const PCR = 7;

/** The variables that come first, in this order, each once (PC Client Platform Firmware Profile §3.3.4.8). */
const ORDER: readonly (readonly [guid: string, name: string])[] = [
  [GUID.globalVariable, 'SecureBoot'],
  [GUID.globalVariable, 'PK'],
  [GUID.globalVariable, 'KEK'],
  [GUID.imageSecurityDatabase, 'db'],
  [GUID.imageSecurityDatabase, 'dbx'],
];
const MODES: readonly string[] = ['SetupMode', 'AuditMode', 'DeployedMode'];

/** What the bound events of PCR 7 say, or the rule they break. They hold exactly one separator. Throws Tpm2FormatError. */
export function readSecureBootEvents(events: readonly VerifiedEvent[]): SecureBootEvents | Denial {
  const actions = readActions(events);
  if ('code' in actions) return actions;
  const at = events.findIndex(({ unverifiedType }) => unverifiedType === EVENT_TYPE.separator);
  const before = readBefore(events.slice(0, at).filter(isVariable).map(readVariable));
  if ('code' in before) return before;
  const after = readAfter(
    events
      .slice(at + 1)
      .filter(isVariable)
      .map(readVariable),
  );
  if ('code' in after) return after;
  return { ...before, ...after, ...actions };
}

interface MeasuredVariable extends UefiVariable {
  readonly exact: boolean;
}

const isVariable = ({ unverifiedType }: VerifiedEvent): boolean =>
  unverifiedType !== EVENT_TYPE.separator && unverifiedType !== EVENT_TYPE.efiAction;

function readVariable({ bound = new Uint8Array(), unverifiedData }: VerifiedEvent): MeasuredVariable {
  const exact = bound.byteLength === unverifiedData.byteLength;
  return { ...(exact ? parseUefiVariable(bound) : parsePaddedUefiVariable(bound)), exact };
}

type Actions = Pick<SecureBootEvents, 'debugMode' | 'dmaProtectionDisabled'>;

function readActions(events: readonly VerifiedEvent[]): Actions | Denial {
  const texts = events
    .filter(({ unverifiedType }) => unverifiedType === EVENT_TYPE.efiAction)
    .map(({ bound = new Uint8Array() }) => Buffer.from(bound).toString('latin1'));
  const known: readonly string[] = [EFI_ACTION.debugMode, EFI_ACTION.dmaProtectionDisabled];
  const unknown = texts.find((text) => !known.includes(text));
  if (unknown !== undefined) return grammarDenial(PCR, 'an action that PCR 7 does not have', unknown);
  return {
    debugMode: texts.includes(EFI_ACTION.debugMode),
    dmaProtectionDisabled: texts.includes(EFI_ACTION.dmaProtectionDisabled),
  };
}

type Before = Pick<SecureBootEvents, 'variables' | 'modes' | 'driverAuthorities'>;

function readBefore(measured: readonly MeasuredVariable[]): Before | Denial {
  if (measured.length === 0) return { variables: undefined, modes: new Map(), driverAuthorities: [] };
  const isInOrder = ORDER.every(([guid, name], at) => measured[at]?.guid === guid && measured[at].name === name);
  if (!isInOrder) {
    const found = measured.map(({ name }) => name).join(', ');
    return grammarDenial(PCR, 'SecureBoot, PK, KEK, db and dbx do not come first, in this order', found);
  }
  const [secureBoot, pk, kek, db, dbx] = measured.map(({ data }) => data);
  const state = SECURE_BOOT_STATE.get(toHex(secureBoot ?? new Uint8Array()));
  if (state === undefined) return grammarDenial(PCR, 'SecureBoot is not one byte, 0 or 1');
  const variables = { secureBoot: state, pk: parse(pk), kek: parse(kek), db: parse(db), dbx: parse(dbx) };
  const rest = readOthers(measured.slice(ORDER.length));
  return 'code' in rest ? rest : { variables, ...rest };
}

const parse = (data: Bytes | undefined): SignatureDatabase => parseSignatureDatabase(data ?? new Uint8Array());

const SECURE_BOOT_STATE: ReadonlyMap<string, SecureBootVariables['secureBoot']> = new Map([
  ['', 'empty'],
  ['00', 'off'],
  ['01', 'on'],
]);

/** Modes, each once; what let drivers run; and variables of the maker's own, from which nothing is concluded. */
function readOthers(measured: readonly MeasuredVariable[]): Omit<Before, 'variables'> | Denial {
  const modes = new Map<string, boolean>();
  const driverAuthorities: Authority[] = [];
  for (const variable of measured) {
    const { guid, name, data } = variable;
    if (isMode(variable)) {
      if (modes.has(name) || data.byteLength > 1) return grammarDenial(PCR, 'a mode twice, or not one byte', name);
      modes.set(name, data[0] === 1);
      continue;
    }
    const authority = authorityFrom(variable, variable.exact);
    if (isAuthorityOfDb(variable, authority)) driverAuthorities.push(authority);
    else if (isOrdered(guid, name)) return grammarDenial(PCR, 'a Secure Boot variable twice', name);
  }
  return { modes, driverAuthorities };
}

type After = Pick<SecureBootEvents, 'authorities' | 'shimDatabases'>;

/** Nothing of what the firmware measures before the separator comes after it. */
function readAfter(measured: readonly MeasuredVariable[]): After | Denial {
  const authorities: Authority[] = [];
  const shimDatabases: UefiVariable[] = [];
  for (const variable of measured) {
    const { guid, name } = variable;
    const authority = authorityFrom(variable, variable.exact);
    if ((isOrdered(guid, name) && !isAuthorityOfDb(variable, authority)) || isMode(variable)) {
      return grammarDenial(PCR, 'a Secure Boot variable after the separator', name);
    }
    if (isDatabase(variable)) shimDatabases.push(variable);
    else authorities.push(authority);
  }
  return { authorities, shimDatabases };
}

const isMode = ({ guid, name }: UefiVariable): boolean => guid === GUID.globalVariable && MODES.includes(name);

const isOrdered = (guid: string, name: string): boolean => ORDER.some(([g, n]) => g === guid && n === name);

const isAuthorityOfDb = ({ guid, name }: UefiVariable, { content }: Authority): boolean =>
  guid === GUID.imageSecurityDatabase && name === 'db' && content.kind !== 'data';

/** True for shim's MokList and MokListX as whole databases; as authorities they are one certificate. */
function isDatabase({ guid, name, data }: UefiVariable): boolean {
  if (guid !== GUID.shimLock || !name.startsWith('MokList')) return false;
  const types: readonly string[] = [GUID.certX509, GUID.certSha256];
  return data.byteLength >= GUID_SIZE && types.includes(guidText(data.subarray(0, GUID_SIZE)));
}
