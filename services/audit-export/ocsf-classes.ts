/** Of the schema that events are written by. A newer one is a decision: receivers look at it to know what they may find. */
export const OCSF_VERSION = '1.6.0';

const IAM = { uid: 3, name: 'Identity & Access Management' };
const APPLICATION = { uid: 6, name: 'Application Activity' };

/** The classes in use, with the activities of each by our name for them: the schema's number, and its caption. */
export const OCSF_CLASSES = {
  authentication: {
    uid: 3002,
    name: 'Authentication',
    category: IAM,
    activities: { logon: [1, 'Logon'], preauth: [6, 'Preauth'] },
  },
  'entity-management': {
    uid: 3004,
    name: 'Entity Management',
    category: IAM,
    activities: {
      create: [1, 'Create'],
      update: [3, 'Update'],
      enroll: [6, 'Enroll'],
      unenroll: [7, 'Unenroll'],
      enable: [8, 'Enable'],
      disable: [9, 'Disable'],
      activate: [10, 'Activate'],
      suspend: [12, 'Suspend'],
      resume: [13, 'Resume'],
    },
  },
  'application-lifecycle': {
    uid: 6002,
    name: 'Application Lifecycle',
    category: APPLICATION,
    activities: { start: [3, 'Start'], stop: [4, 'Stop'] },
  },
  'api-activity': {
    uid: 6003,
    name: 'API Activity',
    category: APPLICATION,
    activities: { create: [1, 'Create'], update: [3, 'Update'], other: [99, 'Refused request'] },
  },
  /** For a record of a type that this program does not know: another release wrote it. */
  'base-event': {
    uid: 0,
    name: 'Base Event',
    category: { uid: 0, name: 'Uncategorized' },
    activities: { other: [99, 'Unknown event'] },
  },
} as const;

export type OcsfClass = keyof typeof OCSF_CLASSES;
export type OcsfActivity<C extends OcsfClass> = keyof (typeof OCSF_CLASSES)[C]['activities'];

/** How grave an event is: OCSF's number and caption, and the severity of RFC 5424 §6.2.1. */
export const SEVERITIES = {
  informational: { ocsf: [1, 'Informational'], syslog: 6 },
  low: { ocsf: [2, 'Low'], syslog: 5 },
  medium: { ocsf: [3, 'Medium'], syslog: 4 },
  high: { ocsf: [4, 'High'], syslog: 3 },
} as const;
export type Severity = keyof typeof SEVERITIES;

/** What became of it. `pending`: another record tells. */
export const OUTCOMES = {
  unknown: [0, 'Unknown'],
  success: [1, 'Success'],
  failure: [2, 'Failure'],
  pending: [99, 'Pending'],
} as const;
export type Outcome = keyof typeof OUTCOMES;
