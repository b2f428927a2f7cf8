import { type ByteString, lowerAscii, trimBlanksEnd } from "#bytes";
import type { ControlFile } from "./control-file.ts";
import { checkFlag } from "./entry-checks.ts";

/** What is wrong in a control file. `error`: it does not do what was meant; `warning`: it may not. */
export type Problem = {
  /** Relative to the home: `control/locals`. */
  readonly file: string;
  /** From 1; null when it is about the file as a whole. */
  readonly line: number | null;
  readonly level: "error" | "warning";
  readonly reason: string;
};

/** A problem of `control/FILE`. */
export function about(file: string, level: Problem["level"], reason: string, line: number | null = null): Problem {
  return { file: `control/${file}`, line, level, reason };
}

type Finding = Omit<Problem, "file">;
type Line = { readonly text: ByteString; readonly number: number };

const error = (line: number | null, reason: string): Finding => ({ line, level: "error", reason });
const warning = (line: number | null, reason: string): Finding => ({ line, level: "warning", reason });

/** Lines with their LF gone; a last empty one is no line. */
function linesOf(text: ByteString): readonly Line[] {
  const lines = text.split("\n").map((line, index) => ({ text: line, number: index + 1 }));
  return lines.at(-1)?.text === "" ? lines.slice(0, -1) : lines;
}

/** Bytes that no reader takes away (spec 3.1): they make an entry that never matches. */
function checkBytes({ text, number }: Line): readonly Finding[] {
  const found: Finding[] = [];
  if (text.endsWith("\r"))
    found.push(error(number, "ends with CR (a DOS line end), which counts as part of the entry"));
  if (/^[ \t]/.test(text)) found.push(error(number, "begins with a blank, which counts as part of the entry"));
  if (text.includes("\0")) found.push(error(number, "has a NUL"));
  return found;
}

function judge(file: ControlFile, line: Line): readonly Finding[] {
  const bytes = checkBytes(line);
  const reason = bytes.length > 0 ? null : (file.check?.(trimBlanksEnd(line.text)) ?? null);
  return reason === null ? bytes : [...bytes, error(line.number, reason)];
}

/** `#` and further lines mean nothing special in a file of one value. */
function checkFirstLine(file: ControlFile, lines: readonly Line[]): readonly Finding[] {
  const first = lines[0]?.text ?? "";
  const found: Finding[] = [];
  if (first.startsWith("#")) found.push(warning(1, "begins with #, which is no comment in a file of one value"));
  if (trimBlanksEnd(first) === "")
    found.push(...(file.mayBeEmpty ? [] : [warning(1, "is empty, and so is the value")]));
  else found.push(...judge(file, { text: first, number: 1 }));
  if (lines.slice(1).some((line) => trimBlanksEnd(line.text) !== "")) {
    found.push(warning(2, "is not read: only the first line counts"));
  }
  return found;
}

function checkNumber(fallback: number, lines: readonly Line[]): readonly Finding[] {
  const first = trimBlanksEnd(lines[0]?.text ?? "");
  const digits = /^[0-9]*/.exec(first)?.[0] ?? "";
  if (digits === "") return [error(1, `does not begin with a digit, so the default ${fallback} applies`)];
  const found: Finding[] = [];
  if (digits !== first) found.push(warning(1, `has more than a number; ${digits} counts`));
  if (lines.slice(1).some((line) => trimBlanksEnd(line.text) !== "")) {
    found.push(warning(2, "is not read: only the first line counts"));
  }
  return found;
}

const isEntry = ({ text }: Line): boolean => trimBlanksEnd(text) !== "" && !text.startsWith("#");

function checkList(file: ControlFile, lines: readonly Line[]): readonly Finding[] {
  const seen = new Map<ByteString, number>();
  return lines.filter(isEntry).flatMap((line) => {
    const key = lowerAscii(trimBlanksEnd(line.text));
    const before = seen.get(key);
    if (before === undefined) seen.set(key, line.number);
    return before === undefined ? judge(file, line) : [warning(line.number, `says the same as line ${before}`)];
  });
}

function checkMap(file: ControlFile, lines: readonly Line[]): readonly Finding[] {
  const seen = new Map<ByteString, number>();
  return lines.filter(isEntry).flatMap((line) => {
    const colon = line.text.indexOf(":");
    if (colon < 0) return [error(line.number, "has no : and is ignored")];
    const key = lowerAscii(line.text.slice(0, colon));
    const before = seen.get(key);
    seen.set(key, line.number);
    const twice =
      before === undefined ? [] : [warning(before, `is overruled by line ${line.number}, which has the same key`)];
    return [...twice, ...judge(file, line)];
  });
}

function findings(file: ControlFile, text: ByteString): readonly Finding[] {
  const lines = linesOf(text);
  switch (file.kind) {
    case "value":
      return checkFirstLine(file, lines);
    case "flag":
      return checkFirstLine({ ...file, check: checkFlag }, lines);
    case "number":
      return checkNumber(file.fallback, lines);
    case "list":
      return checkList(file, lines);
    case "map":
      return checkMap(file, lines);
    case "text":
      return lines
        .filter((line) => line.text.endsWith("\r"))
        .slice(0, 1)
        .map((line) => warning(line.number, "ends with CR (a DOS line end)"));
    case "binary":
      return [];
  }
}

/** Judges a control file's content by its catalogue entry; problems come in order of lines. */
export function checkText(name: string, file: ControlFile, text: ByteString): readonly Problem[] {
  return findings(file, text)
    .map((finding) => ({ file: `control/${name}`, ...finding }))
    .sort((a, b) => (a.line ?? 0) - (b.line ?? 0));
}
