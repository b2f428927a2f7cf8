import { type ByteString, lowerAscii } from "#bytes";
import { fieldBody, type HeaderField } from "./header-fields.ts";
import type { Proof } from "./verify-message.ts";

/** RFC 8601 §2.2: a token, or an address; anything else is quoted. */
const plainValue = /^[A-Za-z0-9!#$%&'*+./^_`{|}~@-]+$/;
const longestValue = 250;

/** A peer's word as a property value: it can neither end the value nor the line. */
function value(text: ByteString): ByteString {
  const cut = text.slice(0, longestValue);
  if (plainValue.test(cut)) return cut;
  return `"${cut.replace(/[^\x20-\x7e]/g, "?").replace(/["\\]/g, "\\$&")}"`;
}

/** Words of ours or a peer's as a comment. */
function comment(text: ByteString): ByteString {
  return text === ""
    ? ""
    : ` (${text
        .slice(0, longestValue)
        .replace(/[^\x20-\x7e]/g, "?")
        .replace(/[()\\]/g, "\\$&")})`;
}

/** The results of a proof, one word each, as they stand behind the authserv-id. Empty: nothing was checked. */
export function resultsOf(proof: Proof): readonly ByteString[] {
  return [...spfResults(proof), ...dkimResults(proof), ...dmarcResults(proof), ...arcResults(proof)];
}

function spfResults({ spf, sender }: Proof): readonly ByteString[] {
  if (spf === null) return [];
  const property =
    spf.identity === "mailfrom" ? `smtp.mailfrom=${value(sender.reversePath)}` : `smtp.helo=${value(sender.helo)}`;
  return [`spf=${spf.result}${comment(spf.why)} ${property}`];
}

function dkimResults({ dkim }: Proof): readonly ByteString[] {
  if (dkim === null) return [];
  if (dkim.length === 0) return ["dkim=none (message is not signed)"];
  return dkim.map(({ result, why, keyBits, isTesting, domain, selector, algorithm, start }) => {
    const notes = [why, keyBits === null || why !== "" ? "" : `${keyBits}-bit key`, isTesting ? "testing" : ""];
    const properties = [
      ["d", domain],
      ["s", selector],
      ["a", algorithm],
      ["b", start],
    ].flatMap(([name, text = ""]) => (text === "" ? [] : [` header.${name}=${value(text)}`]));
    return `dkim=${result}${comment(notes.filter((note) => note !== "").join(", "))}${properties.join("")}`;
  });
}

function dmarcResults({ dmarc }: Proof): readonly ByteString[] {
  if (dmarc === null) return [];
  if (dmarc.length === 0) return ["dmarc=permerror (message has no author)"];
  return dmarc.map(({ result, why, policy, author }) => {
    const asked = policy === null ? why : `p=${policy}${why === "" ? "" : `, ${why}`}`;
    return `dmarc=${result}${comment(asked)} header.from=${value(author)}`;
  });
}

function arcResults({ arc }: Proof): readonly ByteString[] {
  if (arc === null) return [];
  const sealer = arc.sets.at(-1)?.seal.domain;
  const about = sealer === undefined ? "" : ` header.d=${value(sealer)}`;
  return [`arc=${arc.result}${comment(arc.why)}${about}`];
}

/** The whole field, one result a line (RFC 8601 §2.2), LF ends. */
export function authenticationResultsField(authservId: ByteString, results: readonly ByteString[]): ByteString {
  const said = results.length === 0 ? ["none"] : results;
  return `Authentication-Results: ${value(authservId)};\n${said.map((result) => `\t${result}`).join(";\n")}\n`;
}

/** RFC 7208 §9.1. */
export function receivedSpfField({ spf, sender }: Proof, receiver: ByteString): ByteString | null {
  if (spf === null) return null;
  const said =
    spf.result === "pass"
      ? `${receiver}: ${spf.domain} designates ${sender.ip} as permitted sender`
      : `${receiver}: ${spf.why}`;
  const pairs = [
    `client-ip=${value(sender.ip)}`,
    `envelope-from=${value(sender.reversePath === "" ? "<>" : sender.reversePath)}`,
    `helo=${value(sender.helo)}`,
    `identity=${spf.identity}`,
  ];
  return `Received-SPF: ${spf.result}${comment(said)}\n\t${pairs.join(";\n\t")}\n`;
}

/**
 * Whether a field pretends to be ours: an Authentication-Results of our authserv-id, or one whose id cannot be told (RFC 8601 §5).
 * Ids are compared without case; comments before them do not hide them.
 */
export function claimsToBe(field: HeaderField, authservId: ByteString): boolean {
  if (field.name !== "authentication-results") return false;
  const text = withoutComments(fieldBody(field)).trim();
  const id = /^"((?:[^"\\]|\\.)*)"/s.exec(text)?.[1]?.replace(/\\(.)/gs, "$1") ?? /^[^\s;"/=]+/.exec(text)?.[0] ?? "";
  return id === "" || lowerAscii(id).replace(/\.$/, "") === lowerAscii(authservId);
}

function withoutComments(text: ByteString): ByteString {
  let kept = "";
  let depth = 0;
  for (let at = 0; at < text.length; at++) {
    const character = text[at];
    if (character === "\\" && depth > 0) at++;
    else if (character === "(") depth++;
    else if (character === ")" && depth > 0) depth--;
    else if (depth === 0) kept += character;
  }
  return kept;
}

/** Whether an (ARC-)Authentication-Results says that DMARC passed; comments and quoted strings say nothing. */
export function saysDmarcPass(field: HeaderField): boolean {
  const text = withoutQuoted(withoutComments(fieldBody(field)));
  return text.split(";").some((piece) => /^[ \t\n]*dmarc[ \t\n]*=[ \t\n]*pass(?:[ \t\n]|$)/i.test(piece));
}

/** Quoted strings become a placeholder; one that does not end takes the rest with it. */
function withoutQuoted(text: ByteString): ByteString {
  let kept = "";
  let quoted = false;
  for (let at = 0; at < text.length; at++) {
    const character = text[at];
    if (quoted && character === "\\") at++;
    else if (character === '"') {
      quoted = !quoted;
      if (quoted) kept += "_";
    } else if (!quoted) kept += character;
  }
  return kept;
}
