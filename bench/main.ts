import { benchAttestation } from './attestation.ts';
import { benchAuthorizer } from './authorizer.ts';
import { bareLoad } from './bare-load.ts';
import { benchCrl } from './crl.ts';
import { benchDatabases, sayDatabases } from './databases.ts';
import { benchIssuance } from './issuance.ts';
import { joinLoad } from './join-load.ts';
import { type LoadCost, measureLoad } from './load.ts';
import { line, median } from './measure.ts';
import { benchMeasuredBoot } from './measured-boot.ts';
import { benchPrimitives } from './primitives.ts';
import { benchRevocation, sayRevocation } from './revocation.ts';
import { benchStore } from './store.ts';

const ROUNDS = 5;
const UNITS = 400;
const WARM_UP = 800;
const CONCURRENCY = 8;

const say = (text: string): void => {
  process.stdout.write(`${text}\n`);
};
const medianOf = (costs: readonly LoadCost[], member: keyof LoadCost): number =>
  median(costs.map((cost) => cost[member]));

say('What one TPM join cannot do without (node:crypto, keys imported already):');
const primitives = benchPrimitives();
const cryptography = Object.values(primitives).reduce((sum, cost) => sum + cost, 0);
say(line('EK certificate chain: two ECDSA P-256 verifications', primitives.ekChain, 'µs'));
say(line('credential: RSA-2048 OAEP to the EK', primitives.credential, 'µs'));
say(line('quote: ECDSA P-256 verification', primitives.quote, 'µs'));
say(line('certificate request: ECDSA P-256 verification', primitives.csr, 'µs'));
say(line('certificate: ECDSA P-256 signature', primitives.signature, 'µs'));
say(line('together', cryptography, 'µs'));

const bare: LoadCost[] = [];
const joins: LoadCost[] = [];
{
  await using bareServer = await bareLoad();
  await using service = await joinLoad();
  await bareServer.run(WARM_UP, CONCURRENCY);
  await service.run(WARM_UP, CONCURRENCY);
  // Turn and turn about, so that a busy machine slows both.
  for (let round = 0; round < ROUNDS; round += 1) {
    bare.push(await measureLoad(bareServer, UNITS, CONCURRENCY));
    joins.push(await measureLoad(service, UNITS, CONCURRENCY));
  }
}
const connection = medianOf(bare, 'cpuMicroseconds');
const join = medianOf(joins, 'cpuMicroseconds');
say(`\nServers in processes of their own, the median of ${ROUNDS} × ${UNITS}, ${CONCURRENCY} at a time:`);
say(line('bare Node HTTPS: a TLS 1.3 connection with two empty requests', connection, 'µs'));
say(line('the service, SQLite with synchronous=FULL: a join', join, 'µs'));
say(line('joins each second, with the 32 joining machines on this one', medianOf(joins, 'perSecond'), '/s'));
say(line('join ÷ (primitives + bare connection); aim ≤ 2.0', join / (cryptography + connection), '×'));

sayDatabases(say, await benchDatabases());

const verifier = benchAttestation();
say('\nThe Verifier alone, bytes to result:');
say(line('challenge: credential for an RSA-2048 EK, weak keys looked for', verifier.activationMicroseconds, 'µs'));
say(line('evidence verified and appraised', verifier.verifierMicroseconds, 'µs'));
say(line('three ECDSA P-256 verifications', verifier.primitivesMicroseconds, 'µs'));
say(line('evidence ÷ verifications', verifier.ratio, '×'));

const logs = benchMeasuredBoot();
say(
  `\nAn event log of ${(logs.eventLogBytes / 1_024).toFixed(0)} KiB and an IMA list of ${logs.imaRecords} records, verified and appraised:`,
);
say(line('event log', logs.eventLogMicroseconds, 'µs'));
say(line('the hashing it needs', logs.eventLogHashingMicroseconds, 'µs'));
say(line('event log verified ÷ hashing; aim ≤ 2', logs.eventLogRatio, '×'));
say(line('event log verified and judged ÷ hashing', logs.eventLogJudgedRatio, '×'));
say(line('IMA list', logs.imaMicroseconds, 'µs'));
say(line('the hashing it needs', logs.imaHashingMicroseconds, 'µs'));
say(line('IMA list verified ÷ hashing; aim ≤ 2', logs.imaRatio, '×'));
say(line('IMA list verified and judged ÷ hashing', logs.imaJudgedRatio, '×'));

const issuance = await benchIssuance();
say('\nIssuance alone, CSR bytes in, linted DER out:');
say(line('issuance', issuance.issuanceMicroseconds, 'µs'));
say(line('one ECDSA P-256 verification and one signature', issuance.primitivesMicroseconds, 'µs'));
say(line('issuance ÷ (verify + sign); aim ≤ 3', issuance.ratio, '×'));

const store = await benchStore();
say('\nThe store alone, SQLite with synchronous=FULL:');
say(line('audit records, one after the other', store.alonePerSecond, '/s'));
say(line('audit records, 16 at a time, sharing commits', store.groupedPerSecond, '/s'));
say(line('CPU for a record, one after the other', store.aloneCpuMicroseconds, 'µs'));
say(line('CPU for a record, 16 at a time', store.groupedCpuMicroseconds, 'µs'));
say(line('CPU for a join: two reads, three durable writes, 16 at a time', store.joinCpuMicroseconds, 'µs'));

const crl = await benchCrl();
say(`\nA revocation list of ${crl.entries} entries:`);
say(line('built, linted, signed, verified; aim ≤ 1,000', crl.buildMilliseconds, 'ms'));
say(line('longest that other work waits; aim ≤ 50', crl.longestBlockMilliseconds, 'ms'));
say(line('one more entry', crl.entryMicroseconds, 'µs'));
sayRevocation(say, await benchRevocation());

const webhook = await benchAuthorizer();
say(`\nThe authorizer with ${webhook.nodes} nodes, ${webhook.perSecond} questions each second:`);
say(line('CPU for a question', webhook.authorizer.cpuMicroseconds, 'µs'));
say(line('slowest of a hundred', webhook.authorizer.p99Ms, 'ms'));
say(line('CPU ÷ a bare HTTPS server’s', webhook.cpuRatio, '×'));
say(line('slowest of a hundred ÷ a bare HTTPS server’s', webhook.p99Ratio, '×'));
