import type { Manual, ManualRow, ManualSection } from "../../src/programs/manual.ts";

/** The day the pages' format was last changed; a date of their own would make every run differ. */
const date = "2026-11-22";

/** Text for troff: nothing in it is a request or an escape, a hyphen stays one that can be typed. */
function escaped(text: string): string {
  return text
    .replaceAll("\\", "\\e")
    .replaceAll("-", "\\-")
    .replaceAll("^", "\\(ha")
    .replaceAll("~", "\\(ti")
    .replaceAll("`", "\\(ga")
    .replaceAll("'", "\\(aq")
    .replace(/^\./, "\\&.");
}

/** A paragraph, a sentence a line, as man pages are written. */
function text(paragraph: string): string {
  const sentences = escaped(paragraph).split(/(?<=[.:?]) (?=[A-Z])/);
  return sentences.map((sentence) => `${sentence.replace(/^\./, "\\&.")}\n`).join("");
}

/** The file's name for a manual: verbs have a hyphen. */
export const pageName = (name: string): string => name.replaceAll(" ", "-");

/** The command's name bold, words in capitals slanted. */
function synopsisLine(line: string, name: string, isProgram: boolean): string {
  const rest = line.startsWith(name) && isProgram ? line.slice(name.length) : line;
  const marked = escaped(rest).replace(/\b[A-Z]{2,}[A-Z0-9]*\b/g, "\\fI$&\\fR");
  return rest === line ? `${marked}\n` : `\\fB${escaped(name)}\\fR${marked}\n`;
}

function heading(title: string): string {
  return `.SH ${escaped(title.toUpperCase())}\n`;
}

const rows = (entries: readonly ManualRow[]): string =>
  entries.map(([term, explanation]) => `.TP\n\\fB${escaped(term)}\\fR\n${text(explanation)}`).join("");

const paragraphs = (entries: readonly string[]): string => entries.map(text).join(".PP\n");

function literal(lines: readonly string[]): string {
  if (lines.length === 0) return "";
  const shown = lines.map((line) => (line === "" ? "\\&\n" : `${escaped(line).replace(/^(?=[.'])/, "\\&")}\n`));
  return `.PP\n.nf\n${shown.join("")}.fi\n`;
}

function section({ title, paragraphs: entries = [], rows: listed = [], example = [] }: ManualSection): string {
  const body = `${paragraphs(entries)}${rows(listed)}${literal(example)}`;
  return `${heading(title)}${body.replace(/^\.PP\n/, "")}`;
}

function listed(title: string, entries: readonly ManualRow[] | undefined): string {
  return entries === undefined || entries.length === 0 ? "" : `${heading(title)}${rows(entries)}`;
}

function seeAlso(names: readonly string[] | undefined, all: readonly Manual[]): string {
  if (names === undefined || names.length === 0) return "";
  const shown = names.map((name) => {
    const found = all.find((manual) => manual.name === name);
    return found === undefined ? escaped(name) : `${escaped(pageName(name))}(${found.section})`;
  });
  return `${heading("see also")}${shown.join(",\n")}\n`;
}

/** A manual as a page for man(1), in man macros. `all`: the others, for their sections. */
export function manPage(manual: Manual, all: readonly Manual[]): string {
  const { name, section: number, purpose, synopsis, description } = manual;
  const calls = synopsis.map((line) => synopsisLine(line, name, number !== 5));
  return [
    '.\\" Made by "npm run handbook"; change src/programs/manuals/, not this file.\n',
    `.TH ${escaped(pageName(name).toUpperCase())} ${number} "${date}" "Quail"\n`,
    `${heading("name")}${escaped(pageName(name))} \\- ${escaped(purpose)}\n`,
    `${heading("synopsis")}${calls.join(".br\n")}`,
    `${heading("description")}${paragraphs(description)}`,
    ...(manual.sections ?? []).map(section),
    listed("options", manual.options),
    listed("environment", manual.environment),
    listed("files", manual.files),
    listed("exit codes", manual.exitCodes),
    seeAlso(manual.seeAlso, all),
  ].join("");
}
