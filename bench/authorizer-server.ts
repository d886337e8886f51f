import { constants } from 'node:crypto';
import { createServer } from 'node:https';

import { systemClock } from '#core/clock.ts';
import { MemorySnapshotSource } from '#test/fakes/memory-snapshot-source.ts';
import { authorizerLab } from '#test/lab/authorizer-lab.ts';
import { labAllowed, labSnapshotNode } from '#test/lab/kubernetes-snapshot.ts';
import { labServerIdentity } from '#test/lab/service-pki.ts';

/**
 * What the authorizer is measured against and with: this process is `echo`, a bare HTTPS server with client certificates that reads a
 * request and answers it with a constant, or `authorizer`, the real one with as many nodes as the second argument says. It tells its
 * parent where it listens and what to show it.
 */
const [mode, nodeCount = '0'] = process.argv.slice(2);
const until = new Date(Math.ceil(systemClock().getTime() / 1_000 + 86_400) * 1_000);

const source = new MemorySnapshotSource();
for (let n = 0; n < Number(nodeCount); n += 1) {
  const name = `worker-${n}`;
  const certificates = { current: [labAllowed(`${name} new`, until)], previous: [labAllowed(`${name} old`, until)] };
  source.put(labSnapshotNode(name, certificates));
}
const lab = await authorizerLab({ source, longestPauseMs: 1_000 });

const port = mode === 'echo' ? await startEcho() : await startReal();
const { certificatePem, keyPem } = lab.apiServer;
process.send?.({ port, ca: lab.caPem, certificate: certificatePem, key: keyPem });
process.on('disconnect', () => process.exit(0));

async function startReal(): Promise<number> {
  const running = await lab.start();
  await running.caughtUp();
  return running.authorizer.webhook.port;
}

async function startEcho(): Promise<number> {
  const server = await labServerIdentity(lab.ca.management);
  const body = Buffer.from(
    '{"apiVersion":"authorization.k8s.io/v1","kind":"SubjectAccessReview","status":{"allowed":false}}',
  );
  const echo = createServer(
    {
      cert: server.certificatePem,
      key: server.keyPem,
      ca: lab.caPem,
      requestCert: true,
      rejectUnauthorized: true,
      minVersion: 'TLSv1.3',
      ALPNProtocols: ['http/1.1'],
      secureOptions: constants.SSL_OP_NO_TICKET,
      keepAliveTimeout: 600_000,
    },
    (request, response) => {
      request.resume();
      request.on('end', () =>
        response.writeHead(200, { 'content-type': 'application/json', 'content-length': body.byteLength }).end(body),
      );
    },
  );
  await new Promise<void>((resolve) => echo.listen(0, '127.0.0.1', resolve));
  const address = echo.address();
  return typeof address === 'object' && address !== null ? address.port : 0;
}
