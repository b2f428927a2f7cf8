import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Readable, Writable } from "node:stream";
import type { TestContext } from "node:test";
import { makeExec, type Program } from "#process";
import { findProgram } from "../../index.ts";

/** No event in these tests takes longer, on the slowest of machines. */
const deadlineMs = 30_000;

/** What a stream has been given so far, as bytes in text; `until` waits for what is to come. */
export type Heard = {
  readonly stream: Writable;
  readonly text: () => string;
  until(wanted: RegExp): Promise<RegExpExecArray>;
};

export function hear(): Heard {
  let text = "";
  let look = (): void => {};
  const stream = new Writable({
    write(chunk: Buffer, _encoding, done) {
      text += chunk.toString("latin1");
      look();
      done();
    },
  });
  return {
    stream,
    text: () => text,
    until(wanted) {
      return new Promise((found, failed) => {
        const late = setTimeout(() => failed(new Error(`no ${wanted} in: ${text}`)), deadlineMs);
        look = () => {
          const match = wanted.exec(text);
          if (match === null) return;
          clearTimeout(late);
          look = () => {};
          found(match);
        };
        look();
      });
    },
  };
}

/** A folder that is gone when the test ends. */
export function folderFor(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), "quail-ucspi-"));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

export type Setting = {
  readonly env?: NodeJS.ProcessEnv;
  readonly cwd?: string;
  readonly stdin?: string | Readable;
  /** Further programs of ours, for the test. */
  readonly programs?: Readonly<Record<string, Program>>;
};

/** A program that runs: its words, and how to end it. */
export type Running = { readonly stdout: Heard; readonly stderr: Heard; readonly code: Promise<number>; stop(): void };

/** Runs one of our programs in this process; it is told to end when the test does. */
export function run(t: TestContext, words: readonly [string, ...string[]], setting: Setting = {}): Running {
  const [stdout, stderr, end] = [hear(), hear(), new AbortController()];
  const { stdin = "", programs = {} } = setting;
  const input =
    typeof stdin === "string" ? Readable.from([Buffer.from(stdin, "latin1")], { objectMode: false }) : stdin;
  const exec = makeExec(
    (name) => {
      const program = programs[name];
      return program === undefined ? findProgram(name) : async () => program;
    },
    {
      env: { PATH: process.env.PATH, ...setting.env },
      cwd: setting.cwd ?? "/",
      stdin: input,
      stdout: stdout.stream,
      stderr: stderr.stream,
      signal: end.signal,
      input: (fd) => (fd === 0 ? input : null),
    },
  );
  const code = exec(words);
  t.after(async () => {
    end.abort();
    await code;
  });
  return { stdout, stderr, code, stop: () => end.abort() };
}

/** Code and words of a program that ends by itself. */
export async function outcome(
  t: TestContext,
  words: readonly [string, ...string[]],
  setting: Setting = {},
): Promise<{ readonly code: number; readonly stdout: string; readonly stderr: string }> {
  const running = run(t, words, setting);
  const code = await running.code;
  return { code, stdout: running.stdout.text(), stderr: running.stderr.text() };
}

export type Server = Running & { readonly port: number };

/** A tcpserver on a port of the kernel's choice, on 127.0.0.1 unless `host` says otherwise. */
export async function serve(
  t: TestContext,
  options: readonly string[],
  program: readonly string[],
  setting: Setting & { readonly host?: string; readonly name?: string } = {},
): Promise<Server> {
  const words = [
    setting.name ?? "tcpserver",
    "-1",
    ...options,
    "--",
    setting.host ?? "127.0.0.1",
    "0",
    ...program,
  ] as const;
  const running = run(t, words, setting);
  const [, port] = await running.stdout.until(/^(\d+)\n/);
  return { ...running, port: Number(port) };
}

/** Says `input` to a port, ends its side, and hears what comes until the other side closes. A reset ends it, too. */
export function talk(
  port: number,
  input = "",
  host = "127.0.0.1",
  from?: { readonly localAddress: string },
): Promise<string> {
  return new Promise((done, failed) => {
    const socket = connect({ port, host, allowHalfOpen: true, ...from });
    const late = setTimeout(() => failed(new Error(`still open; heard ${JSON.stringify(heard)}`)), deadlineMs);
    let heard = "";
    socket.setEncoding("latin1");
    socket.on("data", (chunk) => (heard += chunk));
    socket.on("error", () => {});
    socket.on("close", () => {
      clearTimeout(late);
      done(heard);
    });
    socket.end(Buffer.from(input, "latin1"));
  });
}

/** The variables of `env` in a program's output that are about the connection. */
export function ucspiOf(output: string): Readonly<Record<string, string>> {
  const lines = output.split("\n").filter((line) => /^(?:PROTO|TCP|SSL|PROXY|RELAY)/.test(line));
  return Object.fromEntries(lines.map((line) => [line.slice(0, line.indexOf("=")), line.slice(line.indexOf("=") + 1)]));
}

/** Fails unless the text is exactly these lines. */
export function assertLines(text: string, ...lines: readonly string[]): void {
  assert.equal(text, lines.map((line) => `${line}\n`).join(""));
}
