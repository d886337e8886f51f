/** What the agent takes from its environment: what systemd and Kubernetes clients tell a program, and nothing of its own. */
export interface AgentEnvironment {
  /** Where systemd takes notifications (sd_notify(3)); undefined where nobody asked for them. */
  readonly notifySocket: string | undefined;
  /** How long systemd waits for a sign of life; undefined where it does not. */
  readonly watchdogMs: number | undefined;
  /** What a Kubernetes client tells the plugin that it starts, as it came. */
  readonly execInfo: string | undefined;
}

/** `WATCHDOG_PID` names the process that is watched: another's watchdog is not ours to feed (sd_watchdog_enabled(3)). */
export function readAgentEnvironment(env: NodeJS.ProcessEnv = process.env, pid = process.pid): AgentEnvironment {
  const isOurs = env['WATCHDOG_PID'] === undefined || env['WATCHDOG_PID'] === String(pid);
  const watchdogUsec = /^[1-9][0-9]{0,14}$/.test(env['WATCHDOG_USEC'] ?? '') ? Number(env['WATCHDOG_USEC']) : undefined;
  return {
    notifySocket: env['NOTIFY_SOCKET'] || undefined,
    watchdogMs: isOurs && watchdogUsec !== undefined ? watchdogUsec / 1_000 : undefined,
    execInfo: env['KUBERNETES_EXEC_INFO'],
  };
}
