import { accessSync, constants, statSync } from "node:fs";
import { isAbsolute, join } from "node:path";

const defaultPath = "/bin:/usr/bin";

/** Where a name may lead to, in the order of $PATH; an empty element is the working directory. A name with `/` leads there only. */
export function candidates(name: string, path: string | undefined, cwd: string): readonly string[] {
  if (name.includes("/")) return [isAbsolute(name) ? name : join(cwd, name)];
  return (path ?? defaultPath).split(":").map((folder) => join(isAbsolute(folder) ? folder : join(cwd, folder), name));
}

/** True if the search goes on behind a candidate that could not be executed for this reason. */
export function isPassedOver(code: string): boolean {
  return code === "ENOENT" || code === "EACCES" || code === "EPERM" || code === "EISDIR" || code === "ENOTDIR";
}

/** The reason a search ends with: a candidate that may not be executed says more than one that is not there. */
export function worse(before: string, now: string): string {
  return now === "ENOENT" || now === "ENOTDIR" ? before : now;
}

/** The first candidate that looks executable, or the code of why there is none. */
export function findExecutable(
  name: string,
  path: string | undefined,
  cwd: string,
): { readonly path: string } | { readonly code: string } {
  let code = "ENOENT";
  for (const candidate of candidates(name, path, cwd)) {
    try {
      accessSync(candidate, constants.X_OK);
      if (statSync(candidate).isFile()) return { path: candidate };
      code = worse(code, "EACCES");
    } catch (error) {
      code = worse(code, (error as NodeJS.ErrnoException).code ?? "EACCES");
    }
  }
  return { code };
}
