import type { ProgramCall } from "#process";

/** What a helper program's child says by its exit code: yes (0), no (any other), or that there is no telling now. */
export type ChildAnswer =
  | { readonly kind: "yes" }
  | { readonly kind: "no" }
  | { readonly kind: "unknown"; readonly why: string };

/** Exit codes above this are a signal's number more (what `exec` reports of a program that was killed). */
const signalBase = 128;
const lastSignal = 64;
const temporaryCode = 111;

/** True for the exit code `exec` gives of a program that was killed. */
export function hasCrashed(code: number): boolean {
  return code > signalBase && code <= signalBase + lastSignal;
}

/** Runs a program that decides something: bouncesaying, condredirect and except ask in this way. */
export async function askChild(
  call: ProgramCall,
  words: readonly [string, ...string[]],
  change: Parameters<ProgramCall["exec"]>[1] = {},
): Promise<ChildAnswer> {
  const code = await call.exec(words, change);
  if (code === 0) return { kind: "yes" };
  if (hasCrashed(code)) return { kind: "unknown", why: "child crashed" };
  return code === temporaryCode ? { kind: "unknown", why: "temporary child error" } : { kind: "no" };
}
