import type { ProgramCall } from "#process";

const stopSignals = ["SIGQUIT"] as const;

/** Signals of this process, heard while a program runs; none inside another program's process, which has its own. */
export function onSignal(call: ProgramCall, signal: NodeJS.Signals, hear: () => void): () => void {
  if (call.become === null) return () => {};
  process.on(signal, hear);
  return () => process.off(signal, hear);
}

/** Resolves when somebody wants the program to end: INT, QUIT or TERM. `forget` stops listening. */
export function stopWanted(call: ProgramCall): { readonly stopped: Promise<"stopped">; readonly forget: () => void } {
  const { promise, resolve } = Promise.withResolvers<"stopped">();
  const stop = (): void => resolve("stopped");
  if (call.signal.aborted) stop();
  call.signal.addEventListener("abort", stop, { once: true });
  const offs = stopSignals.map((signal) => onSignal(call, signal, stop));
  return {
    stopped: promise,
    forget() {
      call.signal.removeEventListener("abort", stop);
      for (const off of offs) off();
    },
  };
}
