import { readdirSync, statSync, symlinkSync } from "node:fs";
import { delimiter, join } from "node:path";
import { errorCode } from "#files";
import { serviceMemoryEnv } from "#process/memory";

/**
 * Where workers keep their compiled code: a third of their memory less. Only when all are our own uid, for what one user can
 * write there another would run. `run.ts` takes it out of the environment again.
 */
export function keptCode(home: string, module: string): NodeJS.ProcessEnv {
  return { NODE_COMPILE_CACHE: join(home, "run", "cache", module) };
}

/**
 * The same for a worker of another uid, which root starts: it reads what root compiled and can write nothing there. Node looks in
 * a folder whose name ends in its own uid, so that name becomes a link to root's.
 */
export function rootsCode(home: string, module: string, uid: number): NodeJS.ProcessEnv {
  const folder = join(home, "run", "cache", module);
  try {
    if (statSync(folder).uid !== 0) return {}; // Who owns it could have users run his code.
    for (const name of readdirSync(folder).filter((one) => one.endsWith("-0"))) {
      linkOnce(name, join(folder, `${name.slice(0, -1)}${uid}`));
    }
  } catch (error) {
    if (errorCode(error) !== "ENOENT") throw error;
    return {}; // Nothing was compiled: the worker does it for itself, each time.
  }
  return { NODE_COMPILE_CACHE: folder };
}

function linkOnce(target: string, path: string): void {
  try {
    symlinkSync(target, path);
  } catch (error) {
    if (errorCode(error) !== "EEXIST") throw error;
  }
}

/** What workers have for an environment. Nothing else of ours reaches users' programs: the `env - PATH=...` of qmail's start scripts (spec 2.5). */
export function workerEnv(home: string): NodeJS.ProcessEnv {
  const path = process.env.PATH ?? "/usr/local/bin:/usr/bin:/bin";
  return { PATH: `${join(home, "bin")}${delimiter}${path}`, QUAIL_HOME: home, ...serviceMemoryEnv };
}
