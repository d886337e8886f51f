/** A machine without a TPM cannot say what it runs: one sentence, and what to do about it, without full stops. */
export class MeasurementError extends Error {
  readonly advice: string;

  constructor(message: string, advice: string) {
    super(message);
    this.name = 'MeasurementError';
    this.advice = advice;
  }
}
