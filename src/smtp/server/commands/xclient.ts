import { isIP } from "node:net";
import type { ByteString } from "#bytes";
import { decodeXtext } from "../../grammar/parameters.ts";
import type { Conversation } from "../conversation.ts";
import { idle, type Turn } from "../phase.ts";
import * as say from "../say.ts";

/** Which variable of the surroundings an attribute sets. PROTO and HELO are the session's own. */
const variables: ReadonlyMap<string, string> = new Map([
  ["NAME", "TCPREMOTEHOST"],
  ["ADDR", "TCPREMOTEIP"],
  ["PORT", "TCPREMOTEPORT"],
  ["LOGIN", "TCPREMOTEINFO"],
  ["DESTADDR", "TCPLOCALIP"],
  ["DESTPORT", "TCPLOCALPORT"],
]);
const addresses: ReadonlySet<string> = new Set(["ADDR", "DESTADDR"]);
const unknownValues: ReadonlySet<string> = new Set(["[UNAVAILABLE]", "[TEMPUNAVAIL]"]);
/** Postfix's bound on one attribute. */
const maxValueBytes = 255;

type Told = { readonly name: string /** Null: the proxy does not know. */; readonly value: ByteString | null };

/** Reads `NAME=value` with xtext values (Postfix XCLIENT_README); null if the word is none of the known attributes. */
function readAttribute(word: ByteString): Told | null {
  const equals = word.indexOf("=");
  const name = word.slice(0, equals).toUpperCase();
  const value = decodeXtext(word.slice(equals + 1));
  if (equals < 0 || value === null || value.length > maxValueBytes) return null;
  if (!variables.has(name) && name !== "PROTO" && name !== "HELO") return null;
  if (unknownValues.has(value.toUpperCase())) return { name, value: null };
  if (name === "PROTO") return /^E?SMTP$/i.test(value) ? { name, value: value.toUpperCase() } : null;
  if (!addresses.has(name)) return { name, value };
  const ip = value.replace(/^IPv6:/i, "");
  return isIP(ip) === 0 ? null : { name, value: ip };
}

/**
 * XCLIENT: a trusted proxy tells whom it speaks for. The session starts over, greeting and rules included, as if that client
 * had connected.
 */
export function xclient(talk: Conversation, argument: string): Turn {
  const { readmit } = talk.house;
  const wrong = { reason: "syntax", kind: "command" } as const;
  if (readmit === null) return { phase: idle, reply: say.noXclient, refusal: { ...wrong, reason: "sequence" } };
  const told = argument.split(/ +/).map(readAttribute);
  if (told.some((attribute) => attribute === null)) return { phase: idle, reply: say.badXclient, refusal: wrong };
  talk.helo = null;
  talk.extended = false;
  const next = new Map(talk.surroundings);
  for (const { name, value } of told as readonly Told[]) {
    const variable = variables.get(name);
    if (name === "HELO") talk.helo = value;
    if (name === "PROTO") talk.extended = value === "ESMTP";
    if (variable === undefined) continue;
    if (value === null) next.delete(variable);
    else next.set(variable, value);
  }
  const admitted = readmit(next);
  if (admitted === null) return { phase: idle, reply: say.deniedByRules, end: "rules" };
  talk.become(admitted);
  return { phase: idle, reply: say.greeting(talk.house.controls.greeting) };
}
