/**
 * Any program that speaks checkpassword's interface (vchkpw, checkpassword-pam, ...): gets login, secret and challenge on descriptor
 * 3, becomes the user and goes on to a program of ours, which says who it has become. Nothing secret is in its arguments or environment.
 */
import { spawn } from "node:child_process";
import type { Readable, Writable } from "node:stream";
import { type ByteString, fromBytes } from "#bytes";
import type { Identity, Verdict } from "./check-login.ts";
import { type Credentials, renderCredentials } from "./credentials.ts";

/** A directory across the network may be slow; a client waits no longer than this. */
const patienceMs = 20_000;
const maxSaidBytes = 4_096;

/** What the program goes on to: says, a line each, who it runs as and the variables the interface promises. */
const tellWho = 'printf "%s\\n" "$(id -u)" "$(id -g)" "$USER" "$HOME" "${SHELL:-/bin/sh}"';

/** Exit codes of the interface: 1 is the only one that is about the password. */
const wrongCode = 1;

function readIdentity(said: ByteString): Identity | null {
  const [uid = "", gid = "", user = "", home = "", shell = ""] = said.split("\n");
  if (!/^[0-9]{1,10}$/.test(uid) || !/^[0-9]{1,10}$/.test(gid) || user === "" || !home.startsWith("/")) return null;
  return { user, uid: Number(uid), gid: Number(gid), home, shell, isSystem: false };
}

const later = (reason: string): Verdict => ({ kind: "later", reason });

/** Asks a program; its words as in control/authcheckprogram. `env` is all it sees of ours. Never rejects. */
export function askProgram(
  words: readonly [string, ...string[]],
  given: Credentials,
  env: NodeJS.ProcessEnv,
): Promise<Verdict> {
  const credentials = renderCredentials(given);
  if (credentials === null) return Promise.resolve({ kind: "no" });
  const [program, ...args] = words;
  return new Promise((resolve) => {
    const child = spawn(program, [...args, "/bin/sh", "-c", tellWho], {
      cwd: "/",
      env,
      stdio: ["ignore", "pipe", "ignore", "pipe"],
    });
    const timer = setTimeout(() => child.kill("SIGKILL"), patienceMs);
    let said = "";
    const out = child.stdio[1] as Readable;
    out.on("data", (piece: Buffer) => {
      if (said.length < maxSaidBytes) said += fromBytes(piece);
    });
    const input = child.stdio[3] as Writable | null;
    input?.on("error", () => {}); // It ended without reading; its exit code tells.
    input?.end(credentials, () => credentials.fill(0));
    child.once("error", (error) => {
      clearTimeout(timer);
      resolve(later(`unable to run ${program}: ${error.message}`));
    });
    child.once("close", (code, signal) => {
      clearTimeout(timer);
      if (code === wrongCode) resolve({ kind: "no" });
      else if (code !== 0) resolve(later(`${program} ended with ${signal === null ? `exit code ${code}` : signal}`));
      else {
        const who = readIdentity(said);
        resolve(who === null ? later(`${program} did not go on to the program it was given`) : { kind: "yes", who });
      }
    });
  });
}
