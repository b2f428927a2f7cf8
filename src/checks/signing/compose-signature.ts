import { createHash, type KeyObject, sign } from "node:crypto";
import { type ByteString, toBytes } from "#bytes";
import { signedData } from "../dkim/signed-data.ts";
import type { HeaderField } from "../header-fields.ts";

/** Fields that are signed as often as they occur and once more, so that none can be added (RFC 6376 §8.15). */
const oversigned = [
  "from",
  "to",
  "cc",
  "subject",
  "date",
  "message-id",
  "reply-to",
  "mime-version",
  "content-type",
  "content-transfer-encoding",
] as const;
/** Fields that are signed where they occur. */
const signedIfThere = [
  "sender",
  "in-reply-to",
  "references",
  "list-id",
  "list-unsubscribe",
  "list-unsubscribe-post",
  "auto-submitted",
] as const;
/** RFC 5322 §3.6 allows one of each; a message with more is not worth a longer signature. */
const maxOfOneName = 5;
const lineChars = 70;

/** What a signature is made of. */
export type SignatureParts = {
  readonly domain: string;
  readonly selector: string;
  readonly key: KeyObject;
  /** SHA-256 of the body in relaxed form. */
  readonly bodyHash: Buffer;
  /** Unix seconds. */
  readonly signedAt: number;
  readonly expiresAt: number;
};

/** The names of h=, in order. */
export function namesToSign(fields: readonly HeaderField[]): readonly string[] {
  const count = (name: string): number => Math.min(maxOfOneName, fields.filter((field) => field.name === name).length);
  const times = (name: string, more: number): string[] => Array<string>(count(name) + more).fill(name);
  return [...oversigned.flatMap((name) => times(name, 1)), ...signedIfThere.flatMap((name) => times(name, 0))];
}

/** A DKIM-Signature field over a header and a body's hash (RFC 6376, 8463), LF ends, folded. */
export function composeSignature(fields: readonly HeaderField[], parts: SignatureParts): ByteString {
  const isRsa = parts.key.asymmetricKeyType === "rsa";
  const names = namesToSign(fields);
  const unsigned = [
    `DKIM-Signature: v=1; a=${isRsa ? "rsa" : "ed25519"}-sha256; c=relaxed/relaxed;`,
    `\td=${parts.domain}; s=${parts.selector};`,
    `\tt=${parts.signedAt}; x=${parts.expiresAt};`,
    `\th=${foldedList(names)};`,
    `\tbh=${parts.bodyHash.toString("base64")};`,
    "\tb=",
  ].join("\n");
  const data = toBytes(signedData(fields, names, { name: "dkim-signature", raw: `${unsigned}\n` }, "relaxed"));
  return `${unsigned}${folded(signatureOf(data, parts.key, isRsa))}\n`;
}

function signatureOf(data: Buffer, key: KeyObject, isRsa: boolean): string {
  const signature = isRsa ? sign("sha256", data, key) : sign(null, createHash("sha256").update(data).digest(), key);
  return signature.toString("base64");
}

function foldedList(names: readonly string[]): string {
  let text = "";
  let line = 0;
  for (const [index, name] of names.entries()) {
    if (line + name.length > lineChars) {
      text += "\n\t ";
      line = 0;
    }
    text += index === names.length - 1 ? name : `${name}:`;
    line += name.length + 1;
  }
  return text;
}

const folded = (base64: string): string => base64.replace(new RegExp(`(.{${lineChars}})(?=.)`, "g"), "$1\n\t ");
