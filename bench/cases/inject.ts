/** `sendmail` from a shell loop: what a message costs that a script or a cron job sends, program start included. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Command, Contender } from "../peers/server.ts";
import { quotient, spread, times } from "../report/statistics.ts";
import { filesIn, untilArrived } from "../stage.ts";
import { type Case, inTurn, type Setting } from "./case.ts";
import { medianOf } from "./median-of.ts";
import { runCommand, sampleMessage, warmUp, withServer } from "./with-server.ts";

type Inject = {
  readonly calls: number;
  /** Milliseconds a call of sendmail takes, and of qmail-inject (Quail only). */
  readonly sendmailMs: number;
  readonly qmailInjectMs: number | null;
  readonly deliveredRate: number;
};

const loop = 'n=$1 message=$2; shift 2; while [ "$n" -gt 0 ]; do "$@" <"$message" || exit 1; n=$((n - 1)); done';

async function measure(contender: Contender, { work, small, checkout }: Setting): Promise<Inject> {
  const calls = small ? 30 : 200;
  return withServer(contender, work, { relays: {} }, async (served) => {
    const { server, folder } = served;
    const { sendmail, newFolder, inAddress } = server;
    if (sendmail === undefined || newFolder === null) throw new Error("it has no sendmail");
    const message = join(folder, "sample-message");
    writeFileSync(message, sampleMessage(2048), { mode: 0o644 });
    await warmUp(served);
    const looped = ({ words, env }: Command, count: number): Promise<number> =>
      runCommand({ words: ["sh", "-c", loop, "sh", String(count), message, ...words, inAddress], env });
    await looped(sendmail, 5);
    const wanted = filesIn(newFolder) + calls;
    const startedAt = performance.now();
    const seconds = await looped(sendmail, calls);
    await untilArrived("injected mail arrives", () => filesIn(newFolder), wanted);
    const delivered = (performance.now() - startedAt) / 1000;
    const inject = { words: [join(checkout, "bin", "quail"), "qmail-inject"] as const, env: sendmail.env };
    return {
      calls,
      sendmailMs: (seconds / calls) * 1000,
      qmailInjectMs: contender.name === "Quail" ? ((await looped(inject, calls)) / calls) * 1000 : null,
      deliveredRate: calls / delivered,
    };
  });
}

export const inject: Case = {
  name: "inject",
  title: "Injection: 200 calls of sendmail, one after another",
  minutes: (runs) => 0.6 * runs,
  async run(setting) {
    const results = await inTurn(setting, ["Quail", "Postfix"], (contender) => measure(contender, setting));
    const rows = [...results].map(([name, runs]) => {
      if (typeof runs === "string") return [name, runs, "-", "-"];
      const injects = runs.flatMap(({ qmailInjectMs }) => (qmailInjectMs === null ? [] : [qmailInjectMs]));
      return [
        name,
        spread(runs.map(({ sendmailMs }) => sendmailMs)),
        spread(injects),
        spread(runs.map(({ deliveredRate }) => deliveredRate)),
      ];
    });
    const ratio = quotient(medianOf(results, "Quail", "sendmailMs"), medianOf(results, "Postfix", "sendmailMs"));
    return {
      table: {
        heads: ["server", "ms per sendmail", "ms per qmail-inject", "delivered/s"],
        rows: [...rows, ["Quail/Postfix", times(ratio), "-", "-"]],
      },
      notes: [
        `Each call is a process of its own that reads a 2 KB message and ends when it is queued. ${setting.runs} runs. No target:`,
        "a program that starts Node cannot be as quick as one in C.",
      ],
      data: Object.fromEntries(results),
    };
  },
};
