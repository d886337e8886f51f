import { type X509FormatCode, X509FormatError } from '#pki/x509/format-error.ts';

/** What a parser said of its input: the code of its format error, or 'accepted'. Any other error is thrown on. */
export function outcome(parse: () => unknown): X509FormatCode | 'accepted' {
  try {
    parse();
    return 'accepted';
  } catch (error) {
    if (error instanceof X509FormatError) return error.code;
    throw error;
  }
}

/** Bytes of hex in which spaces may stand between the elements. */
export const hex = (text: string): Buffer => Buffer.from(text.replaceAll(' ', ''), 'hex');
