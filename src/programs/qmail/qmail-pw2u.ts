import { readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import type { Readable } from "node:stream";
import { type ByteString, fromBytes, toBytes, utf8ToByteString } from "#bytes";
import { findHome, readListFile } from "#control";
import { diskPath, errorCode } from "#files";
import type { Program } from "#process";
import { assignFromPasswd, type Pw2uChoices, type Pw2uFiles } from "#users";

const usage = "qmail-pw2u: usage: qmail-pw2u [ -/ohHuUC ] [ -cchar ]";

/** Options of one letter; `c` is another kind: it takes the rest of its word, or the next. */
const letters: ReadonlyMap<string, Partial<Pw2uChoices>> = new Map<string, Partial<Pw2uChoices>>([
  ["o", { homes: "skip" }],
  ["h", { homes: "stop" }],
  ["H", { homes: "ignore" }],
  ["u", { upperCase: true }],
  ["U", { upperCase: false }],
  ["C", { breakCharacter: "" }],
  ["/", { dash: "-/" }],
]);

const defaults: Pw2uChoices = { homes: "skip", upperCase: false, breakCharacter: "-", dash: "-" };

/** The options of a command line; null if one is wrong. Later ones win. */
function parseChoices(args: readonly string[]): Pw2uChoices | null {
  let choices = defaults;
  const words = [...args];
  for (let word = words.shift(); word?.startsWith("-") && word !== "-" && word !== "--"; word = words.shift()) {
    for (let at = 1; at < word.length; at++) {
      if (word[at] === "c") {
        const value = word.slice(at + 1) || words.shift();
        if (value === undefined) return null;
        choices = { ...choices, breakCharacter: utf8ToByteString(value).slice(0, 1) };
        break;
      }
      const choice = letters.get(word[at]!);
      if (choice === undefined) return null;
      choices = { ...choices, ...choice };
    }
  }
  return choices;
}

/** The files in users/ that take part. Throws ControlError, or what the disk says of `append`. */
function filesIn(home: string): Pw2uFiles {
  const list = (name: string): readonly ByteString[] | null => readListFile(join(home, "users", name));
  return {
    include: list("include"),
    exclude: list("exclude"),
    mailnames: list("mailnames"),
    subusers: list("subusers"),
    append: appendIn(home),
  };
}

function appendIn(home: string): ByteString {
  try {
    return readFileSync(join(home, "users/append"), "latin1");
  } catch (error) {
    if (errorCode(error) === "ENOENT") return "";
    throw error;
  }
}

/** Null if the home does not exist; anything else that keeps us from knowing is thrown. */
function ownerOf(folder: ByteString): number | null {
  return statSync(diskPath(folder), { throwIfNoEntry: false })?.uid ?? null;
}

async function readAll(stdin: Readable): Promise<ByteString> {
  const pieces: Buffer[] = [];
  for await (const piece of stdin) pieces.push(piece as Buffer);
  return fromBytes(Buffer.concat(pieces));
}

/**
 * `qmail-pw2u`: lines of passwd on stdin become lines of users/assign on stdout (spec 2.11). Nothing is written unless all of
 * it can be.
 */
export const main: Program = async ({ args, env, stdin, stdout, stderr }) => {
  const choices = parseChoices(args);
  if (choices === null) {
    stderr.write(`${usage}\n`);
    return 100;
  }
  const die = (words: ByteString): number => {
    stderr.write(toBytes(`qmail-pw2u: fatal: ${words}\n`));
    return 111;
  };
  const home = findHome(env);
  if (!(statSync(home, { throwIfNoEntry: false })?.isDirectory() ?? false)) return die("unable to chdir");
  let files: Pw2uFiles;
  try {
    files = filesIn(home);
  } catch {
    return die("unable to read controls"); // qmail's whole sentence for it; `quail config check` says more.
  }
  let passwd: ByteString;
  try {
    passwd = await readAll(stdin);
  } catch {
    return die("unable to read input");
  }
  const lines = assignFromPasswd(passwd, files, choices, ownerOf);
  if (typeof lines !== "string") return die(lines.trouble);
  const failure = await new Promise<Error | null | undefined>((written) => stdout.write(toBytes(lines), written));
  return failure === null || failure === undefined ? 0 : die("unable to write output");
};
