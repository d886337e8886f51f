import { EVENT_TYPE } from '#tpm2/event-log/event-type.ts';

const T = EVENT_TYPE;

/** What firmware measures of itself. Nothing is concluded from single events of these PCRs, only from the PCRs' values. */
const FIRMWARE: readonly number[] = [
  T.separator,
  T.postCode,
  T.postCode2,
  T.action,
  T.eventTag,
  T.sCrtmContents,
  T.sCrtmVersion,
  T.cpuMicrocode,
  T.platformConfigFlags,
  T.tableOfDevices,
  T.compactHash,
  T.nonhostCode,
  T.nonhostConfig,
  T.nonhostInfo,
  T.omitBootDeviceEvents,
  T.efiVariableDriverConfig,
  T.efiVariableBoot,
  T.efiVariableBoot2,
  T.efiBootServicesDriver,
  T.efiRuntimeServicesDriver,
  T.efiAction,
  T.efiPlatformFirmwareBlob,
  T.efiPlatformFirmwareBlob2,
  T.efiHandoffTables,
  T.efiHandoffTables2,
  T.efiHcrtmEvent,
  T.efiSpdmFirmwareBlob,
  T.efiSpdmFirmwareConfig,
];

/** Of images, each with the image's own digest: which of these types an event claims makes no difference. */
const IMAGES: readonly number[] = [
  T.efiBootServicesApplication,
  T.efiBootServicesDriver,
  T.efiRuntimeServicesDriver,
  T.compactHash,
  T.ipl,
];

/** Windows measures with these what Linux loaders measure with EV_IPL. */
const LOADER: readonly number[] = [T.ipl, T.eventTag, T.compactHash, T.separator];

/**
 * The event types each PCR that a firmware log governs may have (PC Client Platform Firmware Profile §2.3.4 and §10.4.1, the loaders'
 * documentation for PCR 8 to 14, and what real firmware logs where the profile is silent). EV_NO_ACTION may stand anywhere.
 */
const GRAMMAR: ReadonlyMap<number, ReadonlySet<number>> = new Map(
  Object.entries({
    0: FIRMWARE,
    1: FIRMWARE,
    2: [...FIRMWARE, T.efiBootServicesApplication],
    3: FIRMWARE,
    4: [...IMAGES, T.separator, T.action, T.efiAction],
    5: [
      T.separator,
      T.action,
      T.efiAction,
      T.eventTag,
      T.efiGptEvent,
      T.efiGptEvent2,
      T.efiVariableBoot,
      T.efiVariableBoot2,
      T.efiVariableDriverConfig,
      T.iplPartitionData,
    ],
    6: FIRMWARE,
    7: [
      T.separator,
      T.efiAction,
      T.efiVariableDriverConfig,
      T.efiVariableAuthority,
      T.efiSpdmDevicePolicy,
      T.efiSpdmDeviceAuthority,
    ],
    8: [T.ipl],
    9: [T.ipl, T.eventTag],
    11: LOADER,
    12: LOADER,
    13: LOADER,
    14: LOADER,
  } satisfies Record<number, readonly number[]>).map(([pcr, types]) => [Number(pcr), new Set(types)]),
);

/** True for the PCRs whose value a firmware event log explains. Of the others, 10 is IMA's, and the rest are for the running system. */
export const isGovernedByLog = (pcr: number): boolean => GRAMMAR.has(pcr);

/** True if an event of `pcr` may claim to be of this type; no type that is not in the profile ever may. */
export const mayHaveType = (pcr: number, type: number): boolean => GRAMMAR.get(pcr)?.has(type) === true;

const NAMES: ReadonlyMap<number, string> = new Map(Object.entries(EVENT_TYPE).map(([name, type]) => [type, name]));

/** An event type for people: its name here, or its number. */
export const eventTypeName = (type: number): string => NAMES.get(type) ?? `0x${type.toString(16)}`;
