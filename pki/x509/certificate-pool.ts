import type { Certificate } from './certificate.ts';
import { nameKey } from './name-compare.ts';
import type { Name } from './name.ts';

/** Certificates of one subject and key. They differ in who issued them, when, or with what limits: none can stand above another. */
export interface AuthorityGroup {
  readonly id: string;
  readonly certificates: readonly [Certificate, ...Certificate[]];
}

/** Certificates by subject and key, for finding an issuer. Says nothing about whether they can be trusted. */
export class CertificatePool {
  readonly #bySubject = new Map<string, AuthorityGroup[]>();
  #size = 0;

  constructor(certificates: Iterable<Certificate>) {
    const groups = new Map<string, [Certificate, ...Certificate[]]>();
    for (const certificate of certificates) {
      this.#size += 1;
      const id = authorityId(certificate);
      const group = groups.get(id);
      if (group !== undefined) {
        group.push(certificate);
        continue;
      }
      const fresh: [Certificate, ...Certificate[]] = [certificate];
      groups.set(id, fresh);
      const subject = nameKey(certificate.subject);
      const ofSubject = this.#bySubject.get(subject) ?? [];
      ofSubject.push({ id, certificates: fresh });
      this.#bySubject.set(subject, ofSubject);
    }
  }

  /** How many certificates it holds. */
  get size(): number {
    return this.#size;
  }

  /** The certificates whose subject is `name`, by key, in the order in which they were given. */
  groups(name: Name): readonly AuthorityGroup[] {
    return this.#bySubject.get(nameKey(name)) ?? [];
  }

  /** The certificates whose subject is `name`. */
  named(name: Name): readonly Certificate[] {
    return this.groups(name).flatMap((group) => group.certificates);
  }
}

/** The same for two certificates exactly when subject and key are. */
export const authorityId = (certificate: Certificate): string =>
  `${Buffer.from(certificate.publicKey.raw).toString('latin1')}${nameKey(certificate.subject)}`;
