import type { Conversation } from "../conversation.ts";
import { offeredMechanisms } from "../login.ts";
import { idle, type Turn } from "../phase.ts";
import * as say from "../say.ts";

/** HELO (RFC 5321 §4.1.1.1): one line back; the envelope starts over. */
export function helo(talk: Conversation, name: string): Turn {
  talk.helo = name;
  talk.extended = false;
  return { phase: idle, reply: say.hello(talk.house.controls.greeting) };
}

/** EHLO: what we can, one keyword a line. `8BITMIME` comes last, as classic clients' scripts know it. */
export function ehlo(talk: Conversation, name: string): Turn {
  talk.helo = name;
  talk.extended = true;
  return { phase: idle, reply: say.extendedHello(talk.house.controls.greeting, extensions(talk)) };
}

function extensions(talk: Conversation): readonly string[] {
  const { tls, controls } = talk.house;
  const { maxRecipients } = controls;
  const mechanisms = talk.house.login === null ? [] : offeredMechanisms(talk);
  return [
    "PIPELINING", // RFC 2920
    `SIZE ${talk.client.maxBytes}`, // RFC 1870; 0 is "no fixed limit"
    "SMTPUTF8", // RFC 6531
    "ENHANCEDSTATUSCODES", // RFC 2034
    "CHUNKING", // RFC 3030
    ...(tls !== null && talk.tls === null && tls.isOffered() ? ["STARTTLS"] : []), // RFC 3207
    ...(Number.isFinite(maxRecipients) ? [`LIMITS RCPTMAX=${maxRecipients}`] : []), // RFC 9422
    ...(talk.house.readmit === null ? [] : ["XCLIENT NAME ADDR PORT PROTO HELO LOGIN DESTADDR DESTPORT"]),
    // RFC 4954 §3; the second form is for clients older than it (spec 11.3).
    ...(mechanisms.length === 0 ? [] : [`AUTH ${mechanisms.join(" ")}`, `AUTH=${mechanisms.join(" ")}`]),
    "8BITMIME", // RFC 6152
  ];
}
