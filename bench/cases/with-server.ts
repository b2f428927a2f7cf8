/** What most further cases do: a fresh server, warmed up, something that happens to it, its end. */
import { spawn } from "node:child_process";
import type { Bed, Command, Contender, Server } from "../peers/server.ts";
import { filesIn, freshFolder, untilArrived } from "../stage.ts";
import { openCpuGroup } from "../tools/cpu-group.ts";
import { sendLoad } from "../tools/load.ts";
import { type Cpu, treeCpu } from "../tools/process-tree.ts";

/** A server and what it has cost so far. */
export type Served = { readonly server: Server; readonly folder: string; cpu(): Cpu };

/** Starts a contender on a folder of its own below `work`, lends it to `use`, and stops it whatever happens. */
export async function withServer<T>(
  contender: Contender,
  work: string,
  bed: Pick<Bed, "relays" | "perDestination" | "pop3" | "tls">,
  use: (served: Served) => Promise<T>,
): Promise<T> {
  const folder = freshFolder(work, contender.name);
  const group = openCpuGroup();
  const server = await contender.start({ ...bed, folder, wrapper: group?.wrapper ?? [] });
  try {
    return await use({ server, folder, cpu: () => group?.used() ?? treeCpu(server.pid) });
  } finally {
    await server.stop();
    group?.close();
  }
}

const warmBatch = 500;

/** Mail into the server's own Maildir until it has worked for `seconds`: processes are there, code is compiled. */
export async function warmUp({ server }: Served, seconds = 2): Promise<void> {
  const { newFolder, port, inAddress } = server;
  if (newFolder === null) return;
  const end = performance.now() + seconds * 1000;
  do {
    const wanted = filesIn(newFolder) + warmBatch;
    await sendLoad({ port, to: inAddress, messages: warmBatch, sessions: 20, sizeKb: 10, perConnection: "one" });
    await untilArrived("a warm-up arrives", () => filesIn(newFolder), wanted);
  } while (performance.now() < end);
}

const commandLimitMs = 300_000;

/** Runs a command with `input` on its stdin; resolves with its seconds. Throws what it said if it failed. */
export function runCommand({ words, env }: Command, input = ""): Promise<number> {
  const [program, ...args] = words;
  return new Promise((resolve, reject) => {
    const startedAt = performance.now();
    const child = spawn(program, args, {
      env: { ...process.env, ...env },
      stdio: ["pipe", "ignore", "pipe"],
      timeout: commandLimitMs,
    });
    let said = "";
    child.stderr.on("data", (text: Buffer) => {
      said += text.toString().slice(0, 1000);
    });
    child.stdin.on("error", () => {}); // It may end without reading: its exit code tells.
    child.on("error", reject);
    child.on("close", (code) => {
      if (code === 0) resolve((performance.now() - startedAt) / 1000);
      else reject(new Error(`${program} ${args.slice(0, 6).join(" ")}: ${said.trim() || `exit code ${code}`}`));
    });
    child.stdin.end(input);
  });
}

/** A message of so many bytes, lines ending in LF. */
export function sampleMessage(bytes: number): string {
  const head = "From: sender@bench.test\nTo: you@bench.test\nSubject: a sample\n\n";
  const line = `${"x".repeat(63)}\n`;
  return head + line.repeat(Math.max(1, Math.round((bytes - head.length) / line.length)));
}
