import { existsSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

/** Where a home may be when nobody says. A test gives others. */
export type HomePlaces = {
  /** qmail's root folder (conf-qmail). */
  readonly classic: string;
  /** Where `npm start` lives in a checkout: `var` beside `src`; an installed Quail has no such folder. */
  readonly checkout: string;
};

const usualPlaces: HomePlaces = {
  classic: "/var/qmail",
  checkout: fileURLToPath(new URL("../../var", import.meta.url)),
};

/**
 * The home a program works on, absolute: `QUAIL_HOME` if it is set; else `/var/qmail` if that is a configured home (it has
 * `control/me`); else `var` of this checkout if it exists; else `/var/qmail`, where the program will say what is missing.
 */
export function findHome(env: NodeJS.ProcessEnv, { classic, checkout }: HomePlaces = usualPlaces): string {
  const { QUAIL_HOME: named } = env;
  if (named !== undefined && named !== "") return named;
  if (existsSync(join(classic, "control", "me"))) return classic;
  return existsSync(checkout) ? checkout : classic;
}
