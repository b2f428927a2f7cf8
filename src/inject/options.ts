import { type ByteString, utf8ToByteString } from "#bytes";
import { getopt } from "#process";

/** How qmail-inject was called (spec 2.12). */
export type InjectOptions = {
  readonly recipientsFrom: "arguments" | "header" | "both";
  /** `-n`: show the message instead of queueing it. */
  readonly print: boolean;
  /** `-f`; null if it was not given. */
  readonly sender: ByteString | null;
  readonly recipients: readonly ByteString[];
};

/** Reads the command line; `problem` is what is wrong with it. */
export function parseInjectArguments(args: readonly string[]): InjectOptions | { readonly problem: string } {
  const parsed = getopt(args, "aAhHnNf:");
  if ("problem" in parsed) return parsed;
  let recipientsFrom: InjectOptions["recipientsFrom"] = parsed.rest.length > 0 ? "arguments" : "header";
  const usual = recipientsFrom;
  let print = false;
  let sender: ByteString | null = null;
  for (const [letter, value] of parsed.options) {
    if (letter === "a") recipientsFrom = "arguments";
    else if (letter === "A") recipientsFrom = usual;
    else if (letter === "h") recipientsFrom = "header";
    else if (letter === "H") recipientsFrom = "both";
    else if (letter === "f") sender = utf8ToByteString(value);
    else print = letter === "n";
  }
  const recipients = recipientsFrom === "header" ? [] : parsed.rest.map(utf8ToByteString);
  return { recipientsFrom, print, sender, recipients };
}
