/** A destination that accepts connections and never says a word, beside a healthy one. */
import { createServer, type Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { type Contender, outAddress } from "../peers/server.ts";
import { figure, spread } from "../report/statistics.ts";
import { untilArrived } from "../stage.ts";
import { sendLoad, startSink } from "../tools/load.ts";
import { freePort } from "../tools/processes.ts";
import { type Case, inTurn, met, type Setting } from "./case.ts";
import { medianOf } from "./median-of.ts";
import { warmUp, withServer } from "./with-server.ts";

type Storm = {
  /** Messages per second through to the healthy destination: alone, and with the storm. */
  readonly calm: number;
  readonly stormy: number;
  /** Change of the rate, in percent; negative: it fell. */
  readonly changePercent: number;
  /** Connections that hung in the tar pit at the end. */
  readonly hanging: number;
};

/** Both servers' default for one destination: a dead one may take so many deliveries of the hundred or more there are. */
const perDestination = 20;
const settleMs = 1_500;

/** A listener that takes connections and stays silent. */
async function openTarPit() {
  const port = await freePort();
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on("error", () => {});
    socket.on("close", () => sockets.delete(socket));
  });
  await new Promise<void>((resolve) => server.listen({ port, host: "127.0.0.1", backlog: 512 }, resolve));
  const close = (): void => {
    server.close();
    for (const socket of sockets) socket.destroy();
  };
  return { port, hanging: () => sockets.size, close };
}

async function measure(contender: Contender, { work, small }: Setting): Promise<Storm> {
  const messages = small ? 1000 : 4000;
  const pit = await openTarPit();
  const sink = await startSink(await freePort());
  try {
    const relays = { "out.test": sink.port, "dead.test": pit.port };
    return await withServer(contender, work, { relays, perDestination }, async (served) => {
      const { port } = served.server;
      const healthy = async (count: number): Promise<number> => {
        const wanted = sink.received() + count;
        const startedAt = performance.now();
        await sendLoad({ port, to: outAddress, messages: count, sessions: 20, sizeKb: 10, perConnection: "one" });
        await untilArrived("healthy mail arrives", sink.received, wanted);
        return count / ((performance.now() - startedAt) / 1000);
      };
      await warmUp(served);
      await healthy(messages / 2);
      const calm = await healthy(messages);
      const dead = { port, to: "you@dead.test", messages: messages / 4, sessions: 20, sizeKb: 10 } as const;
      await sendLoad({ ...dead, perConnection: "one" });
      await sleep(settleMs);
      const stormy = await healthy(messages);
      return { calm, stormy, changePercent: (stormy / calm - 1) * 100, hanging: pit.hanging() };
    });
  } finally {
    await sink.stop();
    pit.close();
  }
}

export const storm: Case = {
  name: "storm",
  title: "Deferral storm: 1,000 messages for a tar pit beside a healthy destination",
  minutes: (runs) => 0.65 * runs,
  async run(setting) {
    const results = await inTurn(setting, ["Quail", "Postfix"], (contender) => measure(contender, setting));
    const rows = [...results].map(([name, runs]) => {
      if (typeof runs === "string") return [name, runs, "-", "-", "-", "-"];
      const change = medianOf(results, name, "changePercent");
      return [
        name,
        spread(runs.map(({ calm }) => calm)),
        spread(runs.map(({ stormy }) => stormy)),
        change === null ? "-" : `${change > 0 ? "+" : ""}${change.toFixed(1)}%`,
        figure(medianOf(results, name, "hanging") ?? 0),
        met(change, (percent) => percent >= -10),
      ];
    });
    return {
      table: {
        heads: ["server", "msgs/s alone", "msgs/s with storm", "change", "hanging connections", "target -10% met"],
        rows,
      },
      notes: [
        `The same server sends 4,000 messages of 10 KB to a healthy sink, before and after 1,000 for a host that accepts connections and never`,
        `answers; at most ${perDestination} deliveries at once to one destination (the default of both). ${setting.runs} runs.`,
      ],
      data: Object.fromEntries(results),
    };
  },
};
