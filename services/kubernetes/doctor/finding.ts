/** `high`: whoever finds it gets in as a node. `medium`: a part of such a way. `note`: to be known; nothing is open by it alone. */
export const SEVERITIES = ['high', 'medium', 'note'] as const;
export type Severity = (typeof SEVERITIES)[number];

/** Something about the cluster that passes Muster by. */
export interface Finding {
  readonly code: string;
  readonly severity: Severity;
  /** The object, flag or file. */
  readonly where: string;
  readonly what: string;
  readonly why: string;
  readonly fix: string;
}

/** Something that was not looked at, and why: no finding does not mean that there is none. */
export interface Unchecked {
  readonly what: string;
  readonly why: string;
}

export interface DoctorReport {
  readonly findings: readonly Finding[];
  readonly unchecked: readonly Unchecked[];
}
