import type { Bytes } from '#core/bytes.ts';
import type { Certificate } from '#pki/x509/certificate.ts';

/** More than all makers' issuing CAs together. */
const ISSUERS_MAX = 512;

/**
 * Certificates as they were parsed, by their bytes: every TPM of a production line shows the same issuers. It holds what the bytes say and
 * no verdict on them; whoever takes one from here verifies it again.
 */
export class IssuerMemory {
  readonly #parsed = new Map<string, Certificate>();

  /** What `parse` makes of `der`, or made of the same bytes before. */
  parsed(der: Bytes, parse: (der: Bytes) => Certificate): Certificate {
    return this.#parsed.get(keyOf(der)) ?? parse(der);
  }

  /** Remembers what `parse` makes of each, the oldest forgotten when there are too many. To be called for issuers on a verified path: others cost memory. */
  keep(issuers: readonly Certificate[], parse: (der: Bytes) => Certificate): void {
    for (const { der } of issuers) {
      const key = keyOf(der);
      if (this.#parsed.has(key)) continue;
      const [oldest] = this.#parsed.keys();
      if (this.#parsed.size >= ISSUERS_MAX && oldest !== undefined) this.#parsed.delete(oldest);
      // From bytes of its own: a certificate holds views, and would keep the request that brought it.
      this.#parsed.set(key, parse(Uint8Array.from(der)));
    }
  }
}

const keyOf = (der: Bytes): string => Buffer.from(der.buffer, der.byteOffset, der.byteLength).toString('latin1');
