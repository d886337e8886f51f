import { nullValue, oid, sequence } from './der-writer.ts';

/** Signature algorithms that this system signs with, as AlgorithmIdentifier. */
export const SIGNATURE_ALGORITHM = {
  ecdsaSha256: sequence(oid('1.2.840.10045.4.3.2')),
  ecdsaSha384: sequence(oid('1.2.840.10045.4.3.3')),
  rsaSha256: sequence(oid('1.2.840.113549.1.1.11'), nullValue()),
  rsaSha384: sequence(oid('1.2.840.113549.1.1.12'), nullValue()),
} as const;
