import { Tpm2FormatError, type Tpm2FormatCode } from '#tpm2/format-error.ts';

/** What a TPM parser said of its input: the code of its format error, or 'accepted'. Any other error is thrown on. */
export function formatCode(parse: () => unknown): Tpm2FormatCode | 'accepted' {
  try {
    parse();
    return 'accepted';
  } catch (error) {
    if (error instanceof Tpm2FormatError) return error.code;
    throw error;
  }
}
