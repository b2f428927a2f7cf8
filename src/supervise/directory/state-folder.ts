import { isAbsolute, join } from "node:path";

/**
 * Where the state of the service in `directory` lies, as a path from it: `supervise`, or what SUPERVISEDIR says. An absolute
 * SUPERVISEDIR is followed by the directory's own path with colons for slashes: state outside the directory (spec 1).
 */
export function stateFolder(env: NodeJS.ProcessEnv, directory: string): string {
  const named = env.SUPERVISEDIR;
  if (named === undefined || named === "") return "supervise";
  if (!isAbsolute(named)) return named;
  return join(named, directory.replace(/^\/+/, "").replaceAll("/", ":"));
}
