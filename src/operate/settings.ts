import { type ByteString, displayText } from "#bytes";
import { ControlError, type ControlFile, catalogue, flagOf, type Problem, readText, readValue } from "#control";

/** A setting as it stands: in its file, or by default. */
export type Setting = {
  readonly name: string;
  readonly kind: ControlFile["kind"];
  /** What is in force: a text, a number, a truth, entries; null = nothing. Text is decoded as UTF-8 for people. */
  readonly value: string | number | boolean | readonly string[] | null;
  /** `file`, or where the default comes from. */
  readonly from: "file" | "me" | "default" | "placeholder" | "unreadable";
  readonly meaning: string;
  readonly usedBy: readonly string[];
  readonly reload: ControlFile["reload"];
  readonly since: ControlFile["since"];
};

type Standing = Pick<Setting, "value" | "from">;

/** The content of a file that exists, by its kind. */
function contentOf(file: ControlFile, text: ByteString, firstLine: ByteString): Setting["value"] {
  switch (file.kind) {
    case "value":
      return displayText(firstLine);
    case "number":
      return /^[0-9]/.test(firstLine) ? Number.parseInt(firstLine, 10) : file.fallback;
    case "flag":
      return flagOf(firstLine, file.fallback);
    case "list":
    case "map":
      return displayText(text)
        .split("\n")
        .map((line) => line.trimEnd())
        .filter((line) => line !== "" && !line.startsWith("#"));
    case "text":
      return displayText(text);
    case "binary":
      return null;
  }
}

function defaultOf(home: string, name: string, file: ControlFile): Standing {
  const { fallback } = file;
  if (typeof fallback !== "object" || fallback === null) return { value: fallback, from: "default" };
  const me = readValue(home, "me");
  const wrap = (host: ByteString): Setting["value"] => (file.kind === "list" ? [displayText(host)] : displayText(host));
  if (me !== null) return { value: wrap(me), from: "me" };
  return fallback.me === "or-its-own-name"
    ? { value: wrap(name), from: "placeholder" }
    : { value: null, from: "default" };
}

/** One setting as it is in force. Never throws for an unreadable file: it says so. */
export function settingOf(home: string, name: string, file: ControlFile): Setting {
  const { kind, meaning, usedBy, reload, since } = file;
  const about = { name, kind, meaning, usedBy, reload, since };
  try {
    const text = kind === "binary" ? null : readText(home, name);
    if (text === null) return { ...about, ...defaultOf(home, name, file) };
    return { ...about, value: contentOf(file, text, readValue(home, name) ?? ""), from: "file" };
  } catch (error) {
    if (error instanceof ControlError) return { ...about, value: null, from: "unreadable" };
    throw error;
  }
}

/** Every setting of the catalogue. */
export function settingsList(home: string): readonly Setting[] {
  return [...catalogue].map(([name, file]) => settingOf(home, name, file));
}

/** `control/locals:3: warning: ...` LF, as compilers say it. */
export function problemLine({ file, line, level, reason }: Problem): string {
  return `${file}${line === null ? "" : `:${line}`}: ${level}: ${reason}\n`;
}
