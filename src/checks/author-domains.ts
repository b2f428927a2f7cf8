import { domainToASCII } from "node:url";
import { type ByteString, displayText, lowerAscii } from "#bytes";
import { fieldBody, type HeaderField } from "./header-fields.ts";

/** More authors than this are not looked at; each may cost eight questions to DNS. */
const maxAuthors = 20;

/** The domains of From, lower case, A-labels, each once. Empty: there is no author to speak of. */
export function authorDomains(fields: readonly HeaderField[]): readonly string[] {
  const bodies = fields.filter(({ name }) => name === "from").map(fieldBody);
  const domains = bodies.flatMap(addressesIn).slice(0, maxAuthors).map(domainOfAuthor);
  return [...new Set(domains)].filter((domain) => domain !== "");
}

/** The addresses of an address list: quoted strings and comments dropped, what stands in <> if anything does. */
function addressesIn(body: ByteString): readonly ByteString[] {
  return withoutQuotes(body)
    .split(/[,;]/)
    .map((part) => /<([^<>]*)>[^<>]*$/.exec(part)?.[1] ?? part.slice(part.lastIndexOf(":") + 1))
    .filter((address) => address.includes("@"));
}

/** Comments (nested, RFC 5322 §3.2.2) become nothing, quoted strings a placeholder: names are anybody's, and may look like addresses. */
function withoutQuotes(text: ByteString): ByteString {
  let kept = "";
  let depth = 0;
  let quoted = false;
  for (let at = 0; at < text.length; at++) {
    const character = text[at];
    if (character === "\\") at++;
    else if (quoted) quoted = character !== '"';
    else if (character === "(") depth++;
    else if (character === ")" && depth > 0) depth--;
    else if (depth > 0) continue;
    else if (character === '"') {
      quoted = true;
      kept += "_";
    } else kept += character;
  }
  return kept;
}

function domainOfAuthor(address: ByteString): string {
  const domain = lowerAscii(address.slice(address.lastIndexOf("@") + 1).replace(/[ \t\r\n]+/g, "")).replace(/\.$/, "");
  return /^[a-z0-9_.-]+$/.test(domain) ? domain : domainToASCII(displayText(domain));
}
