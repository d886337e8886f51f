import type { Certificate } from './certificate.ts';
import { nameKey } from './name-compare.ts';
import type { Name } from './name.ts';

/** Certificates by subject, for finding an issuer. Says nothing about whether they can be trusted. */
export class CertificatePool {
  readonly #bySubject: ReadonlyMap<string, readonly Certificate[]>;
  readonly size: number;

  constructor(certificates: Iterable<Certificate>) {
    const all = [...certificates];
    this.size = all.length;
    this.#bySubject = Map.groupBy(all, (certificate) => nameKey(certificate.subject));
  }

  /** The certificates whose subject is `name`, in the order in which they were given. */
  named(name: Name): readonly Certificate[] {
    return this.#bySubject.get(nameKey(name)) ?? [];
  }
}
