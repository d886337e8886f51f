import { type Notifier, openNotifier } from './notifier.ts';

/** What systemd is told of the service's state. */
export interface Readiness {
  readonly notifier: Notifier;
  readonly isReady: () => boolean;
  /** `text` is what `systemctl status` shows. The first that comes with a certificate makes the service ready. */
  report(hasCertificate: boolean, text: string): void;
  reloading(): Promise<void>;
  reloaded(): Promise<void>;
  stopping(): Promise<void>;
}

/** Ready means: a certificate that the kubelet can use is in its place. What starts after this service has one. */
export function startReadiness(socket: string | undefined, say: (line: string) => void): Readiness {
  const notifier = openNotifier({ socket, say });
  let isReady = false;
  let lastText = '';
  return {
    notifier,
    isReady: () => isReady,
    report(hasCertificate, text) {
      const becomesReady = hasCertificate && !isReady;
      if (!becomesReady && text === lastText) return;
      isReady ||= hasCertificate;
      lastText = text;
      void notifier.notify(...(becomesReady ? ['READY=1'] : []), `STATUS=${text.replaceAll(/\s+/g, ' ')}`);
    },
    async reloading() {
      if (isReady) await notifier.notify('RELOADING=1', `MONOTONIC_USEC=${process.hrtime.bigint() / 1_000n}`);
    },
    async reloaded() {
      if (isReady) await notifier.notify('READY=1');
    },
    stopping: () => notifier.notify('STOPPING=1'),
  };
}
