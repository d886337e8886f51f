/** What the service can be told from outside. */
export type ServiceSignal = 'stop' | 'reload' | 'renew';

const SIGNALS: readonly (readonly [NodeJS.Signals, ServiceSignal])[] = [
  ['SIGTERM', 'stop'],
  ['SIGINT', 'stop'],
  ['SIGHUP', 'reload'],
  ['SIGUSR1', 'renew'],
];

/** Has `listener` told of this process's signals, in place of what they do otherwise, until it is disposed of. */
export function onProcessSignals(listener: (signal: ServiceSignal) => void): Disposable {
  const handlers = SIGNALS.map(([name, signal]) => {
    const handler = (): void => listener(signal);
    process.on(name, handler);
    return () => void process.off(name, handler);
  });
  return { [Symbol.dispose]: () => handlers.forEach((undo) => undo()) };
}
