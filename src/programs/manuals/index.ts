/**
 * The manuals of all programs and verbs, one file for each package of programs. A file is loaded when somebody asks for help, not
 * before. A file exports `manuals`; to add one, write it and name it here.
 */
import type { Manual } from "../manual.ts";

type Loader = () => Promise<{ readonly manuals: readonly Manual[] }>;

const packages: readonly Loader[] = [
  () => import("./quail.ts"),
  () => import("./verbs.ts"),
  () => import("./sending.ts"),
  () => import("./delivering.ts"),
  () => import("./serving.ts"),
  () => import("./pop3.ts"),
  () => import("./ucspi.ts"),
  () => import("./sender-proof.ts"),
  () => import("./qmail-admin.ts"),
  () => import("./log-tools.ts"),
  () => import("./chain-loaders.ts"),
  () => import("./supervising.ts"),
  () => import("./logging.ts"),
  () => import("./formats.ts"),
  () => import("./control-manual.ts"),
];

/** Every manual, in the order of packages. */
export async function allManuals(): Promise<readonly Manual[]> {
  const loaded = await Promise.all(packages.map((load) => load()));
  return loaded.flatMap(({ manuals }) => manuals);
}

/** The manual of a program (`forward`) or a verb (`quail config`); null if nobody has written it. */
export async function findManual(name: string): Promise<Manual | null> {
  const found = (await allManuals()).find((manual) => manual.name === name);
  return found ?? null;
}
