/**
 * `node fill-queue.ts HOME MESSAGES RECIPIENTS`: puts messages with so many recipients each into the queue of a home whose services do not
 * run, through the store's own door, all tried once and due again tomorrow; then dies by SIGKILL, as a crash would have it.
 */
import type { Address } from "#mail";
import { openStore } from "#queue";

const [home = "", messages = "0", recipients = "0"] = process.argv.slice(2);
/** Messages that share one commit. */
const batch = 20;
const dayMs = 86_400_000;
/** As many domains as a large list may have. */
const domains = 997;
const report = "Sorry, I wasn't able to establish an SMTP connection. (#4.4.1)\n";

const complain = (line: string): void => {
  process.stderr.write(`${line}\n`);
};
const failOn = (error: Error | null): void => {
  if (error !== null) throw error;
};

const store = openStore(home, complain);
const now = Date.now();
const bytes = Buffer.from(`Subject: waiting\n\n${"x".repeat(1000)}\n`);
let added: number[] = [];

function markAndFlush(): void {
  for (const id of added) {
    for (let index = 0; index < Number(recipients); index++) {
      store.mark(id, index, { kind: "later", report, dueAtMs: now + dayMs, triedAtMs: now });
    }
  }
  added = [];
  store.flush();
}

for (let at = 0; at < Number(messages); at++) {
  const id = store.nextId();
  const domainOf = (index: number): string => `host${(at + index) % domains}.test`;
  store.add(
    {
      ...{ id, bornAtMs: now, sender: "sender@bench.test" as Address, body: { kind: "bytes", bytes } },
      recipients: Array.from({ length: Number(recipients) }, (_, index) => ({
        address: `user${index}@${domainOf(index)}` as Address,
        channel: "remote",
        destination: domainOf(index),
      })),
    },
    failOn,
  );
  added.push(id);
  if (added.length < batch) continue;
  store.flush();
  markAndFlush();
}
store.flush();
markAndFlush();
process.kill(process.pid, "SIGKILL");
