import { type ControlFile, catalogue } from "#control";
import type { Manual, ManualRow } from "../manual.ts";

const kinds: readonly ManualRow[] = [
  ["value", "One value, in the first line."],
  ["number", "One number: the digits the first line begins with. Without any, the default counts."],
  ["flag", "1, yes or on; 0, no, off or nothing."],
  ["list", "An entry a line. Empty lines and lines that begin with # do not count; blanks at the beginning do."],
  ["map", "KEY:VALUE lines; of equal keys the last counts."],
  ["text", "Text, all of it."],
  ["binary", "What a program makes."],
];

/** What a missing file means, in words. */
function withoutIt({ fallback }: ControlFile): string {
  if (fallback === null) return "";
  if (typeof fallback === "object") return " Default: me.";
  if (typeof fallback === "boolean") return ` Default: ${fallback ? "on" : "off"}.`;
  return fallback === "" ? "" : ` Default: ${fallback}.`;
}

const reloads: Readonly<Record<ControlFile["reload"], string>> = {
  live: "Live.",
  HUP: "HUP.",
  no: "Restart.",
};

function row([name, file]: readonly [string, ControlFile]): ManualRow {
  const usedBy = ` Read by ${file.usedBy.join(", ")}.`;
  return [`${name} (${file.kind})`, `${file.meaning}${withoutIt(file)}${usedBy} ${reloads[file.reload]}`];
}

/** qmail-control: every control file something here reads, out of the catalogue. */
export const manuals: readonly Manual[] = [
  {
    name: "qmail-control",
    section: 5,
    purpose: "the control files",
    synopsis: ["control/NAME"],
    description: [
      "Every setting is a file in control/. A missing file means its default, an empty one does not. quail config explain NAME shows one with its value; quail config check finds mistakes.",
      "Live: the next connection or delivery sees a change. HUP: send it to the process in the file ready. Restart: at the next start.",
    ],
    sections: [
      { title: "kinds of files", rows: kinds },
      {
        title: "control files",
        rows: [...catalogue]
          .filter(([, { usedBy }]) => usedBy.length > 0)
          .sort(([a], [b]) => (a < b ? -1 : 1))
          .map(row),
      },
    ],
    seeAlso: ["quail config", "qmail-showctl", "qmail-users"],
  },
];
