/**
 * The TRANSACTION and UPDATE states of POP3 (RFC 1939 §5, §6) over a Maildir: qmail-pop3d. The list of messages is made once;
 * nothing on disk changes before QUIT.
 */
import { stat } from "node:fs/promises";
import { setImmediate as turn } from "node:timers/promises";
import type { ByteString } from "#bytes";
import { diskPath } from "#files";
import { cleanMaildirTmp, type ListedMessage, listMaildir, updateMaildir } from "#mailbox";
import type { LineWire } from "#net";
import { capabilityReply, languageReply } from "./capabilities.ts";
import { leadingNumber, parseCommand } from "./command.ts";
import { endOfLines, ok, okWith, say } from "./say.ts";
import { sendMessage } from "./send-message.ts";
import { endOf, type SessionEnd } from "./session-end.ts";
import { withWireSizes } from "./wire-size.ts";

/** `classic`: qmail-pop3d to the octet. `current`: CAPA and what it says, no extra line behind a message, STAT counts what is left. */
export type Dialect = "classic" | "current";

/** RFC 2449 §4 wants 255 octets; nobody's command is longer than this. */
const maxLineBytes = 1024;
/** Pipelined commands are answered so many at a time; then other sessions have their turn. */
const commandsPerTurn = 32;

/** Whose mailbox, and how it is served. */
export type MailboxHouse = {
  /** Absolute. */
  readonly maildir: ByteString;
  readonly dialect: Dialect;
  readonly now: () => number;
  /** Sizes in octets as they are sent (RFC 1939 §11), for which every message is read at login; else as on disk, like qmail. */
  readonly exactSizes?: boolean;
};

/** What happened, for the log. Octets are those of message data sent. */
export type SessionReport = {
  readonly end: SessionEnd | "no-maildir" | "no-scan";
  readonly messages: number;
  readonly retr: number;
  readonly retrBytes: number;
  readonly top: number;
  readonly topBytes: number;
  readonly deleted: number;
};

type Session = {
  readonly wire: LineWire;
  readonly house: MailboxHouse;
  readonly messages: readonly ListedMessage[];
  readonly deleted: Uint8Array;
  last: number;
  readonly done: { retr: number; retrBytes: number; top: number; topBytes: number; deleted: number };
};

type Run = (session: Session, arg: ByteString) => Promise<void> | void;

/** The index of the message an argument names, or what to say. */
function indexIn({ messages, deleted }: Session, arg: ByteString): number | string {
  const found = leadingNumber(arg);
  if (found === null) return say.syntax;
  if (found.number === 0) return say.fromOne;
  if (found.number > messages.length) return say.notThatMany;
  return deleted[found.number - 1] === 1 ? say.alreadyDeleted : found.number - 1;
}

const stat_: Run = ({ wire, messages, deleted, house }) => {
  let count = 0;
  let bytes = 0;
  for (const [index, { sizeBytes }] of messages.entries()) {
    if (deleted[index] === 1) continue;
    count++;
    bytes += sizeBytes;
  }
  wire.write(okWith(`${house.dialect === "classic" ? messages.length : count} ${bytes}`));
};

/** LIST and UIDL: one message's line, or all that are left. */
const listing =
  (fact: (message: ListedMessage) => string | number): Run =>
  async (session, arg) => {
    const { wire, messages, deleted } = session;
    if (arg !== "") {
      const index = indexIn(session, arg);
      wire.write(typeof index === "string" ? index : okWith(`${index + 1} ${fact(messages[index]!)}`));
      return;
    }
    const lines: string[] = [];
    for (const [index, message] of messages.entries()) {
      if (deleted[index] !== 1) lines.push(`${index + 1} ${fact(message)}\r\n`);
    }
    wire.write(`${ok}${lines.join("")}${endOfLines}`);
    await wire.flush(); // A client that asks for this again and again must take it first.
  };

const retrieve =
  (verb: "retr" | "top"): Run =>
  async (session, arg) => {
    const { wire, house, messages, done } = session;
    const index = indexIn(session, arg);
    if (typeof index === "string") {
      wire.write(index);
      return;
    }
    // As in qmail, RETR may have TOP's second number, and TOP may leave it out.
    const bodyLines = leadingNumber(leadingNumber(arg)?.rest ?? "")?.number ?? null;
    const sending = { bodyLines, extraLine: house.dialect === "classic" };
    const sent = await sendMessage(wire, house.maildir, messages[index]!, sending);
    if (sent === null) {
      wire.write(say.cannotOpen);
      return;
    }
    done[verb]++;
    done[`${verb}Bytes`] += sent;
  };

const dele: Run = (session, arg) => {
  const index = indexIn(session, arg);
  if (typeof index === "string") {
    session.wire.write(index);
    return;
  }
  session.deleted[index] = 1;
  session.last = Math.max(session.last, index + 1);
  session.wire.write(ok);
};

const rset: Run = (session) => {
  session.deleted.fill(0);
  session.last = 0;
  session.wire.write(ok);
};

const classicCommands: ReadonlyMap<string, Run> = new Map<string, Run>([
  ["stat", stat_],
  ["list", listing(({ sizeBytes }) => sizeBytes)],
  ["uidl", listing(({ uniqueName }) => uniqueName)],
  ["retr", retrieve("retr")],
  ["top", retrieve("top")],
  ["dele", dele],
  ["rset", rset],
  ["last", ({ wire, last }) => wire.write(okWith(`${last}`))],
  ["noop", ({ wire }) => wire.write(ok)],
]);

const currentCommands: ReadonlyMap<string, Run> = new Map<string, Run>([
  ...classicCommands,
  ["capa", ({ wire }) => wire.write(capabilityReply({ user: false, sasl: [], stls: false, beforeLogin: false }))],
  ["lang", ({ wire }, arg) => wire.write(languageReply(arg) ?? say.noSuchLanguage)],
  ["stls", ({ wire }) => wire.write(say.tlsNotNow)],
  ["utf8", ({ wire }) => wire.write(say.tlsNotNow)],
]);

/** Serves one mailbox to a client that has logged in, until it quits or hangs up. The caller ends the wire. */
export async function serveMailbox(wire: LineWire, house: MailboxHouse): Promise<SessionReport> {
  const session = await open(wire, house);
  if (typeof session === "string") {
    wire.write(session === "no-maildir" ? say.noMaildir : say.cannotScan);
    return { end: session, messages: 0, retr: 0, retrBytes: 0, top: 0, topBytes: 0, deleted: 0 };
  }
  const commands = house.dialect === "classic" ? classicCommands : currentCommands;
  wire.write(ok);
  const end = await converse(session, commands).catch(endOf);
  if (end === "line-too-long") wire.write(say.tooLong);
  return { end, messages: session.messages.length, ...session.done };
}

async function open(wire: LineWire, house: MailboxHouse): Promise<Session | "no-maildir" | "no-scan"> {
  const { maildir, now } = house;
  const folder = await stat(diskPath(maildir)).catch(() => null);
  if (!folder?.isDirectory()) return "no-maildir";
  await cleanMaildirTmp(maildir, now());
  const listed = await listMaildir(maildir, now()).catch(() => null);
  if (listed === null) return "no-scan";
  const messages = house.exactSizes ? await withWireSizes(maildir, listed) : listed;
  const done = { retr: 0, retrBytes: 0, top: 0, topBytes: 0, deleted: 0 };
  return { wire, house, messages, deleted: new Uint8Array(messages.length), last: 0, done };
}

async function converse(session: Session, commands: ReadonlyMap<string, Run>): Promise<SessionEnd> {
  const { wire } = session;
  for (let count = 1; ; count++) {
    const line = await wire.readLine(maxLineBytes);
    if (line === null) return "hangup";
    if (count % commandsPerTurn === 0) await turn();
    const { verb, arg } = parseCommand(line);
    if (verb === "quit") {
      await update(session);
      return "quit";
    }
    const run = commands.get(verb);
    if (run === undefined) wire.write(say.unimplemented);
    else await run(session, arg);
  }
}

/** The UPDATE state: the only place where the mailbox changes. */
async function update({ wire, house, messages, deleted, done }: Session): Promise<void> {
  const allRemoved = await updateMaildir(house.maildir, messages, (index) => deleted[index] === 1);
  done.deleted = deleted.reduce((sum, flag) => sum + flag, 0);
  if (!allRemoved) wire.write(say.cannotUnlink);
  // qmail-pop3d says both.
  if (allRemoved || house.dialect === "classic") wire.write(ok);
  await wire.flush().catch(() => {}); // It is done, whether the client hears of it or not.
}
