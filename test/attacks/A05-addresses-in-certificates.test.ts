import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { once } from 'node:events';
import { type AddressInfo, createServer, type Server } from 'node:net';

import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import type { Bytes } from '#core/bytes.ts';
import { oid, sequence, tagged, taggedPrimitive } from '#pki/x509/der-writer.ts';
import { extension, subjectAltName } from '#pki/x509/extension-writer.ts';
import { EXTENSION } from '#pki/x509/oids.ts';
import { type CertifiedLab, certifiedLab } from '#test/lab/certified-join.ts';
import { type EkExtensions, issueEkCertificate } from '#test/lab/tpm-certificates.ts';

const AUTHORITY_INFO_ACCESS = '1.3.6.1.5.5.7.1.1';
const CA_ISSUERS = '1.3.6.1.5.5.7.48.2';
const OCSP = '1.3.6.1.5.5.7.48.1';

const uri = (address: string): Bytes => taggedPrimitive(6, Buffer.from(address));
const infoAccess = (address: string): Bytes =>
  extension(
    AUTHORITY_INFO_ACCESS,
    false,
    sequence(sequence(oid(CA_ISSUERS), uri(address)), sequence(oid(OCSP), uri(address))),
  );
const crlDistribution = (address: string): Bytes =>
  extension(EXTENSION.crlDistributionPoints, false, sequence(sequence(tagged(0, tagged(0, uri(address))))));

describe('A05 addresses in a certificate that a stranger wrote', () => {
  let scene: CertifiedLab;
  let bait: Server;
  let baitPort = 0;
  const callers: string[] = [];
  const dialled: unknown[] = [];
  const noteSocket = (message: unknown): void => {
    dialled.push(message);
  };

  beforeAll(async () => {
    scene = await certifiedLab();
    bait = createServer((socket) => {
      callers.push(String(socket.remoteAddress));
      socket.destroy();
    });
    bait.listen(0, '127.0.0.1');
    await once(bait, 'listening');
    baitPort = (bait.address() as AddressInfo).port;
    subscribe('net.client.socket', noteSocket);
  });

  afterAll(() => {
    unsubscribe('net.client.socket', noteSocket);
    bait.close();
  });

  const joinWith = (extensions: (good: EkExtensions) => readonly Bytes[]): Promise<readonly string[]> => {
    const options = { spki: scene.lab.tpm.ekSpki, keyType: 'ecc', extensions } as const;
    return scene.joinWith(issueEkCertificate(scene.maker, options), scene.maker.der);
  };

  test.each([
    ['loopback', () => `http://127.0.0.1:${baitPort}/ca.der`],
    ['loopback by name', () => `http://localhost:${baitPort}/ca.der`],
    ['loopback over IPv6', () => `http://[::1]:${baitPort}/ca.der`],
    ['loopback as one number', () => `http://2130706433:${baitPort}/ca.der`],
    ['link-local, where clouds keep secrets', () => 'http://169.254.169.254/latest/meta-data/'],
    ['a file', () => 'file:///etc/passwd'],
    ['LDAP', () => `ldap://127.0.0.1:${baitPort}/`],
    ['a name that would be resolved', () => 'http://attacker.invalid/ca.der'],
    ['nothing', () => ''],
  ])('A05 no connection is opened for an address of: %s', async (_, address) => {
    const before = dialled.length;
    const outcomes = [
      await joinWith((good) => [...Object.values(good), infoAccess(address())]),
      await joinWith((good) => [...Object.values(good), crlDistribution(address())]),
      await joinWith((good) => [...Object.values(good), infoAccess(address()), crlDistribution(address())]),
    ];
    // The certificate is the maker's all the same: what it says of addresses is simply not followed.
    expect(new Set(outcomes.map(([told]) => told))).toEqual(new Set(['ok']));
    expect([dialled.length - before, callers]).toEqual([0, []]);
  });

  test('A05 nor for a certificate whose issuer is missing and said to be at that address', async () => {
    const told = await scene.joinWith(
      issueEkCertificate(
        { ...scene.maker, keyId: Buffer.alloc(20, 1) },
        {
          spki: scene.lab.tpm.ekSpki,
          keyType: 'ecc',
          extensions: (good) => [...Object.values(good), infoAccess(`http://127.0.0.1:${baitPort}/issuer.der`)],
          issuer: sequence(),
        },
      ),
    );
    expect(told[0]).toBe('evidence-rejected');
    expect([dialled, callers]).toEqual([[], []]);
  });

  test('A05 nor for one whose alternative name is an address', async () => {
    const [told] = await joinWith((good) =>
      Object.entries(good).map(([name, value]) =>
        name === 'subjectAltName' ? subjectAltName(true, uri(`http://127.0.0.1:${baitPort}/`)) : value,
      ),
    );
    expect(told).toBe('evidence-rejected');
    expect([dialled, callers]).toEqual([[], []]);
  });
});
