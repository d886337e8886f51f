import { createHash, verify, X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';

import { describe, expect, test } from 'vitest';

import { concatBytes, fromHex, toHex } from '#core/bytes.ts';
import { digest } from '#core/digest.ts';
import { sharedVector } from '#test/lab/vectors.ts';
import { parseAttest } from '#tpm2/attest.ts';
import { parseEventLog } from '#tpm2/event-log.ts';
import { replayEventLog } from '#tpm2/event-log/replay.ts';
import { objectName } from '#tpm2/name.ts';
import { pcrComposite } from '#tpm2/pcr.ts';
import { parsePublicArea } from '#tpm2/public-area.ts';
import { publicAreaKey } from '#tpm2/public-key.ts';
import { parseSignature } from '#tpm2/signature.ts';

interface WebAuthnVector {
  readonly certInfo_TPMS_ATTEST: string;
  readonly pubArea_TPMT_PUBLIC: string;
  readonly sig: string;
  readonly alg: number;
  readonly x5c: readonly string[];
  readonly authData: string;
  readonly clientDataHash_sha256: string;
}

describe('TPM2_Certify statements of real TPMs', () => {
  for (const n of [1, 2, 3, 4]) {
    const file = sharedVector(`MasterKale__SimpleWebAuthn/webauthn-tpm-${n}.json`);
    test.skipIf(file === undefined)(`statement ${n} names the certified key and verifies`, () => {
      const vector: WebAuthnVector = JSON.parse(readFileSync(file ?? '', 'utf8'));
      const attest = parseAttest(fromHex(vector.certInfo_TPMS_ATTEST));
      const publicBytes = fromHex(vector.pubArea_TPMT_PUBLIC);
      const hash = vector.alg === -65535 ? 'sha1' : 'sha256';
      const signed = concatBytes(fromHex(vector.authData), fromHex(vector.clientDataHash_sha256));
      const key = new X509Certificate(fromHex(vector.x5c[0] ?? '')).publicKey;
      expect({
        type: attest.type,
        name: 'name' in attest && toHex(attest.name),
        extraData: toHex(attest.extraData),
        verified: verify(hash, fromHex(vector.certInfo_TPMS_ATTEST), key, fromHex(vector.sig)),
      }).toEqual({
        type: 'certify',
        name: toHex(objectName(publicBytes, parsePublicArea(publicBytes).nameAlg)),
        extraData: createHash(hash).update(signed).digest('hex'),
        verified: true,
      });
    });
  }
});

describe('statements of a cloud machine’s AK', () => {
  const file = sharedVector('google__go-attestation/windows_gcp_shielded_vm.json');
  const base64 = (text: string | undefined) => Buffer.from(text ?? '', 'base64');

  test.skipIf(file === undefined)('its creation and its quote verify, and its event log gives the quoted PCRs', () => {
    const dump: {
      AK: Record<string, string>;
      Quote: Record<string, string>;
      Log: { PCRs: { Index: number; Digest: string }[]; Raw: string };
    } = JSON.parse(readFileSync(file ?? '', 'utf8'));
    const publicBytes = base64(dump.AK['Public']);
    const area = parsePublicArea(publicBytes);
    const verified = (attest: string | undefined, signature: string | undefined) => {
      const parsed = parseSignature(base64(signature));
      return parsed.scheme === 'rsassa' && verify(parsed.hash, base64(attest), publicAreaKey(area), parsed.signature);
    };
    const creation = parseAttest(base64(dump.AK['CreateAttestation']));
    expect(verified(dump.AK['CreateAttestation'], dump.AK['CreateSignature'])).toBe(true);
    expect(creation).toMatchObject({ type: 'creation' });
    expect('objectName' in creation && toHex(creation.objectName)).toBe(toHex(objectName(publicBytes, area.nameAlg)));
    expect('creationHash' in creation && toHex(creation.creationHash)).toBe(
      toHex(digest(area.nameAlg, base64(dump.AK['CreateData']))),
    );
    const quote = parseAttest(base64(dump.Quote['Quote']));
    expect(verified(dump.Quote['Quote'], dump.Quote['Signature'])).toBe(true);
    const values = dump.Log.PCRs.toSorted((a, b) => a.Index - b.Index).map(({ Digest }) => base64(Digest));
    expect('pcrDigest' in quote && toHex(quote.pcrDigest)).toBe(toHex(pcrComposite('sha1', values)));
    const replayed = replayEventLog(parseEventLog(base64(dump.Log.Raw)), 'sha1');
    expect(toHex(Buffer.from(replayed.get(7) ?? []))).toBe(toHex(values[7] ?? Buffer.of()));
  });
});
