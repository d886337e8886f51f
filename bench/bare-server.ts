import { readFileSync } from 'node:fs';
import { createServer } from 'node:https';
import { constants } from 'node:crypto';

/**
 * The floor of any HTTPS service on this runtime: TLS 1.3 without tickets, an empty answer to every request. Runs as a child process;
 * tells its parent the port, and ends with it.
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

process.on('disconnect', () => process.exit(0));
