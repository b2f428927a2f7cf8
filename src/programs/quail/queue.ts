import { once } from "node:events";
import { createInterface } from "node:readline/promises";
import type { Writable } from "node:stream";
import { parseArgs } from "node:util";
import { type ByteString, lowerAscii, utf8ToByteString } from "#bytes";
import { findHome } from "#control";
import { errorText } from "#files";
import { type Address, domainOf, parseAddress } from "#mail";
import {
  askQueue,
  fitsAddress,
  isMeant,
  lockQueue,
  parseSize,
  parseSpan,
  type QueueFilter,
  queueEntry,
  queueFacts,
  queueHeading,
  queueRow,
  shownLines,
} from "#operate";
import { type Program, type ProgramCall, UsageError } from "#process";
import { checkQueue, editQueue, type QueuedMessage, type QueueReader } from "#queue";
import { loadRouting, routeRecipient, stripVirtualPrefix } from "#users";
import { openQueueFolder } from "../qmail/open-queue-folder.ts";

const usage = `usage: quail queue [list] [FILTER]... [--json]
       quail queue show ID... [--body | --raw | --json]
       quail queue hold|release|retry|renew|expire|remove ID...|FILTER...|--all [--dry-run] [--yes] [--json]
       quail queue check [--fix] [--json]
       quail queue route ID...|FILTER...|--all [--to ADDRESS] [--dry-run] [--yes] [--json]
filters, all of which must hold:
       --sender ADDRESS  --recipient ADDRESS   user@domain, @domain, or a pattern with *; <> is the null sender
       --domain DOMAIN   some recipient is there
       --channel local|remote  --older 2h  --larger 10M  --held
what the verbs do:
       hold: try no more until release     retry: try now             renew: count the age from now
       expire: one more attempt, then bounce                          remove: forget, without a bounce
       check: look for damage; --fix repairs it, while the queue service is stopped
       route: while it is stopped, route recipients again by the control files, or send those meant to ADDRESS
expire, remove and route ask first when they mean several messages that were not named; --yes answers.
To hold a channel, new messages too: control/holdlocal or control/holdremote, then HUP.`;

const optionTypes = {
  sender: { type: "string" },
  recipient: { type: "string" },
  domain: { type: "string" },
  to: { type: "string" },
  channel: { type: "string" },
  older: { type: "string" },
  larger: { type: "string" },
  held: { type: "boolean" },
  all: { type: "boolean" },
  json: { type: "boolean" },
  body: { type: "boolean" },
  raw: { type: "boolean" },
  "dry-run": { type: "boolean" },
  fix: { type: "boolean" },
  yes: { type: "boolean" },
  help: { type: "boolean" },
} as const;

function parse(args: readonly string[]) {
  try {
    return parseArgs({ args: [...args], options: optionTypes, allowPositionals: true });
  } catch (error) {
    throw new UsageError(`quail queue: ${error instanceof Error ? error.message : error}\n${usage}`);
  }
}

type Options = ReturnType<typeof parse>["values"];

function parseId(word: string): number {
  const id = /^[0-9]{1,15}$/.test(word) ? Number(word) : 0;
  if (id === 0) throw new UsageError(`quail queue: "${word}" is no message number\n${usage}`);
  return id;
}

/** A given option's value, or a complaint about it. */
function checked<T>(text: string | undefined, name: string, read: (text: string) => T | null): T | undefined {
  if (text === undefined) return undefined;
  const value = read(text);
  if (value === null) throw new UsageError(`quail queue: --${name} does not take "${text}"\n${usage}`);
  return value;
}

const channelOf = (text: string): "local" | "remote" | null => (text === "local" || text === "remote" ? text : null);

function filterFrom(options: Options, ids: readonly string[]): QueueFilter {
  const channel = checked(options.channel, "channel", channelOf);
  const olderMs = checked(options.older, "older", parseSpan);
  const largerBytes = checked(options.larger, "larger", parseSize);
  return {
    ...(ids.length === 0 ? {} : { ids: new Set(ids.map(parseId)) }),
    ...(options.sender === undefined ? {} : { sender: utf8ToByteString(options.sender) }),
    ...(options.recipient === undefined ? {} : { recipient: utf8ToByteString(options.recipient) }),
    ...(options.domain === undefined ? {} : { domain: utf8ToByteString(options.domain) }),
    ...(channel === undefined ? {} : { channel }),
    ...(olderMs === undefined ? {} : { olderMs }),
    ...(largerBytes === undefined ? {} : { largerBytes }),
    ...(options.held === undefined ? {} : { held: options.held }),
  };
}

/** The messages a filter means, one at a time; ids are looked up, everything else is a walk through the queue. */
function* meant(queue: QueueReader, filter: QueueFilter, now: Date): Generator<QueuedMessage> {
  if (filter.ids === undefined) {
    for (const message of queue.messages()) if (isMeant(message, filter, now)) yield message;
    return;
  }
  for (const id of filter.ids) {
    const message = queue.message(id);
    if (message !== null && isMeant(message, filter, now)) yield message;
  }
}

/** Writes at the reader's pace. */
async function say(stdout: Writable, text: string | Uint8Array): Promise<void> {
  if (!stdout.write(text)) await once(stdout, "drain");
}

type Verb = (call: ProgramCall, queue: QueueReader, options: Options, words: readonly string[]) => Promise<number>;

const list: Verb = async ({ stdout }, queue, options, words) => {
  const now = new Date();
  const filter = filterFrom(options, words);
  let count = 0;
  for (const message of meant(queue, filter, now)) {
    if (options.json === true) {
      await say(stdout, `${count === 0 ? "[" : ","}\n${JSON.stringify(queueFacts(message))}`);
    } else await say(stdout, `${count === 0 ? queueHeading : ""}${queueRow(message, now)}`);
    count++;
  }
  await say(
    stdout,
    options.json === true ? `${count === 0 ? "[" : "\n"}]\n` : `${count} message${count === 1 ? "" : "s"}\n`,
  );
  return 0;
};

/** A message is read in pieces of this size. */
const pieceBytes = 256 * 1024;
/** A longer header is shown as far as this. */
const maxHeaderBytes = 256 * 1024;

async function copyMessage(
  stdout: Writable,
  queue: QueueReader,
  id: number,
  from: number,
  raw: boolean,
): Promise<void> {
  for (let at = from; ; ) {
    const piece = queue.read(id, at, pieceBytes);
    if (piece === null || piece.length === 0) return;
    await say(stdout, raw ? piece : shownLines(piece.toString("latin1")));
    at += piece.length;
  }
}

async function showOne(stdout: Writable, queue: QueueReader, message: QueuedMessage, options: Options): Promise<void> {
  if (options.raw === true) return copyMessage(stdout, queue, message.id, 0, true);
  const start = queue.read(message.id, 0, maxHeaderBytes) ?? Buffer.alloc(0);
  const end = start.indexOf("\n\n");
  const header = start.toString("latin1", 0, end < 0 ? start.length : end + 1);
  if (options.json === true)
    return say(stdout, `${JSON.stringify({ ...queueFacts(message), header: shownLines(header) })}\n`);
  await say(stdout, `${queueEntry(message, new Date())}\n${shownLines(header)}`);
  if (options.body === true) await copyMessage(stdout, queue, message.id, header.length, false);
}

const show: Verb = async ({ stdout, stderr }, queue, options, words) => {
  if (words.length === 0) throw new UsageError(usage);
  let missing = 0;
  for (const id of words.map(parseId)) {
    const message = queue.message(id);
    if (message === null) {
      missing++;
      stderr.write(`quail queue: there is no message ${id} in the queue\n`);
    } else await showOne(stdout, queue, message, options);
  }
  return missing === 0 ? 0 : 1;
};

/** Ids are sent to the service in requests of this many. */
const idsPerRequest = 5_000;

/** Each verb's word for what was done. */
const changes: ReadonlyMap<string, string> = new Map([
  ["hold", "held"],
  ["release", "released"],
  ["retry", "due now"],
  ["renew", "renewed"],
  ["expire", "expired"],
  ["remove", "removed"],
]);

const plural = (count: number): string => `${count} message${count === 1 ? "" : "s"}`;

async function hurry(env: NodeJS.ProcessEnv, stdout: Writable, stderr: Writable): Promise<number> {
  const answer = await askQueue(findHome(env), { verb: "hurry" });
  if (answer.ok) stdout.write("every message is due now\n");
  else stderr.write(`quail queue: fatal: ${answer.error}\n`);
  return answer.ok ? 0 : 111;
}

/** Verbs that cannot be taken back ask when they mean several messages that nobody named. */
const needConsent: ReadonlySet<string> = new Set(["expire", "remove", "route"]);

/** True if it may be done: few or named messages, `--yes`, or a yes typed on a terminal. */
async function mayDo(verb: string, call: ProgramCall, options: Options, filter: QueueFilter, count: number) {
  if (!needConsent.has(verb) || count <= 1 || filter.ids !== undefined || options.yes === true) return true;
  const question = `quail queue: ${verb} ${plural(count)}?`;
  if (!("isTTY" in call.stdin) || call.stdin.isTTY !== true) {
    call.stderr.write(`${question} Say so with --yes; --dry-run shows which.\n`);
    return false;
  }
  const asking = createInterface({ input: call.stdin, output: call.stderr });
  const answer = await new Promise<string>((resolve, reject) => {
    asking.once("close", () => setImmediate(resolve, "")); // Ctrl-D is no; an answer just before it counts.
    asking.question(`${question} [y/N] `).then(resolve, reject);
  });
  asking.close();
  return /^y(es)?$/i.test(answer.trim());
}

/** What a change came to. */
type Change = { readonly verb: string; readonly doneWord: string; readonly isDry: boolean };

/** Tells it, for people or as JSON. */
function tellChange(
  { stdout, stderr }: ProgramCall,
  options: Options,
  { verb, doneWord, isDry }: Change,
  lists: {
    readonly done: readonly number[];
    readonly unchanged: readonly number[];
    readonly unknown: readonly number[];
  },
): number {
  const { done, unchanged, unknown } = lists;
  for (const id of unknown) stderr.write(`quail queue: there is no message ${id} in the queue\n`);
  if (options.json === true) stdout.write(`${JSON.stringify({ verb, dryRun: isDry, ...lists })}\n`);
  else if (isDry) stdout.write(`would be ${doneWord}: ${done.join(" ") || "nothing"}\n`);
  else {
    stdout.write(
      `${plural(done.length)} ${doneWord}${unchanged.length > 0 ? `, ${unchanged.length} unchanged` : ""}\n`,
    );
  }
  return unknown.length === 0 ? 0 : 1;
}

/** The messages that are meant, and those that were named and are not there. Throws UsageError if nothing was said. */
function meantBy(queue: QueueReader, options: Options, words: readonly string[]) {
  const filter = filterFrom(options, words);
  if (Object.keys(filter).length === 0 && options.all !== true) throw new UsageError(usage);
  const ids = [...meant(queue, filter, new Date())].map(({ id }) => id);
  const unknown = [...(filter.ids ?? [])].filter((id) => queue.message(id) === null);
  return { filter, ids, unknown };
}

const change =
  (verb: string, doneWord: string): Verb =>
  async (call, queue, options, words) => {
    const { env, stdout, stderr } = call;
    const isDry = options["dry-run"] === true;
    const { filter, ids, unknown } = meantBy(queue, options, words);
    // Everything at once is one request, however many messages there are.
    if (verb === "retry" && options.all === true && Object.keys(filter).length === 0 && !isDry) {
      return hurry(env, stdout, stderr);
    }
    const said = { verb, doneWord, isDry };
    if (isDry) return tellChange(call, options, said, { done: ids, unchanged: [], unknown });
    if (!(await mayDo(verb, call, options, filter, ids.length))) return 100;
    const touched = new Set<unknown>();
    for (let at = 0; at < ids.length; at += idsPerRequest) {
      const answer = await askQueue(findHome(env), { verb, ids: ids.slice(at, at + idsPerRequest) });
      if (!answer.ok) {
        stderr.write(`quail queue: fatal: ${answer.error}\n`);
        return 111;
      }
      for (const id of Array.isArray(answer.touched) ? answer.touched : []) touched.add(id);
    }
    const done = ids.filter((id) => touched.has(id));
    return tellChange(call, options, said, { done, unchanged: ids.filter((id) => !touched.has(id)), unknown });
  };

const check: Verb = async ({ env, stdout }, _queue, options, words) => {
  if (words.length > 0) throw new UsageError(usage);
  const home = findHome(env);
  using lock = lockQueue(home);
  if (options.fix === true && lock === null) throw new Error(stopFirst);
  const fix = options.fix === true;
  const faults = checkQueue(home, { isRunning: lock === null, fix });
  const left = faults.filter(({ repair }) => !fix || repair === null);
  if (options.json === true) {
    await say(stdout, `${JSON.stringify({ fixed: fix, faults })}\n`);
    return left.length === 0 ? 0 : 1;
  }
  for (const { text, repair } of faults) {
    const remedy = repair === null ? "" : fix ? `\n    done: ${repair}` : `\n    --fix would: ${repair}`;
    await say(stdout, `${text}${remedy}\n`);
  }
  await say(stdout, faults.length === 0 ? "the queue is well\n" : `${faults.length} faults, ${left.length} left\n`);
  return left.length === 0 ? 0 : 1;
};

const stopFirst = "the queue service is running; stop it first";

/** Routes again what waits, by today's control files, or sends it elsewhere. Only while the service is stopped. */
const route: Verb = async (call, queue, options, words) => {
  const home = findHome(call.env);
  const { filter, ids, unknown } = meantBy(queue, options, words);
  const to = checked(options.to, "to", (text) => parseAddress(utf8ToByteString(text)));
  const isDry = options["dry-run"] === true;
  const said = { verb: "route", doneWord: "routed anew", isDry };
  if (isDry) return tellChange(call, options, said, { done: ids, unchanged: [], unknown });
  if (!(await mayDo("route", call, options, filter, ids.length))) return 100;
  using lock = lockQueue(home);
  if (lock === null) throw new Error(stopFirst);
  const routing = loadRouting(home);
  const fits = (address: ByteString): boolean =>
    (filter.recipient === undefined || fitsAddress(address, filter.recipient)) &&
    (filter.domain === undefined || fitsAddress(address, `@${filter.domain}`));
  using editor = editQueue(home);
  const done = ids.filter((id) => {
    const touched = editor.reroute(
      id,
      (address) => {
        if (!fits(address)) return null;
        const routed = routeRecipient(to ?? (stripVirtualPrefix(address, routing) as Address), routing);
        const destination = routed.channel === "local" ? "" : lowerAscii(domainOf(routed.address));
        return { ...routed, destination };
      },
      Date.now(),
    );
    return touched > 0;
  });
  return tellChange(call, options, said, { done, unchanged: ids.filter((id) => !done.includes(id)), unknown });
};

const verbs: ReadonlyMap<string, Verb> = new Map<string, Verb>([
  ["list", list],
  ["show", show],
  ["check", check],
  ["route", route],
  ...[...changes].map(([verb, word]) => [verb, change(verb, word)] as const),
]);

/**
 * `quail queue ...`: look at the queue (with or without its service running; as root or the queue's uid) and act on it (through
 * the service). Exit codes: 0 well, 1 a message that was named is not there, 100 usage, 111 trouble.
 */
export const main: Program = async (call) => {
  const { values, positionals } = parse(call.args);
  const [word = "list", ...words] = positionals;
  const verb = verbs.get(word);
  if (values.help === true) {
    call.stdout.write(`${usage}\n`);
    return 0;
  }
  if (verb === undefined) throw new UsageError(usage);
  const opened = openQueueFolder(findHome(call.env));
  if ("trouble" in opened) {
    call.stderr.write(`quail queue: fatal: ${opened.trouble}\n`);
    return 111;
  }
  using queue = opened.queue ?? nothing;
  try {
    return await verb(call, queue, values, words);
  } catch (error) {
    if (error instanceof UsageError) throw error;
    call.stderr.write(`quail queue: fatal: ${errorText(error)}\n`);
    return 111;
  }
};

/** A queue before its first message. */
const nothing: QueueReader = {
  messages: () => [],
  message: () => null,
  count: () => 0,
  read: () => null,
  [Symbol.dispose]: () => {},
};
