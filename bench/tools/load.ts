/** The load tools of Debian's postfix package: smtp-source sends, smtp-sink takes and counts. */
import { type ChildProcess, spawn } from "node:child_process";
import { connect } from "node:net";
import { getuid } from "node:process";
import { remember, waitUntil } from "./processes.ts";

/** What smtp-source is asked to send. */
export type Load = {
  readonly port: number;
  readonly to: string;
  readonly messages: number;
  readonly sessions: number;
  readonly sizeKb: number;
  readonly perConnection: "one" | "many";
};

const sourceLimitMs = 180_000;

/** Sends it all; resolves with the seconds until smtp-source had its last answer. Throws if any answer was not the expected one. */
export function sendLoad(load: Load): Promise<number> {
  const args = [
    ...["-4", "-C", "5", "-s", String(load.sessions), "-m", String(load.messages), "-l", String(load.sizeKb * 1024)],
    ...["-f", "sender@bench.test", "-t", load.to, ...(load.perConnection === "many" ? ["-d"] : [])],
    `127.0.0.1:${load.port}`,
  ];
  return new Promise((resolve, reject) => {
    const startedAt = performance.now();
    const child = spawn("smtp-source", args, { stdio: ["ignore", "ignore", "pipe"], timeout: sourceLimitMs });
    let complaint = "";
    child.stderr.on("data", (text: Buffer) => {
      complaint += text;
    });
    child.on("error", reject);
    child.on("exit", () => {
      const seconds = (performance.now() - startedAt) / 1000;
      child.on("close", (code) => {
        if (code === 0) resolve(seconds);
        else reject(new Error(`smtp-source ${args.join(" ")}: ${complaint.trim() || `exit code ${code}`}`));
      });
    });
  });
}

/** A sink at work. */
export type Sink = { readonly pid: number; readonly port: number; received(): number; stop(): Promise<void> };

/** Starts smtp-sink with its running counter, which is exact: `mesg=N` after every final dot. */
export async function startSink(port: number): Promise<Sink> {
  const user = getuid?.() === 0 ? ["-u", "nobody"] : [];
  const child = spawn("smtp-sink", ["-4", "-c", ...user, "-m", "600", `127.0.0.1:${port}`, "1024"], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  if (child.pid === undefined) throw new Error("unable to start smtp-sink (Debian package postfix)");
  remember(child);
  let tail = "";
  child.stdout.on("data", (bytes: Buffer) => {
    tail = tail.slice(-80) + bytes.toString("latin1", Math.max(0, bytes.length - 200));
  });
  await waitUntil("smtp-sink listens", () => answers(port), { withinMs: 10_000, everyMs: 20 });
  return {
    pid: child.pid,
    port,
    received: () => Number([...tail.matchAll(/mesg=([0-9]+)\s/g)].at(-1)?.[1] ?? 0),
    stop: () => endChild(child),
  };
}

function endChild(child: ChildProcess): Promise<void> {
  return new Promise((resolve) => {
    if (child.exitCode !== null || child.signalCode !== null) resolve();
    else {
      child.once("exit", () => resolve());
      child.kill("SIGTERM");
    }
  });
}

/** True when an SMTP server on this loopback port sends its greeting. */
export const answers = (port: number): Promise<boolean> => greets(port, "220");

/** True when a server on this loopback port sends a greeting that begins so. */
export function greets(port: number, beginning: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1");
    const settle = (answer: boolean): void => {
      socket.destroy();
      resolve(answer);
    };
    socket.setTimeout(5_000, () => settle(false));
    socket.once("data", (bytes) => settle(bytes.toString("latin1").startsWith(beginning)));
    socket.once("error", () => settle(false));
    socket.once("close", () => settle(false));
  });
}
