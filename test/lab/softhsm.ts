import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { loadModule } from '#pki/pkcs11/module.ts';

const MODULES = ['/usr/lib/softhsm/libsofthsm2.so', '/usr/lib/x86_64-linux-gnu/softhsm/libsofthsm2.so'];
const PIN = '1234-user';

/** The path of SoftHSM's module; undefined where it is not installed. */
export const softHsmModule = (): string | undefined => MODULES.find((path) => existsSync(path));

/** A token of SoftHSM's in a folder of its own. */
export interface LabToken extends Disposable {
  readonly modulePath: string;
  readonly tokenLabel: string;
  readonly pinFile: string;
  /** A P-256 key pair with this label. */
  generateKey(label: string, options?: { extractable?: boolean; curveOid?: string }): Promise<void>;
}

const CURVES = { p256: '06082a8648ce3d030107', p384: '06052b81040022' } as const;

/**
 * One token for this process: the module reads its configuration once. Its environment variable is set for as long as the token is there.
 */
export function labToken(modulePath: string): LabToken {
  const folder = mkdtempSync(join(tmpdir(), 'muster-hsm-'));
  const configuration = join(folder, 'softhsm2.conf');
  mkdirSync(join(folder, 'tokens'));
  writeFileSync(configuration, `directories.tokendir = ${join(folder, 'tokens')}\nobjectstore.backend = file\n`);
  process.env['SOFTHSM2_CONF'] = configuration;
  const tokenLabel = 'muster-lab';
  const args = ['--init-token', '--free', '--label', tokenLabel, '--so-pin', '1234-officer', '--pin', PIN];
  execFileSync('softhsm2-util', args, { stdio: 'pipe' });
  const pinFile = join(folder, 'pin');
  writeFileSync(pinFile, `${PIN}\n`, { mode: 0o600 });
  return {
    modulePath,
    tokenLabel,
    pinFile,
    generateKey: async (label, { extractable = false, curveOid = CURVES.p256 } = {}) => {
      const { pkcs11, library } = await loadModule(modulePath);
      const [slot] = pkcs11.C_GetSlotList(true).filter((one) => pkcs11.C_GetTokenInfo(one).label.trim() === tokenLabel);
      if (slot === undefined) throw new Error('the token is not there');
      const session = pkcs11.C_OpenSession(slot, library.CKF_SERIAL_SESSION | library.CKF_RW_SESSION);
      try {
        pkcs11.C_Login(session, library.CKU_USER, PIN);
      } catch {
        // Somebody in this process has logged in already.
      }
      pkcs11.C_GenerateKeyPair(
        session,
        { mechanism: library.CKM_EC_KEY_PAIR_GEN },
        [
          { type: library.CKA_TOKEN, value: true },
          { type: library.CKA_LABEL, value: label },
          { type: library.CKA_EC_PARAMS, value: Buffer.from(curveOid, 'hex') },
        ],
        [
          { type: library.CKA_TOKEN, value: true },
          { type: library.CKA_PRIVATE, value: true },
          { type: library.CKA_SENSITIVE, value: true },
          { type: library.CKA_SIGN, value: true },
          { type: library.CKA_EXTRACTABLE, value: extractable },
          { type: library.CKA_LABEL, value: label },
        ],
      );
      pkcs11.C_CloseSession(session);
    },
    [Symbol.dispose]: () => {
      delete process.env['SOFTHSM2_CONF'];
      rmSync(folder, { recursive: true });
    },
  };
}

export const P384_CURVE = CURVES.p384;
