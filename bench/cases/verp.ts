/** One message to a long list of subscribers, each with an envelope sender of its own (VERP), out to a sink. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Command, Contender, Server } from "../peers/server.ts";
import { none, quotient, shown, spread, times, whole } from "../report/statistics.ts";
import { startSink } from "../tools/load.ts";
import { treeRssBytes } from "../tools/process-tree.ts";
import { freePort, waitFor } from "../tools/processes.ts";
import { type Case, inTurn, met, type Setting } from "./case.ts";
import { medianOf } from "./median-of.ts";
import { runCommand, sampleMessage, warmUp, withServer } from "./with-server.ts";

type Post = {
  readonly recipients: number;
  /** Seconds until the injecting program was told that all is queued. */
  readonly injectSeconds: number;
  readonly rate: number;
  readonly cpuPer1000: number;
  readonly rssMb: number;
};

const messageBytes = 10 * 1024;
const domains = 50;
const arrivalLimitMs = 600_000;

/** Subscribers at fifty domains, all of which the sink takes mail for. */
const subscribers = (count: number): readonly string[] =>
  Array.from({ length: count }, (_, at) => `subscriber${at}@list${at % domains}.test`);

/** Quail: qmail-queue, with ezmlm's envelope sender. */
function byQmailQueue(checkout: string, env: Command["env"], folder: string, to: readonly string[]): Command {
  const envelope = join(folder, "list-envelope");
  const message = join(folder, "list-message");
  writeFileSync(message, sampleMessage(messageBytes), { mode: 0o644 });
  writeFileSync(envelope, `Flist-@bench.test-@[]\0${to.map((address) => `T${address}\0`).join("")}\0`, { mode: 0o644 });
  const script = 'm=$1 e=$2; shift 2; exec "$@" <"$m" 1<"$e"';
  return { words: ["sh", "-c", script, "sh", message, envelope, join(checkout, "bin", "quail"), "qmail-queue"], env };
}

/** Postfix: its own VERP by `sendmail -XV`, recipients on the command line. */
const bySendmail = ({ words, env }: Command, to: readonly string[]): Command => ({
  words: [...words, "-XV", "--", ...to],
  env,
});

async function measure(contender: Contender, { work, small, checkout }: Setting): Promise<Post> {
  const full = contender.name === "Quail" ? 100_000 : 20_000;
  const to = subscribers(small ? full / 20 : full);
  const sink = await startSink(await freePort());
  try {
    const relays = Object.fromEntries(Array.from({ length: domains }, (_, at) => [`list${at}.test`, sink.port]));
    return await withServer(contender, work, { relays }, async (served) => {
      const { server, folder } = served;
      await warmUp(served);
      const command = commandFor(contender, server, checkout, folder, to);
      const before = served.cpu();
      const startedAt = performance.now();
      const injectSeconds = await runCommand(command, contender.name === "Quail" ? "" : sampleMessage(messageBytes));
      let rssMb = 0;
      await waitFor(`${to.length} subscribers get their post`, arrivalLimitMs, () => {
        rssMb = Math.max(rssMb, treeRssBytes(server.pid).bytes / 2 ** 20);
        return sink.received() >= to.length ? null : 100;
      });
      const seconds = (performance.now() - startedAt) / 1000;
      const after = served.cpu();
      const cpu = after.user + after.system - before.user - before.system;
      return {
        recipients: to.length,
        injectSeconds,
        rate: to.length / seconds,
        cpuPer1000: (cpu / to.length) * 1000,
        rssMb,
      };
    });
  } finally {
    await sink.stop();
  }
}

function commandFor(
  { name }: Contender,
  { sendmail }: Server,
  checkout: string,
  folder: string,
  to: readonly string[],
): Command {
  if (sendmail === undefined) throw new Error("it has no sendmail");
  return name === "Quail" ? byQmailQueue(checkout, sendmail.env, folder, to) : bySendmail(sendmail, to);
}

export const verp: Case = {
  name: "verp",
  title: "List post to 100,000 subscribers with VERP, to a sink",
  minutes: () => 1.4,
  async run(setting) {
    const results = await inTurn({ ...setting, runs: 1 }, ["Quail", "Postfix"], (one) => measure(one, setting));
    const ratio = quotient(medianOf(results, "Quail", "rate"), medianOf(results, "Postfix", "rate"));
    const rows = [...results].map(([name, runs]) => {
      if (typeof runs === "string") return [name, runs, none, none, none, none];
      return [
        name,
        String(runs[0]?.recipients),
        shown(medianOf(results, name, "injectSeconds")),
        spread(runs.map(({ rate }) => rate)),
        shown(medianOf(results, name, "cpuPer1000")),
        whole(medianOf(results, name, "rssMb")),
      ];
    });
    return {
      table: {
        heads: ["server", "recipients", "queued in s", "delivered/s", "CPU s/1000", "peak RSS MB"],
        rows: [
          ...rows,
          ["Quail/Postfix", none, none, times(ratio), none, none],
          ["target 4x met", none, none, met(ratio, (x) => x >= 4), none, none],
        ],
      },
      notes: [
        `One message of 10 KB, subscribers at ${domains} domains. Quail: \`qmail-queue\` with the sender \`list-@bench.test-@[]\`. Postfix: \`sendmail -XV\`,`,
        "with a fifth of the recipients, so that its run does not take minutes. One run.",
      ],
      data: Object.fromEntries(results),
    };
  },
};
