import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestContext } from "node:test";

/** What came to the queue program: envelope (`Fsender`, `Trecipient`...) and message, as byte strings. */
export type Queued = { readonly envelope: readonly string[]; readonly message: string };

/**
 * For tests: a program for QMAILQUEUE that keeps what it is given, or leaves with `exitCode`. It is gone when the test ends.
 */
export function queueProgram(t: TestContext, exitCode = 0): { readonly path: string; queued(): Queued | null } {
  const folder = mkdtempSync(join(tmpdir(), "quail-qq-"));
  t.after(() => rmSync(folder, { recursive: true }));
  const path = join(folder, "qq");
  const keep = `cat > ${folder}/message; cat <&1 > ${folder}/envelope`;
  writeFileSync(path, `#!/bin/sh\n${exitCode === 0 ? keep : `cat > /dev/null; exit ${exitCode}`}\n`, { mode: 0o755 });
  return {
    path,
    queued() {
      if (!existsSync(join(folder, "envelope"))) return null;
      return {
        envelope: readFileSync(join(folder, "envelope"), "latin1").replace(/\0+$/, "").split("\0"),
        message: readFileSync(join(folder, "message"), "latin1"),
      };
    },
  };
}
