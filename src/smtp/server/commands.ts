import type { Reply } from "../grammar/reply.ts";
import { auth } from "./commands/auth.ts";
import { chunk } from "./commands/chunk.ts";
import { ehlo, helo } from "./commands/hello.ts";
import { mail } from "./commands/mail.ts";
import { data } from "./commands/message.ts";
import { recipient } from "./commands/recipient.ts";
import { startTls } from "./commands/start-tls.ts";
import { xclient } from "./commands/xclient.ts";
import { idle, type Phase, type Run, row } from "./phase.ts";
import * as say from "./say.ts";

const always = ["idle", "mail", "chunks"] as const;

/** RCPT and DATA out of turn: no MAIL yet, or chunks are on their way already (RFC 3030 §3). */
const outOfTurn = (phase: Phase): Reply => (phase.at === "chunks" ? say.chunksUnderWay : say.mailFirst);

/** Every verb, the phases it is legal in, and its work. A Map, not an object: the verb is the peer's text. */
export const commands: ReadonlyMap<string, Run<Phase>> = new Map([
  ["helo", row(always, say.ok, (talk, _phase, name) => helo(talk, name))],
  ["ehlo", row(always, say.ok, (talk, _phase, name) => ehlo(talk, name))],
  ["mail", row(always, say.ok, mail)],
  ["rcpt", row(["mail"], outOfTurn, recipient)],
  ["data", row(["mail"], outOfTurn, data)],
  ["bdat", row(always, say.ok, chunk)],
  ["rset", row(always, say.ok, () => ({ phase: idle, reply: say.flushed }))],
  ["noop", row(always, say.ok, (_talk, phase) => ({ phase, reply: say.ok }))],
  ["vrfy", row(always, say.ok, (_talk, phase) => ({ phase, reply: say.triesItsBest }))],
  ["help", row(always, say.ok, (_talk, phase) => ({ phase, reply: say.help }))],
  ["auth", row(["idle"], say.noAuthInTransaction, (talk, _phase, argument) => auth(talk, argument))],
  [
    "quit",
    row(always, say.ok, (talk) => ({ phase: idle, reply: say.goodbye(talk.house.controls.greeting), end: "quit" })),
  ],
  ["starttls", row(always, say.ok, startTls)],
  ["xclient", row(["idle"], say.transactionUnderWay, (talk, _phase, argument) => xclient(talk, argument))],
]);

/** A verb that is not in the table, EXPN among them (spec Q-009). */
export const unknownVerb: Run<Phase> = (_talk, phase) => ({
  phase,
  reply: say.unimplemented,
  refusal: { reason: "unknown-verb", kind: "command" },
});
