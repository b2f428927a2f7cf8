import { type ByteString, utf8ToByteString } from "#bytes";

/** RFC 4013 §2.1: blanks beyond ASCII's become one (RFC 3454 C.1.2), these vanish (B.1). */
const otherBlanks = /[\u00a0\u1680\u2000-\u200b\u202f\u205f\u3000]/gu;
const vanishing = /\u034f|\u200d|[\ufe00-\ufe0f]|[\u180b-\u180d]|[\u00ad\u1806\u200c\u2060\ufeff]/gu;
/** RFC 4013 §2.3: controls, private use, surrogates, non-characters, and what changes how text is shown. */
const prohibited =
  /[\u0340\u0341]|[\p{Cc}\p{Co}\p{Cs}\ufff9-\uffff\u2028\u2029\u200e\u200f\u202a-\u202e\u206a-\u206f\u2ff0-\u2ffb]/u;

const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

function decode(text: ByteString): string | null {
  try {
    return utf8.decode(Buffer.from(text, "latin1"));
  } catch {
    return null; // Not UTF-8: there is nothing to prepare.
  }
}

/**
 * SASLprep (RFC 4013) of UTF-8: the one form in which a name or password is compared, however it was typed. Null for what is not UTF-8 or
 * holds what it may not. Plain ASCII is returned as it is. The rule about directions (§2.4) is left to the client.
 */
export function saslPrep(text: ByteString): ByteString | null {
  if (/^[\x20-\x7e]*$/.test(text)) return text;
  const decoded = decode(text);
  if (decoded === null) return null;
  const mapped = decoded.replace(otherBlanks, " ").replace(vanishing, "").normalize("NFKC");
  return prohibited.test(mapped) ? null : utf8ToByteString(mapped);
}
