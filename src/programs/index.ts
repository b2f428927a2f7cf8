/**
 * Room `programs`: one thin file per classic command, grouped by the package it came in. This table is the only place where a
 * command's name meets its module; a module is loaded when its command runs, not before.
 */
import type { Program, ProgramIndex } from "#process";

type Loader = () => Promise<{ readonly main: Program }>;

const table: ReadonlyMap<string, Loader> = new Map<string, Loader>([
  // quail
  ["quail", () => import("./quail/quail.ts")],
  // qmail
  ["qmail-showctl", () => import("./qmail/qmail-showctl.ts")],
]);

/** Every command of ours, by name. */
export const programNames: readonly string[] = [...table.keys()].sort();

/** Looks a command up by the name an operator types; undefined if it is not ours. */
export const findProgram: ProgramIndex = (name) => {
  const load = table.get(name);
  return load === undefined ? undefined : async () => (await load()).main;
};
