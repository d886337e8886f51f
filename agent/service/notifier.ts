import { spawn } from 'node:child_process';

/** Tells systemd how the service is (sd_notify(3)). */
export interface Notifier {
  /** Assignments such as `READY=1`, as one message, after those before it. Resolves when it is out, or cannot be got out; never rejects. */
  notify(...assignments: readonly string[]): Promise<void>;
}

export interface NotifierOptions {
  /** `$NOTIFY_SOCKET`: a path, or `@` and a name in the abstract name space. */
  readonly socket: string | undefined;
  /** Told once, when messages do not get out. */
  readonly say: (line: string) => void;
  /** Where systemd-notify is looked for. */
  readonly path?: string;
}

const SYSTEM_PATH = '/usr/bin:/bin:/run/current-system/sw/bin';
const TIMEOUT_MS = 10_000;

/**
 * A notifier over the program systemd-notify, for the runtime has no datagram sockets of this kind (docs/decisions/0017). Without a socket it
 * does nothing. systemd takes the messages of a child process only with `NotifyAccess=all`.
 */
export function openNotifier({ socket, say, path = SYSTEM_PATH }: NotifierOptions): Notifier {
  if (socket === undefined) return { notify: () => Promise.resolve() };
  let last: Promise<void> = Promise.resolve();
  let isSaid = false;
  const send = async (assignments: readonly string[]): Promise<void> => {
    const fault = await runSystemdNotify(socket, path, assignments);
    if (fault === undefined || isSaid) return;
    isSaid = true;
    say(
      `systemd cannot be told how the service is, ${fault}: install systemd-notify, or set Type=exec and no WatchdogSec.`,
    );
  };
  return {
    notify: (...assignments) => {
      last = last.then(() => send(assignments));
      return last;
    },
  };
}

/** Undefined, or why the message did not get out. */
function runSystemdNotify(socket: string, path: string, assignments: readonly string[]): Promise<string | undefined> {
  return new Promise((resolve) => {
    const child = spawn('systemd-notify', [...assignments], {
      // Nothing else of our environment, and no search of directories that the administrator did not make.
      env: { NOTIFY_SOCKET: socket, PATH: path },
      stdio: 'ignore',
      timeout: TIMEOUT_MS,
      killSignal: 'SIGKILL',
    });
    child.once('error', (error: NodeJS.ErrnoException) => {
      resolve(`systemd-notify cannot be started (${error.code ?? error.message})`);
    });
    child.once('exit', (code, signal) => {
      resolve(code === 0 ? undefined : `systemd-notify ended with ${signal ?? code}`);
    });
  });
}
