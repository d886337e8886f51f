import { describe, expect, test } from 'vitest';

import { concatBytes, fromHex, toHex } from '#core/bytes.ts';
import { parseAttest } from '#tpm2/attest.ts';
import { decodeQuote } from '#tpm2/commands/attestation.ts';
import { decodeGetCapability, PROPERTY } from '#tpm2/commands/capability.ts';
import { decodeReadClock } from '#tpm2/commands/clock.ts';
import { mayRetry, responseCode } from '#tpm2/commands/response-code.ts';
import { parseResponseHeader, TpmResponseError } from '#tpm2/commands/frame.ts';
import { decodeNvRead, decodeNvReadPublic, NV_ATTRIBUTE } from '#tpm2/commands/nv.ts';
import { decodeCreate, decodeCreatePrimary, decodeLoad, decodeReadPublic } from '#tpm2/commands/object.ts';
import { decodePcrRead } from '#tpm2/commands/pcr.ts';
import { decodePolicyGetDigest, decodeStartAuthSession } from '#tpm2/commands/session.ts';
import { objectName } from '#tpm2/name.ts';
import { parsePublicArea } from '#tpm2/public-area.ts';

import { type Exchange, transcript } from '../transcript.ts';
import { decoderFor, encodeAgain } from './replay-command.ts';

const A = transcript('tpm2-transcript');
const EXCHANGES = [...A, ...transcript('tpmB-transcript')];

function exchange(name: string): Exchange {
  const found = A.find((each) => each.name === name);
  if (found === undefined) throw new Error(`no exchange ${name}`);
  return found;
}

describe('a session recorded with swtpm', () => {
  test('has all 74 exchanges of TPM A and 13 of TPM B', () => {
    expect(EXCHANGES).toHaveLength(87);
  });

  test.each(EXCHANGES)('encodes the command $name as it was sent', ({ command }) => {
    expect(toHex(encodeAgain(command))).toBe(toHex(command));
  });

  test.each(EXCHANGES.filter(({ rc }) => rc !== 0))('gives the refusal of $name as an error', (exchange) => {
    expect(() => decoderFor(exchange.command)(exchange.response)).toThrow(TpmResponseError);
    expect(parseResponseHeader(exchange.response).code.rc).toBe(exchange.rc);
  });

  test.each(EXCHANGES.filter(({ rc }) => rc === 0))('decodes the response to $name to its last byte', (exchange) => {
    const { command, response } = exchange;
    const decode = decoderFor(command);
    expect(() => decode(response)).not.toThrow();
    expect(() => decode(concatBytes(response, Buffer.of(0)))).toThrow(/size-out-of-range/);
    expect(() => decode(withSize(concatBytes(response, Buffer.of(0))))).toThrow(/trailing-bytes/);
    expect(() => decode(withSize(response.subarray(0, -1)))).toThrow(/truncated/);
  });

  test('gives the properties, handles and banks of the TPM', () => {
    const properties = decodeGetCapability(exchange('GetCapability(TPM_PROPERTIES fixed)').response).data;
    if (properties.kind !== 'properties') throw new Error('not properties');
    expect(properties.properties.get(PROPERTY.manufacturer)).toBe(0x49424d00);
    const handles = decodeGetCapability(exchange('GetCapability(HANDLES NV)').response);
    expect(handles).toEqual({
      moreData: false,
      data: { kind: 'handles', values: [0x01c00002, 0x01c00016, 0x01c08000] },
    });
    const pcrs = decodeGetCapability(exchange('GetCapability(PCRS)').response).data;
    if (pcrs.kind !== 'pcrs') throw new Error('not PCRs');
    expect(pcrs.selections.map(({ hash, pcrs: { length } }) => [hash, length])).toEqual([
      ['sha1', 24],
      ['sha256', 24],
      ['sha384', 24],
      ['sha512', 0],
    ]);
  });

  test('gives NV public areas whose Name is their digest, and contents in chunks', () => {
    const { nvPublic, publicBytes, name } = decodeNvReadPublic(exchange('NV_ReadPublic(01c00002)').response);
    expect(nvPublic).toMatchObject({ index: 0x01c00002, nameAlg: 'sha256', attributes: 0x62072801, dataSize: 1016 });
    expect(nvPublic.attributes & NV_ATTRIBUTE.written).not.toBe(0);
    expect(toHex(objectName(publicBytes, 'sha256'))).toBe(toHex(name));
    const contents = A.filter(({ name }) => name.startsWith('NV_Read(01c00002')).map((e) => decodeNvRead(e.response));
    expect(concatBytes(...contents)).toHaveLength(1016);
  });

  test('gives objects whose Name is their digest', () => {
    const ek = decodeReadPublic(exchange('ReadPublic(EK RSA)').response);
    expect(toHex(objectName(ek.publicArea, parsePublicArea(ek.publicArea).nameAlg))).toBe(toHex(ek.name));
    const primary = decodeCreatePrimary(exchange('CreatePrimary(EK RSA2048 L-1)').response);
    expect(primary.handle).toBe(0x80000000);
    expect(toHex(primary.name)).toBe(toHex(ek.name));
    const ak = decodeCreate(exchange('Create(AK P256 ECDSA-SHA256 restricted)').response);
    const loaded = decodeLoad(exchange('Load(AK P256 ECDSA-SHA256 restricted)').response);
    expect(loaded).toEqual({ handle: 0x80000002, name: objectName(ak.publicArea, 'sha256') });
  });

  test('gives sessions, policies, clocks, PCR values and quotes', () => {
    expect(decodeStartAuthSession(exchange('StartAuthSession(policy sha256)').response)).toEqual({
      handle: 0x03000000,
      nonceTpm: fromHex('8078f811b7c7241f2005089118a08a71'),
    });
    expect(toHex(decodePolicyGetDigest(exchange('PolicyGetDigest').response))).toMatch(/^837197674484b3f8/);
    expect(decodeReadClock(exchange('ReadClock').response)).toEqual({
      time: 0x401n,
      clockInfo: { clock: 0x434n, resetCount: 2, restartCount: 0, safe: true },
    });
    const pcrs = decodePcrRead(exchange('PCR_Read([16, 17, 18, 19, 20, 21, 22, 23])').response);
    expect(pcrs.values.map(({ byteLength }) => byteLength)).toEqual(Array(8).fill(32));
    const quote = decodeQuote(exchange('Quote(AK ECC sha256:0-9,14)').response);
    expect(parseAttest(quote.attest).type).toBe('quote');
  });
});

describe('responseCode', () => {
  test.each([
    [0x000, 'success', 'SUCCESS', undefined, undefined],
    [0x1df, 'format-one', 'INTEGRITY', 'parameter', 1],
    [0x3e0, 'format-one', 'TICKET', 'parameter', 3],
    [0x98e, 'format-one', 'AUTH_FAIL', 'session', 1],
    [0x18b, 'format-one', 'HANDLE', 'handle', 1],
    [0x0bf, 'format-one', 'UNKNOWN', 'handle', 0],
    [0x902, 'warning', 'OBJECT_MEMORY', undefined, undefined],
    [0x907, 'warning', 'LOCALITY', undefined, undefined],
    [0x910, 'warning', 'REFERENCE_H0', undefined, undefined],
    [0x921, 'warning', 'LOCKOUT', undefined, undefined],
    [0x922, 'warning', 'RETRY', undefined, undefined],
    [0x97f, 'warning', 'UNKNOWN', undefined, undefined],
    [0x100, 'error', 'INITIALIZE', undefined, undefined],
    [0x101, 'error', 'FAILURE', undefined, undefined],
    [0x143, 'error', 'COMMAND_CODE', undefined, undefined],
    [0x01e, 'foreign', 'UNKNOWN', undefined, undefined],
    [0x501, 'foreign', 'UNKNOWN', undefined, undefined],
    [0x000b0143, 'foreign', 'UNKNOWN', undefined, undefined],
  ])('reads response code %d as %s %s', (rc, kind, name, subject, number) => {
    expect(responseCode(rc)).toEqual({ kind, rc, name, ...(subject === undefined ? {} : { subject, number }) });
  });

  test.each([0x908, 0x90a, 0x922])('asks for another try after response code %d', (rc) => {
    expect(mayRetry(responseCode(rc))).toBe(true);
  });

  test.each([0, 0x100, 0x101, 0x902, 0x921, 0x1a2, 0x18a])(
    'does not ask for another try after response code %d',
    (rc) => {
      expect(mayRetry(responseCode(rc))).toBe(false);
    },
  );
});

function withSize(frame: Uint8Array): Uint8Array {
  const copy = Buffer.from(frame);
  copy.writeUInt32BE(copy.byteLength, 2);
  return copy;
}
