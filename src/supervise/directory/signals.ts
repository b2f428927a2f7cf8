/** What a control octet sends when it is no more than a signal (daemontools-encore, svc). */
export const signalsByCommand: ReadonlyMap<string, NodeJS.Signals> = new Map([
  ["h", "SIGHUP"],
  ["a", "SIGALRM"],
  ["i", "SIGINT"],
  ["t", "SIGTERM"],
  ["k", "SIGKILL"],
  ["q", "SIGQUIT"],
  ["1", "SIGUSR1"],
  ["2", "SIGUSR2"],
  ["w", "SIGWINCH"],
]);
