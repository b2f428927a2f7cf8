import { type ControlFile, catalogue } from "#control";

type Entry = readonly [name: string, file: ControlFile];

/** What a missing file means, for a table's cell. */
export function defaultOf({ fallback }: ControlFile): string {
  if (fallback === null) return "none";
  if (typeof fallback === "object") {
    const otherwise = { "or-its-own-name": "", "or-an-error": " (else it does not start)", "or-nothing": "" };
    return `\`me\`${otherwise[fallback.me]}`;
  }
  if (typeof fallback === "boolean") return fallback ? "on" : "off";
  return `\`${fallback}\``;
}

const changes: Readonly<Record<ControlFile["reload"], string>> = { live: "live", HUP: "HUP", no: "restart" };

const cell = (text: string): string => text.replaceAll("|", "\\|").replaceAll("\n", " ");

function row([name, file]: Entry): string {
  const cells = [`\`${name}\``, file.kind, defaultOf(file), file.usedBy.join(", "), changes[file.reload], file.meaning];
  return `| ${cells.map(cell).join(" | ")} |\n`;
}

function table(entries: readonly Entry[]): string {
  return `| file | kind | default | read by | a change | meaning |\n|---|---|---|---|---|---|\n${entries.map(row).join("")}`;
}

function examples(entries: readonly Entry[]): string {
  const rows = entries
    .filter(([, { kind }]) => kind !== "binary")
    .map(([name, { example }]) => `| \`${name}\` | \`${cell(example)}\` |\n`);
  return `| file | may hold |\n|---|---|\n${rows.join("")}`;
}

/** Files something here reads, and those that are only known. */
export function controlEntries(): { readonly read: readonly Entry[]; readonly known: readonly Entry[] } {
  const all: readonly Entry[] = [...catalogue].sort(([a], [b]) => (a < b ? -1 : 1));
  return {
    read: all.filter(([, { usedBy }]) => usedBy.length > 0),
    known: all.filter(([, { usedBy }]) => usedBy.length === 0),
  };
}

/** docs/handbook/f-control-files.md, made from the catalogue. */
export function controlFilesPage(): string {
  const { read, known } = controlEntries();
  const of = (...since: readonly ControlFile["since"][]): readonly Entry[] =>
    read.filter((entry) => since.includes(entry[1].since));
  return `# F Control files

Made from the program's own catalogue by \`npm run handbook\`: change \`src/control/\`, not this page. \`quail config explain NAME\` says the same of one file,
with its value; [chapter 3](3-configuring.md#control-files) has the rules by which files are read.

| kind | the file holds |
|---|---|
| value | one value, in its first line |
| number | one number: the digits the first line begins with |
| flag | \`1\`, \`yes\` or \`on\`; \`0\`, \`no\`, \`off\` or nothing |
| list | an entry a line; empty lines and lines that begin with \`#\` do not count |
| map | \`key:value\` lines; of equal keys the last counts |
| text | text, all of it |
| binary | what a program makes |

*A change* takes effect: *live*, with the next connection or delivery; *HUP*, after \`kill -HUP\` of the process in \`ready\`; *restart*, at the next start.

## qmail's own

${table(of("qmail"))}
## The book's, and widespread patches'

${table(of("book", "patch"))}
## Quail's

${table(of("quail"))}
## Examples

${examples(read)}
## Known, and read by nothing

Files of patches to qmail. \`quail config check\` says so when one of them is there, so that nobody relies on it.

| file | meaning | why nothing reads it |
|---|---|---|
${known.map(([name, { meaning, unread = "" }]) => `| \`${name}\` | ${cell(meaning)} | ${cell(unread)} |\n`).join("")}`;
}
