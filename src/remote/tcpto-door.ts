import { readdirSync } from "node:fs";
import type { Server, Socket } from "node:net";
import { join } from "node:path";
import { errorCode } from "#files";
import { connectUnix, LineWire, listenUnix } from "#net";
import type { DeadHostEntry, DeadHosts } from "./dead-hosts.ts";

/**
 * The table of dead hosts is in the memory of each `remote` process (it may write no files, and qmail clears the table at its
 * start anyway). qmail-tcpto and qmail-tcpok ask for it over `run/remote*`, one socket for each process: a line `tcpto` is answered
 * by lines `ADDRESS SECONDS COUNT` and a line `.`; a line `tcpok` by `.`.
 */
const socketName = /^remote(-[A-Za-z0-9]+)?$/;
const timeoutMs = 10_000;
const maxLine = 200;
/** More than `DeadHosts` keeps. */
const maxEntries = 20_000;
const entryForm = /^(\S+) ([0-9]+) ([0-9]+)$/;

/** A remote process cannot be asked. */
export class TcptoError extends Error {}

async function answer(socket: Socket, deadHosts: DeadHosts): Promise<void> {
  const wire = new LineWire(socket, timeoutMs);
  const line = await wire.readLine(maxLine);
  if (line === "tcpok") deadHosts.clear();
  const entries = line === "tcpto" ? deadHosts.list() : [];
  for (const { address, secondsAgo, count } of entries) wire.write(`${address} ${secondsAgo} ${count}\n`);
  if (line === "tcpto" || line === "tcpok") wire.write(".\n");
  await wire.end();
}

/** Listens on `path` for qmail-tcpto and qmail-tcpok, mode 0600: this role and root. The caller closes the server. */
export function serveTcpto(path: string, deadHosts: DeadHosts): Promise<Server> {
  return listenUnix(path, (socket) => {
    answer(socket, deadHosts).catch(() => socket.destroy()); // A client that breaks off gets nothing more.
  });
}

/** The sockets of all remote processes of a home; the one of a single process if there is none, so that asking it says why. */
function socketsOf(home: string): readonly string[] {
  const folder = join(home, "run");
  const names = readdirSync(folder).filter((name) => socketName.test(name));
  return (names.length === 0 ? ["remote"] : names).map((name) => join(folder, name));
}

async function askOne(path: string, question: "tcpto" | "tcpok"): Promise<readonly string[]> {
  const socket = await connectUnix(path, timeoutMs);
  if ("kind" in socket) throw Object.assign(new TcptoError(socket.reason), { code: socket.reason });
  const wire = new LineWire(socket, timeoutMs);
  try {
    wire.write(`${question}\n`);
    const lines: string[] = [];
    for (let line: string | null; lines.length < maxEntries && (line = await wire.readLine(maxLine)) !== "."; ) {
      if (line === null) throw new TcptoError("the remote process broke off");
      lines.push(line);
    }
    return lines;
  } finally {
    socket.destroy();
  }
}

/** Asks every remote process of a home; a socket left behind by one that is gone is passed over if another answers. */
async function askAll(home: string, question: "tcpto" | "tcpok"): Promise<readonly string[]> {
  const answers = await Promise.allSettled(socketsOf(home).map((path) => askOne(path, question)));
  const heard = answers.filter((each) => each.status === "fulfilled");
  const refused = answers.find((each) => each.status === "rejected");
  const isGone = (reason: unknown): boolean => ["ECONNREFUSED", "ENOENT"].includes(errorCode(reason));
  const serious = answers.find((each) => each.status === "rejected" && !isGone(each.reason)) ?? refused;
  if (serious?.status === "rejected" && (heard.length === 0 || !isGone(serious.reason))) throw serious.reason;
  return heard.flatMap((each) => each.value);
}

/** All hosts that timed out lately. Throws what the system says when `run` cannot be read or no remote process answers. */
export async function askTcpto(home: string): Promise<readonly DeadHostEntry[]> {
  return (await askAll(home, "tcpto")).flatMap((line) => {
    const match = entryForm.exec(line);
    return match === null ? [] : [{ address: match[1]!, secondsAgo: Number(match[2]), count: Number(match[3]) }];
  });
}

/** Makes every remote process forget its dead hosts. Throws as `askTcpto`. */
export async function askTcpok(home: string): Promise<void> {
  await askAll(home, "tcpok");
}
