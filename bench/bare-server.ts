import { readFileSync } from 'node:fs';
import { createServer } from 'node:https';
import { constants } from 'node:crypto';

/**
 * The floor of any HTTPS service on this runtime: TLS 1.3 without tickets, an empty answer to every request. Runs as a child process; a
 * message from the parent is answered with the CPU microseconds used so far.
 */
const [certificateFile = '', keyFile = ''] = process.argv.slice(2);

const server = createServer(
  {
    cert: readFileSync(certificateFile),
    key: readFileSync(keyFile),
    minVersion: 'TLSv1.3',
    secureOptions: constants.SSL_OP_NO_TICKET,
  },
  (request, response) => {
    request.resume();
    request.on('end', () => response.writeHead(201).end());
  },
);

server.listen(0, '127.0.0.1', () => {
  const address = server.address();
  process.send?.({ port: typeof address === 'object' && address !== null ? address.port : 0 });
});

process.on('message', () => {
  const { user, system } = process.cpuUsage();
  process.send?.({ cpu: user + system });
});
process.on('disconnect', () => process.exit(0));
