/**
 * The command blocks of a page of the handbook. A block fenced as `sh` is a session: a line that begins with `$ ` is a command, lines
 * that begin with `> ` go on with it, all others are what it prints. A line `...` stands for any number of lines (none, too), `...` in
 * a line for any characters.
 *
 * Words behind `sh`: `not-run` and a reason (the block is for people alone, and may have root's prompt, `# `), `needs=PROGRAM` (run where that is installed).
 */

/** A command and what it prints. */
export type Step = { readonly command: string; readonly expected: readonly string[]; readonly line: number };

export type Block = {
  /** The line of the fence, counted from 1. */
  readonly line: number;
  readonly steps: readonly Step[];
  /** Why nobody runs it; null if it is run. */
  readonly notRun: string | null;
  /** Programs it needs beside Quail's. */
  readonly needs: readonly string[];
};

/** What fences may say they hold. Without a word a reader (and this test) cannot tell a session from an example. */
const languages: ReadonlySet<string> = new Set(["sh", "text", "mermaid", "ini"]);

type Fence = { readonly info: string; readonly line: number; readonly lines: readonly string[] };

/** Every fenced part of a page; throws on one that does not end or says nothing about itself. */
function fences(page: string): readonly Fence[] {
  const found: Fence[] = [];
  let open: { info: string; line: number; lines: string[] } | null = null;
  for (const [at, line] of page.split("\n").entries()) {
    if (!line.startsWith("```")) open?.lines.push(line);
    else if (open !== null) {
      found.push(open);
      open = null;
    } else open = { info: line.slice(3).trim(), line: at + 1, lines: [] };
  }
  if (open !== null) throw new Error(`line ${open.line}: the block does not end`);
  for (const { info, line } of found) {
    if (!languages.has(info.split(" ")[0]!)) throw new Error(`line ${line}: a block says what it holds, not "${info}"`);
  }
  return found;
}

/** Root's prompt marks a command; what needs root is not run. */
const prompts = { anybody: /^\$ /, orRoot: /^[$#] / } as const;

function steps({ lines, line }: Fence, prompt: RegExp = prompts.anybody): readonly Step[] {
  const found: { command: string; expected: string[]; line: number }[] = [];
  for (const [at, text] of lines.entries()) {
    const step = found.at(-1);
    if (prompt.test(text)) found.push({ command: text.slice(2), expected: [], line: line + 1 + at });
    else if (step === undefined) throw new Error(`line ${line + 1 + at}: a session begins with a command ("$ ...")`);
    else if (/^>(?: |$)/.test(text) && step.expected.length === 0) step.command += `\n${text.slice(2)}`;
    else step.expected.push(text);
  }
  return found;
}

/** The sessions of a page, in order. Throws, with the line, on what is not well formed. */
export function sessionBlocks(page: string): readonly Block[] {
  return fences(page).flatMap((fence): readonly Block[] => {
    const [language, ...words] = fence.info.split(" ");
    if (language !== "sh") return [];
    const { line } = fence;
    if (words[0] === "not-run") {
      const reason = words.slice(1).join(" ");
      if (reason === "") throw new Error(`line ${line}: not-run wants a reason`);
      return [{ line, steps: steps(fence, prompts.orRoot), notRun: reason, needs: [] }];
    }
    const needs = words.map((word) => /^needs=([a-z0-9-]+)$/.exec(word)?.[1] ?? null);
    if (needs.includes(null)) throw new Error(`line ${line}: unknown words behind sh: ${words.join(" ")}`);
    return [{ line, steps: steps(fence), notRun: null, needs: needs.filter((name) => name !== null) }];
  });
}

const special = /[\\^$.*+?()[\]{}|]/g;

/** The pattern a command's whole output must match. */
export function outputPattern(expected: readonly string[]): RegExp {
  const parts = expected.map((line) => {
    if (line === "...") return "(?:.*\n)*?";
    const text = line
      .split("...")
      .map((part) => part.replace(special, "\\$&"))
      .join(".*");
    return `${text}\n`;
  });
  return new RegExp(`^${parts.join("")}$`);
}
