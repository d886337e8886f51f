import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { createPrimary, readHandles, readProperty, startEndorsementSession } from '#agent/tpm/commands.ts';
import { tpmOver } from '#agent/tpm/device.ts';
import { TpmDeviceError } from '#agent/tpm/device-error.ts';
import { systemRandom } from '#core/random.ts';
import { CC, RH } from '#tpm2/constants.ts';
import { templatePublic } from '#tpm2/ek-template.ts';
import { writePublicArea } from '#tpm2/public-area.ts';
import { canStartSwtpm, type Swtpm, startSwtpm } from '#test/lab/swtpm.ts';

import { handlesInUse, interceptedTpm, responseOf } from './handles.ts';

const TEMPLATE = writePublicArea(templatePublic('L-2'));

describe.skipIf(!canStartSwtpm())('commands to a software TPM', () => {
  let swtpm: Swtpm;
  beforeAll(async () => {
    swtpm = await startSwtpm();
  });
  afterAll(() => swtpm.stop());

  test('load what can be disposed of, once and again', async () => {
    await swtpm.using(async (tpm) => {
      const key = await createPrimary(tpm, RH.endorsement, TEMPLATE);
      expect(await handlesInUse(tpm)).toEqual([key.handle]);
      await key[Symbol.asyncDispose]();
      await key[Symbol.asyncDispose]();
      expect(await handlesInUse(tpm)).toEqual([]);
    });
  });

  test('leave no session behind when its policy cannot be satisfied', async () => {
    await swtpm.using(async (tpm) => {
      const locked = interceptedTpm(tpm, CC.policySecret, () => responseOf(0x9a2));
      await expect(startEndorsementSession(locked, 'sha256', systemRandom)).rejects.toThrow('BAD_AUTH');
      expect(await handlesInUse(tpm)).toEqual([]);
      await using session = await startEndorsementSession(tpm, 'sha256', systemRandom);
      expect(await handlesInUse(tpm)).toEqual([session.handle]);
    });
  });

  test('read handles in as many calls as the TPM takes', async () => {
    await swtpm.using(async (tpm) => {
      await using first = await createPrimary(tpm, RH.endorsement, TEMPLATE);
      await using second = await createPrimary(tpm, RH.owner, TEMPLATE);
      let calls = 0;
      // A TPM that gives one handle a call: the count, the last parameter of TPM2_GetCapability, becomes 1.
      const miserly = interceptedTpm(tpm, CC.getCapability, (command) => {
        calls += 1;
        const one = Buffer.from(command);
        one.writeUInt32BE(1, 18);
        return tpm.transmit(one);
      });
      expect(await readHandles(miserly, 0x80000000, 0x81000000)).toEqual([first.handle, second.handle]);
      expect(calls).toBe(2);
    });
  });

  test('do not find a property that the TPM does not have', async () => {
    expect(await swtpm.using((tpm) => readProperty(tpm, 0x1ff))).toBeUndefined();
  });

  test('fail with the reason, not with the failure to flush a key in a TPM that went away', async () => {
    await swtpm.using(async (tpm) => {
      let lost = false;
      const channel = {
        exchange: (command: Uint8Array) =>
          lost ? Promise.reject(new TpmDeviceError('closed', 'unplugged')) : tpm.transmit(command),
        close: () => Promise.resolve(),
      };
      const device = tpmOver(channel);
      const working = async (): Promise<void> => {
        await using key = await createPrimary(device, RH.endorsement, TEMPLATE);
        lost = key.handle !== 0;
        throw new RangeError('the reason');
      };
      await expect(working()).rejects.toThrow('the reason');
    });
  });
});
