import { flushCompileCache, getCompileCacheDir } from "node:module";

/** Says to ourselves that we have been here: once is enough. */
const mark = "QUAIL_STARTED_AFRESH";

/** True once a TypeScript file had to be compiled: Node's type stripper, 16 MB, stays in memory for good. */
function hasStripper(): boolean {
  const { moduleLoadList = [] } = process as { readonly moduleLoadList?: readonly string[] };
  return moduleLoadList.some((name) => name.includes("internal/deps/amaro"));
}

/**
 * Starts this very process anew (execve(2): the same process number, the same streams) if it had to compile our code, which is after
 * a change of it; what it compiled is kept, so the new one need not. Only for `bin/quail` in a process of its own, before
 * anything is opened, and when all code that will be needed is loaded.
 */
export function startAfresh(): void {
  const again = process.env[mark] !== undefined;
  delete process.env[mark];
  const isOurs = process.argv[1]?.endsWith("/bin/quail.mjs") === true && getCompileCacheDir() !== undefined;
  // What systemd handed over would be closed.
  const hasSockets = process.env.LISTEN_FDS !== undefined;
  if (again || hasSockets || !isOurs || !hasStripper() || process.execve === undefined) return;
  flushCompileCache();
  const words = [process.execPath, ...process.execArgv, ...process.argv.slice(1)];
  process.execve(process.execPath, words, { ...process.env, [mark]: "1" });
}
