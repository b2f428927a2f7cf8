import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Readable } from "node:stream";
import type { TestContext } from "node:test";
import { type Program, runInProcess } from "#process";

/** A program's exit code and all that it said, as UTF-8. */
export type Said = { readonly code: number; readonly said: string };

/**
 * For tests: a temporary home with these control files, and a way to run programs on it. The home is gone when the test ends.
 */
export function programHouse(
  t: TestContext,
  programs: Readonly<Record<string, Program>>,
  files: Readonly<Record<string, string>>,
): { readonly home: string; run(words: readonly [string, ...string[]], input?: string): Promise<Said> } {
  const home = mkdtempSync(join(tmpdir(), "quail-programs-"));
  t.after(() => rmSync(home, { recursive: true }));
  mkdirSync(join(home, "control"));
  for (const [name, text] of Object.entries(files)) writeFileSync(join(home, "control", name), text, "latin1");
  return {
    home,
    async run(words, input = "") {
      const index = (name: string) => {
        const program = programs[name];
        return program === undefined ? undefined : async () => program;
      };
      const stdin = Readable.from([Buffer.from(input)]);
      const result = await runInProcess(index, words, {
        env: { QUAIL_HOME: home },
        cwd: home,
        stdin,
        maxOutputBytes: 16 * 1024 * 1024,
      });
      return { code: result?.code ?? -1, said: result?.output.toString() ?? "" };
    },
  };
}
