import { readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { catalogue } from "./catalogue.ts";
import { checkConcurrency } from "./check-limits.ts";
import { about, checkText, type Problem } from "./check-text.ts";
import { checkTogether } from "./check-together.ts";
import type { ControlFile } from "./control-file.ts";
import { ControlError, readText } from "./read.ts";
import { readSetting } from "./setting.ts";

/** Names in control/ that are files of ours or of strangers; editors' leftovers (`x~`, `.x.swp`) are neither. */
function namesIn(home: string): readonly string[] {
  return readdirSync(join(home, "control"))
    .filter((name) => !name.startsWith(".") && !name.endsWith("~"))
    .sort();
}

function isFolder(home: string, name: string): boolean {
  return statSync(join(home, "control", name), { throwIfNoEntry: false })?.isDirectory() ?? false;
}

/** Folders with certificates: those patches keep here, and ours. */
const knownFolders = new Set(["tlshosts", "notlshosts", "certs"]);

function checkFile(home: string, name: string): readonly Problem[] {
  const file = catalogue.get(name);
  if (isFolder(home, name)) {
    return knownFolders.has(name) ? [] : [about(name, "warning", "is a folder, and no setting is kept in folders")];
  }
  if (file === undefined) return [about(name, "warning", "is no control file anything reads")];
  const unread = file.usedBy.length > 0 ? [] : [about(name, "warning", unreadReason(file))];
  return [...unread, ...checkContent(home, name, file)];
}

/** Nothing reads it: what that means for whoever laid it there. */
function unreadReason({ since, unread }: ControlFile): string {
  const known = `is known${since === "patch" ? " from a patch" : ""}, but nothing here reads it`;
  return unread === undefined ? known : `${known}: ${unread}`;
}

function checkContent(home: string, name: string, file: ControlFile): readonly Problem[] {
  try {
    return checkText(name, file, readText(home, name) ?? "");
  } catch (problem) {
    if (problem instanceof ControlError) return [about(name, "error", problem.message)];
    throw problem;
  }
}

/** Numbers that stop mail without an error anywhere. */
function checkNumbers(home: string): readonly Problem[] {
  return (["concurrencylocal", "concurrencyremote"] as const).flatMap((name) => {
    try {
      return readSetting(home, name) === 0
        ? [about(name, "warning", "is 0: that channel's mail stays in the queue")]
        : [];
    } catch {
      return []; // Unreadable: said by its own check.
    }
  });
}

/** Without me, each of these must say its own name or domain (spec Q-256). */
const needMe = ["locals", "helohost", "smtpgreeting"] as const;

function checkMe(names: readonly string[]): readonly Problem[] {
  if (names.includes("me")) return [];
  const lacking = needMe.filter((name) => !names.includes(name));
  return lacking.length === 0
    ? [about("me", "warning", "is missing; other files default to their own names")]
    : [about("me", "error", `is missing, and so is ${lacking.join(", ")}, which would default to it`)];
}

/**
 * Everything that is wrong in `home/control`, file by file and between files, in order of files and lines. Throws ControlError when
 * the folder itself cannot be read.
 */
export function checkHome(home: string): readonly Problem[] {
  let names: readonly string[];
  try {
    names = namesIn(home);
  } catch (cause) {
    const code = (cause as NodeJS.ErrnoException).code ?? "error";
    throw new ControlError(`unable to read ${join(home, "control")}: ${code}`, { cause });
  }
  const problems = [
    ...checkMe(names),
    ...names.flatMap((name) => checkFile(home, name)),
    ...checkTogether(home),
    ...checkNumbers(home),
    ...checkConcurrency(home),
  ];
  return problems.sort((a, b) => (a.file < b.file ? -1 : a.file > b.file ? 1 : (a.line ?? 0) - (b.line ?? 0)));
}
