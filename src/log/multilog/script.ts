import { type ByteString, utf8ToByteString } from "#bytes";
import { type Fits, shellPattern, starPattern } from "./pattern.ts";

/** What a folder's log keeps to. `suffix`: of files that are complete. */
export type FolderRules = {
  readonly sizeBytes: number;
  /** Old files and current together. */
  readonly files: number;
  /** A shell command that old files go through; null for none. */
  readonly processor: string | null;
  readonly suffix: string;
};

/** One step of what is done for each line. `folder` is the number of the folder. */
export type Step =
  | { readonly kind: "select"; readonly selects: boolean; readonly fits: Fits }
  | { readonly kind: "stderr" }
  | { readonly kind: "status"; readonly file: string }
  | { readonly kind: "folder"; readonly folder: number };

/** A script as it was written. */
export type Script = {
  readonly stamp: "none" | "tai64n" | "unix";
  readonly steps: readonly Step[];
  readonly folders: readonly { readonly path: string; readonly rules: FolderRules }[];
};

const sizeRange = [4_096, 16_777_215] as const;
const minFiles = 2;
const defaults: FolderRules = { sizeBytes: 99_999, files: 10, processor: null, suffix: "s" };

/** A number as djb reads it: the digits in front, 0 without any. */
function leadingNumber(text: string): number {
  return Number(/^[0-9]{1,15}/.exec(text)?.[0] ?? 0);
}

/** Reads multilog's arguments. Words that mean nothing are left out, as multilog always did. */
export function parseScript(words: readonly string[]): Script {
  const steps: Step[] = [];
  const folders: Script["folders"][number][] = [];
  let rules = defaults;
  let pattern: (text: ByteString) => Fits = starPattern;
  for (const word of words) {
    const rest = word.slice(1);
    switch (word[0]) {
      case "+":
      case "-":
        steps.push({ kind: "select", selects: word[0] === "+", fits: pattern(utf8ToByteString(rest)) });
        break;
      case "e":
        steps.push({ kind: "stderr" });
        break;
      case "=":
        steps.push({ kind: "status", file: rest });
        break;
      case ".":
      case "/":
        steps.push({ kind: "folder", folder: folders.length });
        folders.push({ path: word, rules });
        break;
      case "s":
        rules = { ...rules, sizeBytes: Math.min(Math.max(leadingNumber(rest), sizeRange[0]), sizeRange[1]) };
        break;
      case "n":
        rules = { ...rules, files: Math.max(leadingNumber(rest), minFiles) };
        break;
      case "!":
        rules = { ...rules, processor: rest === "" ? null : rest };
        break;
      case "w":
        if (/^[^/]+$/.test(rest)) rules = { ...rules, suffix: rest };
        break;
      case "F":
        pattern = shellPattern;
        break;
      case "S":
        pattern = starPattern;
        break;
    }
  }
  const first = words[0]?.[0];
  return { stamp: first === "t" ? "tai64n" : first === "T" ? "unix" : "none", steps, folders };
}
