import { appendFile, readFile } from 'node:fs/promises';

import { utf8 } from '#core/bytes.ts';
import { type CertificateFingerprint, isCertificateFingerprint } from '#core/ids.ts';

import type { Snapshot } from '../snapshot.ts';
import { replaceFile } from './durable-file.ts';

/**
 * The certificates that the API server of this host was shown, one fingerprint a line: what is older than one of them is good no longer.
 * Heartbeats and joins do not count, for the agent makes those before the kubelet has followed. It outlives the process, so that an answer given before a restart is given after it.
 */
export class FirstUses {
  readonly #path: string;
  readonly #onFault: (error: unknown) => void;
  #used = new Set<CertificateFingerprint>();
  #writing: Promise<void> = Promise.resolve();

  /** `onFault` is told when the file could not be written; the process still knows what it knew. */
  constructor(path: string, onFault: (error: unknown) => void) {
    this.#path = path;
    this.#onFault = onFault;
  }

  /** Reads what an earlier process saw. A last line that it did not finish does not count. */
  async load(): Promise<void> {
    const text = await readFile(this.#path, 'latin1').catch((error: unknown) => {
      if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return '';
      throw error;
    });
    this.#used = new Set(text.split('\n').filter(isCertificateFingerprint));
  }

  has(fingerprint: CertificateFingerprint): boolean {
    return this.#used.has(fingerprint);
  }

  /** From this call on `has` is true for it. */
  add(fingerprint: CertificateFingerprint): void {
    if (this.#used.has(fingerprint)) return;
    this.#used.add(fingerprint);
    // A line feed first: a line that was cut off before it stays a line of its own.
    this.#write(() => appendFile(this.#path, `\n${fingerprint}\n`, { mode: 0o600 }));
  }

  /** Forgets what is on nobody's list any more: nothing that is older is on one either. */
  keepOnly(snapshot: Snapshot): void {
    const kept = [...snapshot.fingerprints()].filter((fingerprint) => this.#used.has(fingerprint));
    this.#used = new Set(kept);
    this.#write(() => replaceFile(this.#path, utf8(kept.map((fingerprint) => `${fingerprint}\n`).join(''))));
  }

  /** Resolves when everything is written that was to be. */
  settled(): Promise<void> {
    return this.#writing;
  }

  #write(work: () => Promise<void>): void {
    this.#writing = this.#writing.then(work).catch(this.#onFault);
  }
}
