import { benchBareConnection } from './bare-connection.ts';
import { benchIssuance } from './issuance.ts';
import { benchJoins } from './join.ts';
import { line } from './measure.ts';
import { benchPrimitives } from './primitives.ts';

const JOINS = 1_500;
const CONCURRENCY = 8;

const say = (text: string): void => {
  process.stdout.write(`${text}\n`);
};

say('What one TPM join cannot do without (node:crypto, keys imported already):');
const primitives = benchPrimitives();
say(line('EK chain: two RSA-2048 verifications', primitives.ekChain, 'µs'));
say(line('credential: RSA-OAEP to the EK', primitives.credential, 'µs'));
say(line('quote: ECDSA P-256 verification', primitives.quote, 'µs'));
say(line('certificate request: ECDSA P-256 verification', primitives.csr, 'µs'));
say(line('certificate: ECDSA P-256 signature', primitives.signature, 'µs'));
const cryptography = Object.values(primitives).reduce((sum, cost) => sum + cost, 0);
say(line('together', cryptography, 'µs'));

say(
  `\nA bare Node HTTPS server, TLS 1.3, two empty requests on each of ${JOINS} connections, ${CONCURRENCY} at a time:`,
);
const bare = await benchBareConnection(JOINS, CONCURRENCY);
say(line('CPU for each connection', bare, 'µs'));

say(
  `\nThe service, SQLite with synchronous=FULL, ${JOINS} joins over connections of their own, ${CONCURRENCY} at a time:`,
);
const joined = await benchJoins(JOINS, CONCURRENCY);
say(line('CPU for each join', joined.cpuMicroseconds, 'µs'));
say(line('joins each second, load maker on the same machine', joined.perSecond, '/s'));
say(line('join ÷ (primitives + bare connection); aim ≤ 2.0', joined.cpuMicroseconds / (cryptography + bare), '×'));

say('\nIssuance alone, CSR bytes in, linted DER out:');
const issuance = await benchIssuance();
say(line('issuance', issuance.issuanceMicroseconds, 'µs'));
say(line('one ECDSA P-256 verification and one signature', issuance.primitivesMicroseconds, 'µs'));
say(line('issuance ÷ (verify + sign); aim ≤ 3', issuance.ratio, '×'));
