import { delimiter, join } from "node:path";
import { serviceMemoryEnv } from "#process/memory";

/**
 * Where workers keep their compiled code: a third of their memory less. Only when all are our own uid, for what one user can
 * write there another would run. `run.ts` takes it out of the environment again.
 */
export function keptCode(home: string, module: string): NodeJS.ProcessEnv {
  return { NODE_COMPILE_CACHE: join(home, "run", "cache", module) };
}

/** What workers have for an environment. Nothing else of ours reaches users' programs: the `env - PATH=...` of qmail's start scripts (spec 2.5). */
export function workerEnv(home: string): NodeJS.ProcessEnv {
  const path = process.env.PATH ?? "/usr/local/bin:/usr/bin:/bin";
  return { PATH: `${join(home, "bin")}${delimiter}${path}`, QUAIL_HOME: home, ...serviceMemoryEnv };
}
