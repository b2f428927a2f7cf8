import { shown, shownSize, shownSpan, shownTime } from "#log";
import type { QueuedMessage, QueuedRecipient } from "#queue";

/** How many recipients are left, of how many. */
function left({ recipients }: QueuedMessage): string {
  return `${recipients.filter(({ state }) => state === "pending" || state === "held").length}/${recipients.length}`;
}

/** When the next recipient is tried: `now`, a span, or `held`. */
function nextTry({ recipients }: QueuedMessage, now: Date): string {
  const due = recipients.filter(({ state }) => state === "pending").map(({ dueAt }) => dueAt.getTime());
  if (due.length === 0) return recipients.some(({ state }) => state === "held") ? "held" : "-";
  const soonest = Math.min(...due.slice(0, 10_000)) - now.getTime();
  return soonest <= 0 ? "now" : shownSpan(soonest);
}

/** The first unfinished recipient stands for all. */
function towards({ recipients }: QueuedMessage): string {
  const waiting = recipients.filter(({ state }) => state === "pending" || state === "held");
  const first = waiting[0]?.address;
  if (first === undefined) return "-";
  return waiting.length === 1 ? shown(first) : `${shown(first)} and ${waiting.length - 1} more`;
}

/** Widths fit a queue that is a week old; whatever is wider pushes its own line, so that a million lines need no memory. */
const row = (cells: readonly string[]): string =>
  `${cells.map((cell, at) => (at < 5 ? cell.padStart([8, 7, 6, 7, 7][at] ?? 0) : cell)).join("  ")}\n`;

/** The line above `queueRow`s. */
export const queueHeading: string = row(["ID", "AGE", "SIZE", "LEFT", "NEXT", "SENDER -> RECIPIENT"]);

/** A message on a line: number, age, size, recipients left, next attempt, addresses. */
export function queueRow(message: QueuedMessage, now: Date): string {
  const age = shownSpan(now.getTime() - message.bornAt.getTime());
  const route = `<${shown(message.sender)}> -> ${towards(message)}${message.bouncing ? "  (bounce owed)" : ""}`;
  return row([String(message.id), age, shownSize(message.sizeBytes), left(message), nextTry(message, now), route]);
}

function recipientLines(recipient: QueuedRecipient, now: Date): string {
  const { address, channel, state, attempts, dueAt, lastReport } = recipient;
  const wait = dueAt.getTime() - now.getTime();
  const next = state === "pending" ? (wait <= 0 ? ", due now" : `, next attempt in ${shownSpan(wait)}`) : "";
  const tries = attempts === 0 ? "not tried yet" : `${attempts} attempt${attempts === 1 ? "" : "s"}`;
  const report = lastReport.trimEnd();
  const reportLines =
    report === ""
      ? ""
      : `${report
          .split("\n")
          .map((line) => `      ${shown(line)}\n`)
          .join("")}`;
  return `    ${shown(address)}  ${channel}, ${state}, ${tries}${next}\n${reportLines}`;
}

/** A message's envelope and the story of each recipient so far. */
export function queueEntry(message: QueuedMessage, now: Date): string {
  const age = shownSpan(now.getTime() - message.bornAt.getTime());
  const expired = message.agedFrom.getTime() === 0 ? "  (expired: bounces at the next attempt)" : "";
  return `message ${message.id}
  queued:     ${shownTime(message.bornAt)} (${age} ago)${expired}
  size:       ${message.sizeBytes} bytes
  sender:     <${shown(message.sender)}>${message.bouncing ? "\n  bounce:     owed when every recipient is finished" : ""}
  recipients:
${message.recipients.map((recipient) => recipientLines(recipient, now)).join("")}`;
}

/** A message for scripts: addresses and reports as UTF-8 text, times in ISO 8601. */
export function queueFacts(message: QueuedMessage): Readonly<Record<string, unknown>> {
  return {
    ...message,
    sender: shown(message.sender),
    recipients: message.recipients.map((recipient) => ({
      ...recipient,
      address: shown(recipient.address),
      lastReport: Buffer.from(recipient.lastReport, "latin1").toString("utf8"),
    })),
  };
}
