/** What a program's `--help` and its manual page are made of: plain data, so that both say the same. */

/** Name and explanation, in the order they are shown. */
export type ManualRow = readonly [term: string, explanation: string];

/** A further part of a manual (a file's format): paragraphs, then rows, then lines that stand as they are. */
export type ManualSection = {
  readonly title: string;
  readonly paragraphs?: readonly string[];
  readonly rows?: readonly ManualRow[];
  readonly example?: readonly string[];
};

/**
 * One program's manual. Texts are plain sentences without markup; words that stand for something are written in CAPITALS.
 * A verb of `quail` is named as it is typed: `quail config`.
 */
export type Manual = {
  readonly name: string;
  /** 1: for everybody; 5: a file's format; 8: for the administrator. */
  readonly section: 1 | 5 | 8;
  /** What it is for, in one line without a full stop, as `man -k` shows it. */
  readonly purpose: string;
  /** How it is called, one form a line: `forward ADDRESS ...`. */
  readonly synopsis: readonly string[];
  /** Paragraphs. */
  readonly description: readonly string[];
  readonly sections?: readonly ManualSection[];
  readonly options?: readonly ManualRow[];
  readonly environment?: readonly ManualRow[];
  readonly files?: readonly ManualRow[];
  readonly exitCodes?: readonly ManualRow[];
  /** Other manuals by name. */
  readonly seeAlso?: readonly string[];
};

/** The single argument that asks for help; beside another word it is the program's own (an address, a command). */
const helpWord = "--help";

/** True if these arguments ask for help and for nothing else. */
export function asksForHelp(args: readonly string[]): boolean {
  return args.length === 1 && args[0] === helpWord;
}

const lineWidth = 78;
/** Terms up to this long have their explanation beside them; longer ones above it. */
const maxTermWidth = 22;

/** Words in lines no wider than a terminal's, each behind `indent`. */
function fill(text: string, indent: string): string {
  const lines: string[] = [];
  let line = indent;
  for (const word of text.split(/\s+/)) {
    if (line.trim() !== "" && line.length + 1 + word.length > lineWidth) {
      lines.push(line);
      line = indent;
    }
    line += line === indent ? word : ` ${word}`;
  }
  return `${[...lines, line].join("\n")}\n`;
}

function rows(title: string, entries: readonly ManualRow[] | undefined): string {
  if (entries === undefined || entries.length === 0) return "";
  const width = Math.min(maxTermWidth, Math.max(...entries.map(([term]) => term.length)));
  const indent = " ".repeat(width + 4);
  const shown = entries.map(([term, explanation]) => {
    const filled = fill(explanation, indent);
    return term.length > width ? `  ${term}\n${filled}` : `  ${term.padEnd(width)}${filled.slice(width + 2)}`;
  });
  return `\n${title}:\n${shown.join("")}`;
}

function section({ title, paragraphs = [], rows: entries, example = [] }: ManualSection): string {
  const listed = rows(title, entries);
  const lines = example.map((line) => `  ${line}`.trimEnd());
  const shown = lines.length === 0 ? "" : `\n${lines.join("\n")}\n`;
  if (paragraphs.length === 0 && listed !== "") return `${listed}${shown}`;
  // A heading of its own, and the rows without theirs.
  const text = paragraphs.map((paragraph) => fill(paragraph, "")).join("\n");
  return `\n${title}:\n${text}${listed.slice(title.length + 2)}${shown}`;
}

/** A manual as `--help` prints it: how it is called, what it is for, options, variables, files and exit codes. */
export function helpText(manual: Manual): string {
  const word = manual.section === 5 ? "file: " : "usage:"; // A format is not called.
  const calls = manual.synopsis.map((form, i) => `${i === 0 ? word : "      "} ${form}\n`).join("");
  return [
    calls,
    `${manual.name}: ${manual.purpose}\n`,
    ...manual.description.map((paragraph) => `\n${fill(paragraph, "")}`),
    ...(manual.sections ?? []).map(section),
    rows("options", manual.options),
    rows("environment", manual.environment),
    rows("files", manual.files),
    rows("exit codes", manual.exitCodes),
    manual.seeAlso === undefined || manual.seeAlso.length === 0 ? "" : `\nsee also: ${manual.seeAlso.join(", ")}\n`,
  ].join("");
}
