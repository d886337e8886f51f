import type { Finding } from './lint/rule.ts';

/** Why an issuer does not work: faults of the installation or of this program, never of a request. */
export type IssuerFault =
  /** The certificate and the key given to the issuer are not a pair, or the certificate is no issuing CA's. */
  | 'not-an-issuer'
  /** The certificate would be valid before or after its issuer: rotate the issuing CA, or mend the clock. */
  | 'outside-issuer-validity'
  /** What was built breaks a rule. It was not signed. */
  | 'lint'
  /** What the signer gave back is not its signature over what it was given. Nothing was handed out. */
  | 'signature'
  /** The prepared certificate is not this issuer's, or was signed before. */
  | 'not-prepared';

/** An issuer that does not issue. Somebody must act: trying again does not help. */
export class IssuerError extends Error {
  readonly fault: IssuerFault;
  /** The rules that were broken, for the fault `lint`. */
  readonly findings: readonly Finding[];

  constructor(fault: IssuerFault, detail: string, findings: readonly Finding[] = []) {
    const rules = findings.map(({ rule, detail: what }) => `${rule} (${what})`).join(', ');
    super(rules === '' ? detail : `${detail}: ${rules}`);
    this.name = 'IssuerError';
    this.fault = fault;
    this.findings = findings;
  }
}
