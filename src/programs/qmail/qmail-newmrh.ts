import { join } from "node:path";
import { lowerAscii, toBytes } from "#bytes";
import { findHome, readLines } from "#control";
import { errorText, renderCdb } from "#files";
import type { Program } from "#process";
import { replaceFile } from "./replace-file.ts";

/** The compiled table: each domain in lower case, with nothing said about it. */
const table = (domains: readonly string[]): Buffer =>
  renderCdb(domains.map((domain) => [toBytes(lowerAscii(domain)), Buffer.alloc(0)] as const));

/** `qmail-newmrh`: compiles control/morercpthosts into control/morercpthosts.cdb, atomically (spec 2.11, Q-259). */
export const main: Program = async ({ env, stderr }) => {
  const home = findHome(env);
  const die = (words: string, error: unknown): number => {
    stderr.write(`qmail-newmrh: fatal: unable to ${words}: ${errorText(error)}\n`);
    return 111;
  };
  let domains: readonly string[] | null;
  try {
    domains = readLines(home, "morercpthosts");
  } catch (error) {
    return die("read control/morercpthosts", error instanceof Error && error.cause !== undefined ? error.cause : error);
  }
  if (domains === null) return die("read control/morercpthosts", { code: "ENOENT" });
  const file = join(home, "control/morercpthosts");
  const trouble = await replaceFile(`${file}.cdb`, `${file}.tmp`, table(domains));
  if (trouble === null) return 0;
  return trouble.step === "move"
    ? die("move control/morercpthosts.tmp to control/morercpthosts.cdb", trouble.cause)
    : die("write to control/morercpthosts.tmp", trouble.cause);
};
