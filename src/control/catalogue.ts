/**
 * Every control file there is: the one place that knows names, kinds, defaults and meanings. Reading (`readSetting`), qmail-showctl,
 * `quail config` and the handbook's table are made from it.
 *
 * To add a file: put an entry into `quailFiles` (or move one out of `patchFiles` when you build its patch in) with the maker
 * of its kind, name the services that read it in `usedBy`, and read it with `readSetting(home, "name")`. A test looks for
 * control files that the source reads and the catalogue lacks.
 */
import { patchFiles } from "./catalogue-patches.ts";
import { qmailFiles } from "./catalogue-qmail.ts";
import { quailFiles } from "./catalogue-quail.ts";
import { tlsFiles } from "./catalogue-tls.ts";
import type { ControlFile } from "./control-file.ts";

const files = { ...qmailFiles, ...quailFiles, ...tlsFiles, ...patchFiles } as const satisfies Record<
  string,
  ControlFile
>;

/** The catalogue with every entry's own type. */
export type Catalogue = typeof files;

/** A control file's name. */
export type ControlName = keyof Catalogue;

/** The catalogue by name, in the order of the handbook's table. */
export const catalogue: ReadonlyMap<string, ControlFile> = new Map<string, ControlFile>(Object.entries(files));

/** An entry of the catalogue. */
export function controlFile<N extends ControlName>(name: N): Catalogue[N] {
  return files[name];
}
