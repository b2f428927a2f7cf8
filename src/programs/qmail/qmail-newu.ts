import { readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { fromBytes } from "#bytes";
import { findHome } from "#control";
import { errorCode } from "#files";
import type { Program } from "#process";
import { compileAssign, parseAssign } from "#users";
import { replaceFile } from "./replace-file.ts";

/**
 * `qmail-newu`: compiles users/assign into users/cdb (spec 2.11, 5.4), atomically: on any trouble the old cdb stays. 111 then.
 * After `bad format in users/assign` a second line says which line is meant.
 */
export const main: Program = async ({ env, stderr }) => {
  const home = findHome(env);
  const die = (words: string): number => {
    stderr.write(`qmail-newu: fatal: ${words}\n`);
    return 111;
  };
  const isFolder = await stat(join(home, ".")).then(
    (found) => found.isDirectory(),
    () => false, // whatever is in the way, we cannot work there
  );
  if (!isFolder) return die("unable to chdir");

  let text: string;
  try {
    text = fromBytes(await readFile(join(home, "users/assign")));
  } catch (error) {
    const opened = errorCode(error) === "EISDIR" || errorCode(error) === "EIO";
    return die(`unable to ${opened ? "read" : "open"} users/assign`);
  }
  const entries = parseAssign(text);
  if ("kind" in entries) {
    const code = die("bad format in users/assign");
    stderr.write(`qmail-newu: users/assign:${entries.line}: expected ${entries.expected}\n`);
    return code;
  }
  const trouble = await replaceFile(join(home, "users/cdb"), join(home, "users/cdb.tmp"), compileAssign(entries));
  if (trouble === null) return 0;
  return die(
    trouble.step === "move" ? "unable to move users/cdb.tmp to users/cdb" : `unable to ${trouble.step} users/cdb.tmp`,
  );
};
