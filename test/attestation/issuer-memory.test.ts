import { describe, expect, test } from 'vitest';

import { IssuerMemory } from '#attestation/issuer-memory.ts';
import { type Certificate, parseCertificate } from '#pki/x509/certificate.ts';
import { labEkCa } from '#test/lab/tpm-certificates.ts';

const root = labEkCa();
const issuers = [labEkCa({ issuer: root }), labEkCa({ issuer: root })].map(({ der }) => der);
const [first = new Uint8Array(), second = new Uint8Array()] = issuers;

/** Parses, and counts how often. */
function countingParser(): { parse: (der: Uint8Array) => Certificate; calls: () => number } {
  let calls = 0;
  return {
    parse: (der) => {
      calls += 1;
      return parseCertificate(der);
    },
    calls: () => calls,
  };
}

describe('the issuers of EK certificates', () => {
  test('are parsed each time until one is kept', () => {
    const memory = new IssuerMemory();
    const { parse, calls } = countingParser();
    expect(memory.parsed(first, parse)).toEqual(memory.parsed(first, parse));
    expect(calls()).toBe(2);
    memory.keep([parseCertificate(first)], parse);
    expect(memory.parsed(Uint8Array.from(first), parse)).toBe(memory.parsed(first, parse));
    expect(calls()).toBe(3);
  });

  test('are told apart by every byte', () => {
    const memory = new IssuerMemory();
    memory.keep([parseCertificate(first)], parseCertificate);
    expect(memory.parsed(second, parseCertificate).der).toEqual(second);
    const altered = Uint8Array.from(first);
    altered[altered.byteLength - 1] = (altered.at(-1) ?? 0) ^ 1;
    expect(memory.parsed(altered, parseCertificate).signature).not.toEqual(
      memory.parsed(first, parseCertificate).signature,
    );
  });

  test('do not hold on to the request that brought them', () => {
    const memory = new IssuerMemory();
    const request = Uint8Array.from([...new Uint8Array(100), ...first]);
    memory.keep([parseCertificate(request.subarray(100))], parseCertificate);
    request.fill(0);
    const { tbs } = memory.parsed(first, parseCertificate);
    expect(Buffer.compare(tbs, parseCertificate(first).tbs)).toBe(0);
  });

  test('are forgotten, the oldest first, when there are too many', () => {
    const memory = new IssuerMemory();
    const { parse, calls } = countingParser();
    const certificate = parseCertificate(first);
    const many = Array.from({ length: 513 }, (_, index) => ({
      ...certificate,
      der: Uint8Array.from([...first, index >> 8, index & 0xff]),
    }));
    memory.keep(many, (der) => ({ ...certificate, der }));
    memory.parsed(many[1]?.der ?? first, parse);
    expect(calls()).toBe(0);
    expect(() => memory.parsed(many[0]?.der ?? first, parse)).toThrow('trailing-bytes');
  });
});
