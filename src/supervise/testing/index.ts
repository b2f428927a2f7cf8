/** For tests: service directories to supervise, and waiting for what must come. */
import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import type { TestContext } from "node:test";
import { Keeper } from "../classic/keeper.ts";
import { HeldFolder } from "../directory/held-folder.ts";
import { parseStatus, type StatusRecord } from "../directory/status-record.ts";

/** The machine may be slow; what is waited for comes, or the test fails. */
const waitMs = 30_000;

/** Waits until something is so. */
export async function until(isSo: () => boolean, what = "waited in vain"): Promise<void> {
  const deadline = performance.now() + waitMs;
  while (!isSo()) {
    assert.ok(performance.now() < deadline, what);
    await new Promise((wake) => setTimeout(wake, 15));
  }
}

/** A folder that is gone after the test. */
export function scratchFolder(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), "quail-service-"));
  t.after(() => rmSync(folder, { recursive: true, force: true, maxRetries: 20, retryDelay: 50 }));
  return folder;
}

/** Lays files, `run` and the like executable: `{"a/run": "exec sleep 9", "a/down": ""}`. A script gets its first line. */
export function layServices(folder: string, files: Readonly<Record<string, string>>): void {
  for (const [name, text] of Object.entries(files)) {
    const path = join(folder, name);
    mkdirSync(dirname(path), { recursive: true });
    const isScript = /\/(run|start|stop|notify)$/.test(`/${name}`);
    writeFileSync(path, isScript ? `#!/bin/sh\n${text}\n` : text, { mode: isScript ? 0o755 : 0o644 });
  }
}

/** A file's text; "" as long as it is not there. */
export function textOf(path: string): string {
  try {
    return readFileSync(path, "latin1");
  } catch {
    return "";
  }
}

/** What `supervise/status` of a service directory says now. */
export function statusOf(directory: string): StatusRecord {
  const records = parseStatus(readFileSync(join(directory, "supervise", "status")));
  assert.ok(records !== null, "a whole status");
  return records[0];
}

/** A keeper on a directory, ended with its service after the test; `said` is what it says to people. */
export async function keep(
  t: TestContext,
  path: string,
): Promise<{ readonly keeper: Keeper; readonly said: string[] }> {
  const said: string[] = [];
  const folder = new HeldFolder("d", path);
  const keeper = await Keeper.open({
    folder,
    state: "supervise",
    env: { PATH: process.env.PATH, NAME: "value" },
    fds: ["ignore", 2, 2],
    say: (line) => said.push(line),
  });
  t.after(async () => {
    keeper.hear("dx+k");
    await keeper.ended;
    folder.close();
  });
  return { keeper, said };
}

/** True as long as there is such a process, and it has not ended. */
export function lives(pid: number): boolean {
  try {
    return !/^State:\tZ/m.test(readFileSync(`/proc/${pid}/status`, "latin1"));
  } catch {
    return false;
  }
}
