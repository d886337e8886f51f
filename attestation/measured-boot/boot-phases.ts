import { type Bytes, fromHex, utf8 } from '#core/bytes.ts';
import { digest, type HashName } from '#core/digest.ts';
import { PcrRegister } from '#tpm2/pcr-register.ts';

/** PCR of unified kernel images. */
export const UKI_PCR = 11;

/** What systemd extends into PCR 11 as a boot goes on (systemd-pcrphase.service). Without an initial RAM disk the first two are left out. */
const PHASES = ['enter-initrd', 'leave-initrd', 'sysinit', 'ready'] as const;

/**
 * The phases that lead from PCR 11's replayed value to the `quoted` one, in order; undefined if none do. The firmware's log does not have
 * them, for the running system extends them; a system that has not reached the first yet has none, and its value is the replayed one.
 */
export function bootPhases(replayed: Bytes, quoted: string, bank: HashName): readonly string[] | undefined {
  const wanted = fromHex(quoted);
  for (const start of [0, 2]) {
    const register = new PcrRegister(bank, replayed);
    for (const [at, phase] of PHASES.entries()) {
      if (at < start) continue;
      register.extend(digest(bank, utf8(phase)));
      if (register.equals(wanted)) return PHASES.slice(start, at + 1);
    }
  }
  return undefined;
}
