/** Mail for a destination that refuses connections, and its way out once the destination is back. */
import { setTimeout as sleep } from "node:timers/promises";
import type { Contender } from "../peers/server.ts";
import { quotient, shown, spread, times, whole } from "../report/statistics.ts";
import { sendLoad, startSink } from "../tools/load.ts";
import { treePssBytes } from "../tools/process-tree.ts";
import { freePort } from "../tools/processes.ts";
import { type Case, inTurn, met, type Setting } from "./case.ts";
import { medianOf } from "./median-of.ts";
import { runCommand, warmUp, withServer } from "./with-server.ts";

type Backlog = {
  readonly acceptRate: number;
  readonly drainRate: number;
  /** Part of the backlog that had arrived when the run gave up; 1 if all did. */
  readonly drained: number;
  readonly flushes: number;
  /** CPU seconds per 1000 messages, first attempt included. */
  readonly cpuPer1000: number;
  readonly pssMb: number | null;
};

/** First attempts must have failed before the destination comes back, or they would count as a drain. */
const settleMs = 2_000;
const flushAgainMs = 5_000;
const giveUpMs = 90_000;

async function measure(contender: Contender, { work, small }: Setting): Promise<Backlog> {
  const messages = small ? 1000 : 5000;
  const port = await freePort();
  return withServer(contender, work, { relays: { "out.test": port } }, async (served) => {
    const { server } = served;
    if (server.flush === undefined) throw new Error("it has no command that makes all mail due");
    await warmUp(served);
    const before = served.cpu();
    const load = { port: server.port, to: "you@out.test", messages, sessions: 20, sizeKb: 10 } as const;
    const acceptSeconds = await sendLoad({ ...load, perConnection: "one" });
    await sleep(settleMs);
    const pss = treePssBytes(server.pid);
    const sink = await startSink(port);
    try {
      const startedAt = performance.now();
      let flushes = 0;
      while (sink.received() < messages && performance.now() - startedAt < giveUpMs) {
        await runCommand(server.flush);
        flushes += 1;
        const again = performance.now() + flushAgainMs;
        while (sink.received() < messages && performance.now() < again) await sleep(10);
      }
      const seconds = (performance.now() - startedAt) / 1000;
      const received = sink.received();
      if (received > messages) throw new Error("more messages arrived than were sent");
      const after = served.cpu();
      return {
        acceptRate: messages / acceptSeconds,
        drainRate: received / seconds,
        drained: received / messages,
        flushes,
        cpuPer1000: ((after.user + after.system - before.user - before.system) / messages) * 1000,
        pssMb: pss === null ? null : pss / 2 ** 20,
      };
    } finally {
      await sink.stop();
    }
  });
}

export const backlog: Case = {
  name: "backlog",
  title: "Deferral backlog: 5,000 messages of 10 KB for a destination that refuses connections",
  minutes: (runs) => 0.5 * runs,
  async run(setting) {
    const results = await inTurn(setting, ["Quail", "Postfix"], (contender) => measure(contender, setting));
    const accept = quotient(medianOf(results, "Quail", "acceptRate"), medianOf(results, "Postfix", "acceptRate"));
    const drain = quotient(medianOf(results, "Quail", "drainRate"), medianOf(results, "Postfix", "drainRate"));
    const rows = [...results].map(([name, runs]) => {
      if (typeof runs === "string") return [name, runs, ...Array<string>(5).fill("-")];
      const incomplete = runs.filter(({ drained }) => drained < 1).length;
      return [
        name,
        spread(runs.map(({ acceptRate }) => acceptRate)),
        spread(runs.map(({ drainRate }) => drainRate)),
        incomplete === 0 ? "all" : `${incomplete} runs not all`,
        whole(medianOf(results, name, "flushes")),
        shown(medianOf(results, name, "cpuPer1000")),
        whole(medianOf(results, name, "pssMb")),
      ];
    });
    return {
      table: {
        heads: ["server", "accepted/s", "drained/s", "drained", "flushes", "CPU s/1000", "PSS MB with backlog"],
        rows: [
          ...rows,
          ["Quail/Postfix", times(accept), times(drain), "-", "-", "-", "-"],
          ["target 3x met", met(accept, (x) => x >= 3), met(drain, (x) => x >= 3), "-", "-", "-", "-"],
        ],
      },
      notes: [
        `20 sessions, one message per connection, ${setting.runs} runs. The clock of the drain starts with the flush (\`quail queue retry --all\`,`,
        "`postqueue -f`), which is repeated every 5 s while mail is left.",
      ],
      data: Object.fromEntries(results),
    };
  },
};
