import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import type { TlsIdentity } from './service-pki.ts';

/** `openssl s_client` with an identity, and sessions that it keeps and offers back. */
export interface SClient extends Disposable {
  /**
   * Sends `text` over a connection of its own, which the text asks to be closed; what OpenSSL wrote. It offers the session `session`, where one was kept before,
   * and keeps what it is given under that name.
   */
  send(port: number, text: string, session: string): Promise<string>;
}

export function sClient(identity: TlsIdentity, caPem: string): SClient {
  const folder = mkdtempSync(join(tmpdir(), 'muster-s-client-'));
  writeFileSync(join(folder, 'identity.pem'), identity.certificatePem + identity.keyPem, { mode: 0o600 });
  writeFileSync(join(folder, 'ca.pem'), caPem);
  const files = ['-cert', 'identity.pem', '-cert_chain', 'identity.pem', '-key', 'identity.pem', '-CAfile', 'ca.pem'];
  return {
    send: (port, text, session) => {
      const offered = existsSync(join(folder, session)) ? ['-sess_in', session] : [];
      const args = ['-connect', `127.0.0.1:${port}`, '-ign_eof', ...files, ...offered, '-sess_out', session];
      const child = spawn('openssl', ['s_client', ...args], { cwd: folder });
      const { promise, resolve, reject } = Promise.withResolvers<string>();
      let out = '';
      child.stdout.on('data', (chunk: Buffer) => {
        out += chunk.toString('latin1');
      });
      child.once('error', reject);
      child.once('close', () => resolve(out));
      child.stdin.on('error', () => undefined);
      child.stdin.write(text);
      return promise;
    },
    [Symbol.dispose]: () => rmSync(folder, { recursive: true, force: true }),
  };
}

/** A request as it travels, on a connection that is closed after it. */
export function httpText(method: string, path: string, body?: object): string {
  const json = body === undefined ? '' : JSON.stringify(body);
  const content = body === undefined ? '' : `Content-Type: application/json\r\nContent-Length: ${json.length}\r\n`;
  return `${method} ${path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n${content}\r\n${json}`;
}

/** The status of the answer, and whether OpenSSL says that the session was one from before. */
export const readAnswer = (out: string): { readonly status: string; readonly isResumed: boolean } => ({
  status: /HTTP\/1\.1 ([0-9]{3}) /.exec(out)?.[1] ?? 'none',
  isResumed: out.includes('Reused, '),
});
