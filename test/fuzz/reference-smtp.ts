/**
 * A second reading of an SMTP session, written from RFC 5321 alone and as plainly as can be: which messages are in these bytes? It
 * knows one way to end a message, CRLF . CRLF, and gives up at a LF that has no CR. Where it and the server disagree somebody can smuggle.
 */

/** A message as the reference takes it. */
export type ReferenceMessage = { readonly from: string; readonly to: readonly string[]; readonly body: string };

/** Wrong commands the server bears in one session; partner of `maxErrors` in src/smtp/server/session.ts. */
const maxErrors = 20;

const pathIn = (argument: string): string => /<([^<>]*)>/.exec(argument)?.[1] ?? "";

/** Every message that is whole, in order. Understands only what the fuzzer's sessions are made of. */
export function referenceMessages(session: string): readonly ReferenceMessage[] {
  const messages: ReferenceMessage[] = [];
  let from: string | null = null;
  let to: string[] = [];
  let errors = 0;
  let at = 0;
  while (errors <= maxErrors) {
    const lf = session.indexOf("\n", at);
    if (lf < 0) return messages;
    const line = session.slice(at, session[lf - 1] === "\r" && lf > at ? lf - 1 : lf);
    at = lf + 1;
    const [command = ""] = line.split("\0");
    const blank = command.indexOf(" ");
    const verb = (blank < 0 ? command : command.slice(0, blank)).replace(/[A-Z]/g, (letter) => letter.toLowerCase());
    const argument = blank < 0 ? "" : command.slice(blank).replace(/^ +/, "");
    if (verb === "quit") return messages;
    if (verb === "ehlo" || verb === "helo" || verb === "rset") [from, to] = [null, []];
    else if (verb === "mail") [from, to] = [pathIn(argument), []];
    else if (verb === "rcpt" && from !== null && pathIn(argument) !== "") to.push(pathIn(argument));
    else if (verb === "data" && from !== null && to.length > 0) {
      const end = session.startsWith(".\r\n", at) ? at : session.indexOf("\r\n.\r\n", at) + 2;
      const body = end === 1 ? session.slice(at) : session.slice(at, end);
      if (/(?<!\r)\n/.test(body) || end === 1) return messages;
      const lines = body === "" ? [] : body.slice(0, -2).split("\r\n");
      messages.push({ from, to, body: lines.map((text) => `${text.replace(/^\.(?!\r)/, "")}\n`).join("") });
      [from, to] = [null, []];
      at = end + 3;
    } else errors++;
  }
  return messages;
}
