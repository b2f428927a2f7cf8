import { existsSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

/** qmail's root folder (conf-qmail). */
const classicHome = "/var/qmail";
/** Where `quail start` lives in a checkout: `var` beside `src`. */
const checkoutHome = fileURLToPath(new URL("../../var", import.meta.url));

/**
 * The home a program works on, absolute: `QUAIL_HOME` if it is set; else `/var/qmail` if that is a configured home (it has
 * `control/me`); else `var` of this checkout if it exists; else `/var/qmail`, where the program will say what is missing.
 */
export function findHome(env: NodeJS.ProcessEnv): string {
  const { QUAIL_HOME: named } = env;
  if (named !== undefined && named !== "") return named;
  if (existsSync(join(classicHome, "control", "me"))) return classicHome;
  return existsSync(checkoutHome) ? checkoutHome : classicHome;
}
