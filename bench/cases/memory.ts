/** Memory of servers at rest, and what sessions cost that are open and say nothing. */
import { connect, type Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import type { Contender, ContenderName } from "../peers/server.ts";
import { none, shown, whole } from "../report/statistics.ts";
import { commandOf, processPssBytes, treePids, treePssBytes, treeRssBytes } from "../tools/process-tree.ts";
import { type Case, inTurn, met, type Setting } from "./case.ts";
import { withServer } from "./with-server.ts";

type ProcessMemory = { readonly what: string; readonly pssMb: number };
type Memory = {
  readonly processes: readonly ProcessMemory[];
  readonly restPssMb: number;
  readonly restRssMb: number;
  readonly sessions: number;
  readonly addedPssMb: number;
  readonly greetSeconds: number;
};

const restMs = 10_000;
const settleMs = 2_000;
const greetingLimitMs = 20_000;
/** A process for every session needs its megabyte each: fewer are enough to see that. */
const sessionsOf: Readonly<Partial<Record<ContenderName, number>>> = {
  Quail: 2000,
  Postfix: 500,
  OpenSMTPD: 500,
  Exim: 500,
};
/** Clients come from several loopback addresses, as many of them do in life. */
const sources = 20;

const megabytes = (bytes: number | null): number => (bytes ?? NaN) / 2 ** 20;

/** Opens a session and resolves when its greeting is there. */
function openSession(port: number, number: number): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const localAddress = `127.0.0.${2 + (number % sources)}`;
    const socket = connect({ port, host: "127.0.0.1", localAddress });
    socket.setTimeout(greetingLimitMs, () => socket.destroy(new Error("no greeting within 20 s")));
    socket.once("error", reject);
    socket.once("data", (bytes: Buffer) => {
      socket.setTimeout(0);
      if (bytes.toString("latin1").startsWith("220")) resolve(socket);
      else reject(new Error(`session ${number}: ${bytes.toString("latin1").trim()}`));
    });
  });
}

/** A name for a process: the service if it is one of Quail's, else the program. */
function nameOf(pid: number): string {
  const words = commandOf(pid);
  const entry = words.findIndex((word) => word.endsWith("services/run.ts"));
  if (entry >= 0) return words[entry + 1] ?? "?";
  if (words.some((word) => word.endsWith("quail.mjs"))) return "supervisor";
  return words[0]?.split("/").at(-1) ?? "?";
}

async function measure(contender: Contender, { work, small }: Setting): Promise<Memory> {
  const wanted = (sessionsOf[contender.name] ?? 500) / (small ? 5 : 1);
  return withServer(contender, work, { relays: { "out.test": 9 }, pop3: true }, async ({ server }) => {
    await sleep(small ? 2_000 : restMs);
    const rest = { pss: megabytes(treePssBytes(server.pid)), rss: treeRssBytes(server.pid).bytes / 2 ** 20 };
    const processes = treePids(server.pid).map((pid) => ({
      what: nameOf(pid),
      pssMb: megabytes(processPssBytes(pid)),
    }));
    const sockets: Socket[] = [];
    try {
      const startedAt = performance.now();
      while (sockets.length < wanted) {
        sockets.push(await openSession(server.port, sockets.length));
      }
      const greetSeconds = (performance.now() - startedAt) / 1000;
      await sleep(settleMs);
      const addedPssMb = megabytes(treePssBytes(server.pid)) - rest.pss;
      return { processes, restPssMb: rest.pss, restRssMb: rest.rss, sessions: wanted, addedPssMb, greetSeconds };
    } finally {
      for (const socket of sockets) socket.destroy();
    }
  });
}

export const memory: Case = {
  name: "memory",
  title: "Memory at rest, and of idle SMTP sessions",
  minutes: () => 1.2,
  async run(setting) {
    const once = { ...setting, runs: 1 };
    const results = await inTurn(once, ["Quail", "Postfix", "OpenSMTPD", "Exim"], (one) => measure(one, setting));
    const rows = [...results].map(([name, runs]) => {
      if (typeof runs === "string") return [name, runs, ...Array<string>(8).fill(none)];
      const found = runs[0]!;
      const isQuail = name === "Quail";
      return [
        name,
        String(found.processes.length),
        whole(found.restRssMb),
        shown(found.restPssMb),
        isQuail ? met(found.restPssMb, (mb) => mb <= 150) : none,
        String(found.sessions),
        shown(found.addedPssMb),
        shown((found.addedPssMb * 1024) / found.sessions),
        isQuail ? met((found.addedPssMb * 2000) / found.sessions, (mb) => mb <= 20) : none,
        shown(found.greetSeconds),
      ];
    });
    const quail = results.get("Quail");
    const parts = typeof quail === "object" ? (quail[0]?.processes ?? []) : [];
    return {
      table: {
        heads: [
          ...["server", "processes", "RSS MB", "PSS MB", "target 150 MB met", "idle sessions", "added PSS MB"],
          ...["kB each", "target 20 MB for 2,000 met", "s to greet all"],
        ],
        rows,
      },
      notes: [
        "At rest: 10 s after the start, nothing done yet. Sessions: greeting received, nothing said. The benchmark itself is a Node process too:",
        `pages of the same program file are shared with it. Quail's processes, PSS in MB: ${parts.map(({ what, pssMb }) => `${what} ${pssMb.toFixed(0)}`).join(", ")}.`,
      ],
      data: Object.fromEntries(results),
    };
  },
};
