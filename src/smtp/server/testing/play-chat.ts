import assert from "node:assert/strict";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Duplex } from "node:stream";
import { setTimeout as wait } from "node:timers/promises";
import type { Envelope } from "#mail";
import { LineWire } from "#net";
import { loadSmtpControls } from "../controls.ts";
import { Conversation } from "../conversation.ts";
import type { House } from "../house.ts";
import type { DoorAnswer } from "../message-intake.ts";
import { converse } from "../session.ts";
import { type ChatScript, parseChat } from "./chat-script.ts";
import { testAccounts } from "./test-accounts.ts";

/** A message that reached the queue. */
export type Queued = { readonly envelope: Envelope; readonly message: string };

/** A queue in memory that answers as it is told. */
export function memoryQueue() {
  const queued: Queued[] = [];
  const state: { answer: { fate: "done" | "temporary" | "permanent"; text: string }; aborted: number } = {
    answer: { fate: "done", text: "" },
    aborted: 0,
  };
  const post: House["post"] = (envelope) => {
    const pieces: Buffer[] = [];
    return {
      write(bytes) {
        pieces.push(Buffer.from(bytes));
      },
      async finish(): Promise<DoorAnswer> {
        await wait(1);
        if (state.answer.fate !== "done") return { ...state.answer, queueId: null };
        queued.push({
          envelope: { ...envelope, recipients: [...envelope.recipients] },
          message: Buffer.concat(pieces).toString("latin1"),
        });
        return { fate: "done", text: "", queueId: queued.length };
      },
      abort() {
        state.aborted++;
      },
    };
  };
  return { queued, state, post };
}

/** A home in a temporary folder with these control files; the caller removes it. */
export async function makeHome(controls: ReadonlyMap<string, string>): Promise<string> {
  const home = await mkdtemp(join(tmpdir(), "quail-smtpd-"));
  await mkdir(join(home, "control"));
  for (const [name, text] of controls) await writeFile(join(home, "control", name), `${text}\n`);
  return home;
}

/** Two ends of one connection; the test frees whatever it took. */
export type Connect = () => Promise<{ readonly client: Duplex; readonly server: Duplex; readonly close: () => void }>;

const patienceMs = 10_000;

/** The client's view: lines as they come. */
function lineReader(client: Duplex) {
  let text = "";
  let ended = false;
  let wake: (() => void) | null = null;
  client.on("data", (chunk: Buffer) => {
    text += chunk.toString("latin1");
    wake?.();
  });
  const finish = (): void => {
    ended = true;
    wake?.();
  };
  client.on("end", finish).on("close", finish).on("error", finish);
  const more = async (): Promise<void> => {
    const woken = new Promise<void>((done) => {
      wake = done;
    });
    const timer = setTimeout(() => {
      ended = true;
      wake?.();
    }, patienceMs);
    await woken;
    clearTimeout(timer);
    wake = null;
  };
  return {
    /** The next line; null when the server has closed. */
    async next(): Promise<string | null> {
      for (;;) {
        const end = text.indexOf("\r\n");
        if (end >= 0) {
          const line = text.slice(0, end);
          text = text.slice(end + 2);
          return line;
        }
        if (ended) return text === "" ? null : `(no CRLF) ${text}`;
        await more();
      }
    },
  };
}

/** Plays a conversation against a server session over the given connection. Throws what differs, with its line. */
export async function playChat(source: string, connect: Connect): Promise<void> {
  const script: ChatScript = parseChat(source);
  const home = await makeHome(script.controls);
  const connection = await connect();
  const logged: string[] = [];
  const queue = memoryQueue();
  const controls = loadSmtpControls(home);
  const house: House = {
    controls,
    role: script.role,
    login: script.accounts.size === 0 ? null : testAccounts(script.accounts, home),
    post: queue.post,
    origin: { invoker: "network", uid: 0 },
    checkRecipient: script.checks ? (address) => script.mailboxes.get(address) ?? "yes" : null,
    isOwnAddress: (ip) => ip === "192.0.2.25" || ip === "2001:db8::25",
    inMoreRcptHosts: async (keys) => keys.includes("more.test"),
    readmit: controls.xclientFrom === null ? null : (told) => (told.get("TCPREMOTEIP") === "192.0.2.66" ? null : told),
    tls: null,
    log: (line) => logged.push(line),
    now: () => new Date("2026-11-22T12:34:56Z"),
    sleep: async (ms) => void (await wait(Math.min(ms, 20))),
  };
  const wire = new LineWire(connection.server, controls.timeoutMs);
  const talk = new Conversation("t-1", wire, house, script.surroundings);
  const over = converse(talk).then(() => wire.end());
  try {
    await playSteps(script, connection.client, queue, logged);
  } finally {
    connection.client.destroy();
    await over;
    connection.close();
    await rm(home, { recursive: true });
  }
}

async function playSteps(
  script: ChatScript,
  client: Duplex,
  queue: ReturnType<typeof memoryQueue>,
  logged: readonly string[],
): Promise<void> {
  const lines = lineReader(client);
  let checked = 0;
  for (const step of script.steps) {
    const where = `line ${step.at}`;
    switch (step.kind) {
      case "send":
        client.write(step.bytes);
        break;
      case "expect":
        assert.equal(await lines.next(), step.line, where);
        break;
      case "match":
        assert.match((await lines.next()) ?? "(closed)", step.pattern, where);
        break;
      case "half-close":
        client.end();
        break;
      case "closed":
        assert.equal(await lines.next(), null, where);
        break;
      case "queue":
        queue.state.answer = { fate: step.fate, text: step.text };
        break;
      case "queued": {
        const envelope = queue.queued[checked++]?.envelope;
        assert.deepEqual(envelope, { sender: step.from, recipients: step.to }, where);
        break;
      }
      case "body":
        assert.equal(bodyOf(queue.queued[checked - 1]), step.bytes, where);
        break;
      case "body-match":
        assert.match(bodyOf(queue.queued[checked - 1]), step.pattern, where);
        break;
      case "trace":
        assert.match(traceOf(queue.queued[checked - 1]), step.pattern, where);
        break;
      case "nothing-queued":
        assert.equal(queue.queued.length, checked, where);
        break;
      case "logged":
        assert.ok(
          logged.some((line) => step.pattern.test(line)),
          `${where}: ${step.pattern} is in none of\n${logged.join("\n")}`,
        );
        break;
    }
  }
}

const traceEnd = "-0000\n";

function traceOf(queued: Queued | undefined): string {
  const message = queued?.message ?? "";
  return message.slice(0, message.indexOf(traceEnd) + traceEnd.length - 1);
}

function bodyOf(queued: Queued | undefined): string {
  const message = queued?.message ?? "";
  return message.slice(message.indexOf(traceEnd) + traceEnd.length);
}
