import { connect } from 'node:net';

/**
 * A program that runs inside a network namespace: joins its standard input and output to a connection to the host and port that are its
 * arguments. It ends with the connection.
 */
const [host = '', port = ''] = process.argv.slice(2);
const socket = connect(Number(port), host);
socket.on('error', () => process.exit(1));
socket.once('close', () => process.exit(0));
// Whoever started it may be gone first.
process.stdout.on('error', () => process.exit(0));
process.stdin.pipe(socket);
socket.pipe(process.stdout);
